/* What the loop sends together: a picture of eight packets, of which the first wakes it.
 *
 * recvmmsg is wrapped so that each turn begins with one packet alone, the others coming while that
 * one is worked on, and sendmmsg to see what would leave. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define PICTURE 8
#define FIRST_PORT 40000

static sfu *engine;
static atomic_int come, calls, sends, flood, waited;
static atomic_int vectors, last_port, out_of_order; /* of what was sent */

int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout) {
    bool first = atomic_fetch_add(&calls, 1) == 0;
    while (atomic_load(&come) < PICTURE) usleep(100);
    if (first || !atomic_load(&flood) || atomic_load(&sends))
        return __real_recvmmsg(fd, messages, first ? 1 : count, flags, timeout);
    messages->msg_len = 1; /* rubbish, as long as nothing is sent */
    return 1;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    (void)fd, (void)flags;
    if (!atomic_load(&sends)) atomic_store(&waited, atomic_load(&calls));
    for (unsigned i = 0; i < count; i++) {
        const struct sockaddr_in *to = messages[i].msg_hdr.msg_name;
        if (ntohs(to->sin_port) < atomic_load(&last_port)) atomic_fetch_add(&out_of_order, 1);
        atomic_store(&last_port, ntohs(to->sin_port));
        atomic_fetch_add(&vectors, (int)messages[i].msg_hdr.msg_iovlen);
    }
    atomic_fetch_add(&sends, (int)count);
    return (int)count;
}

static void apply(uint32_t kind, const void *body, size_t size) {
    uint8_t bytes[1024];
    struct sfu_record record = {(uint32_t)(sizeof record + size), kind};
    memcpy(bytes, &record, sizeof record);
    memcpy(bytes + sizeof record, body, size);
    assert(sfu_apply(engine, bytes, record.size) == 0);
}

static void open_peer(uint32_t id, uint16_t port) {
    struct sfu_open_transport transport = {.transport = id, .rtp_socket = 1, .rtcp_socket = 1};
    transport.gso = 1;
    transport.remote = (struct sfu_address){.family = 4, .port = port, .host = {127, 0, 0, 1}};
    apply(COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
}

static void open_room(uint16_t source_port, uint32_t viewers) {
    open_peer(1, source_port);
    struct sfu_set_source source = {.source = 1, .transport = 1, .clock_hz = 90000};
    source.kind = KIND_VIDEO;
    source.payload_count = 1;
    source.payloads[0] = (struct sfu_payload){31, CODEC_H261};
    apply(COMMAND_SET_SOURCE, &source, sizeof source);
    for (uint32_t i = 0; i < viewers; i++) {
        open_peer(2 + i, (uint16_t)(FIRST_PORT + i));
        struct sfu_set_sink sink = {.sink = 1 + i, .transport = 2 + i, .ssrc = 9 + i};
        sink.kind = KIND_VIDEO;
        sink.clock_hz = 90000;
        sink.payload_count = 1;
        sink.payloads[0] = (struct sfu_payload){CODEC_H261, 31};
        apply(COMMAND_SET_SINK, &sink, sizeof sink);
        struct sfu_set_route route = {1 + i, 1, 0, 0};
        apply(COMMAND_SET_ROUTE, &route, sizeof route);
    }
}

static int bound(struct sockaddr_in *here) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof *here;
    *here = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    assert(bind(fd, (struct sockaddr *)here, length) == 0);
    getsockname(fd, (struct sockaddr *)here, &length);
    return fd;
}

/* A picture to so many; returns when as many packets as expected have been sent. */
static void show(int viewers, int expected) {
    struct sockaddr_in here, server;
    uint8_t packet[1100] = {0x80, 31, [12 + 5] = 1};
    int fd = bound(&here), ours = bound(&server);
    atomic_store(&come, PICTURE); /* what wakes it before is no picture */
    engine = sfu_open(1);
    assert(engine);
    struct sfu_open_socket socket = {1, ours};
    apply(COMMAND_OPEN_SOCKET, &socket, sizeof socket);
    open_room(ntohs(here.sin_port), (uint32_t)viewers);
    atomic_store(&calls, 0);
    atomic_store(&sends, 0);
    atomic_store(&vectors, 0);
    atomic_store(&last_port, 0);
    atomic_store(&out_of_order, 0);
    atomic_store(&come, 0);
    for (int i = 0; i < PICTURE; i++) {
        packet[3] = (uint8_t)i;
        sendto(fd, packet, sizeof packet, 0, (struct sockaddr *)&server, sizeof server);
        atomic_fetch_add(&come, 1);
    }
    for (int ms = 0; ms < 5000 && atomic_load(&vectors) < expected; ms++) usleep(1000);
    sfu_close(engine);
    close(fd);
}

static void to_many_it_leaves_together_and_in_order(void) {
    show(32, 32 * PICTURE);
    assert(vectors == 32 * PICTURE);
    assert(sends == 32); /* one for each, in segments, not one alone and seven behind it */
    assert(out_of_order == 0);
}

static void to_few_the_first_waits_for_nobody(void) {
    show(4, 4 * PICTURE);
    assert(vectors == 4 * PICTURE);
    assert(sends == 4 + 4);
}

static void what_goes_nowhere_holds_nothing_up(void) {
    atomic_store(&flood, 1);
    show(32, 32 * PICTURE);
    atomic_store(&flood, 0);
    assert(sends == 32 + 32);
    assert(waited <= 8);
}

int main(void) {
    to_many_it_leaves_together_and_in_order();
    to_few_the_first_waits_for_nobody();
    what_goes_nowhere_holds_nothing_up();
    return 0;
}
