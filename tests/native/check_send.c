/* Segmented sends that the kernel refuses; sendmmsg is wrapped to inject the error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "send.h"

static int inject, refused;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    if (!inject || !messages->msg_hdr.msg_controllen)
        return __real_sendmmsg(fd, messages, inject ? 1 : count, flags);
    refused++;
    errno = inject;
    return -1;
}

static int bound(struct sockaddr_in *here) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof *here;
    *here = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    assert(bind(fd, (struct sockaddr *)here, length) == 0);
    getsockname(fd, (struct sockaddr *)here, &length);
    return fd;
}

static void flush(struct batch *batch, void *context) {
    (void)context;
    send_batch(batch, 0);
}

static int receive_all(int fd, size_t *sizes) {
    uint8_t buffer[2048];
    int count = 0;
    struct pollfd ready = {fd, POLLIN, 0};
    while (poll(&ready, 1, count < 7 ? 1000 : 0) == 1)
        sizes[count++] = (size_t)recv(fd, buffer, sizeof buffer, 0);
    return count;
}

static void send_seven(struct batch *batch, struct path *path) {
    for (int i = 0; i < 7; i++) {
        uint8_t *bytes = batch_reserve(batch);
        memset(bytes, i, 100);
        batch_commit(batch, path, bytes, i == 3 ? 60 : 100, 0, 0);
    }
    batch_flush(batch);
}

int main(void) {
    struct batch *batch = calloc(1, sizeof *batch);
    batch->flush = flush;
    struct sockaddr_in here, there;
    struct socket socket = {.fd = bound(&here), .internet = true};
    int receiver = bound(&there);
    struct transport transport = {.gso = 1};
    struct path *path = &transport.rtp;
    path->transport = &transport;
    path->socket = &socket;
    path->first = path->last = -1;
    path->remote = (struct sfu_address){.family = 4, .port = ntohs(there.sin_port)};
    memcpy(path->remote.host, &there.sin_addr, 4);
    size_t sizes[32], expected[] = {100, 100, 100, 60, 100, 100, 100};

    send_seven(batch, path); /* one run closed by the shorter packet, then another */
    assert(receive_all(receiver, sizes) == 7 && memcmp(sizes, expected, sizeof expected) == 0);
    assert(socket.row.gso_packets == 7 && socket.row.sent_packets == 7 && !transport.gso_failed);

    inject = EIO;
    send_seven(batch, path);
    assert(refused == 2 && transport.gso_failed);
    assert(receive_all(receiver, sizes) == 7 && memcmp(sizes, expected, sizeof expected) == 0);
    assert(socket.row.gso_packets == 7 && socket.row.sent_packets == 14);

    send_seven(batch, path); /* never tried again */
    assert(refused == 2 && receive_all(receiver, sizes) == 7);
    assert(socket.row.send_errors == 0);

    close(receiver);
    close(socket.fd);
    free(batch);
    return 0;
}
