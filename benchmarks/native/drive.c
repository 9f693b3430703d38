/* Drives a forwarder: one source, N sinks, in a closed loop or paced.
 *
 *     drive N BYTES BURST GAP_US SECONDS [SOURCE]
 *
 * SOURCE is an inherited descriptor, where the forwarder wants more of its source than packets.
 * Prints the ports of the source and the sinks; reads "PORT SENDING OPENING": the forwarder's port,
 * 0 where SOURCE is connected already, the source's key and the first sink's, each "-" for plain
 * RTP or "SUITE:HEX" with key and salt; prints "packets lost p50_us p99_us".
 * GAP_US 0 sends the next burst when the last has come out everywhere.  A BURST with "+" behind it
 * leaves in one call (UDP_SEGMENT): all of it is there before the forwarder wakes, also where that
 * shares our core and would stop us after the first packet.
 *
 * Each payload holds the moment it was written; the first sink opens what it gets and tells the
 * time that took, so its content is checked as well. The others count.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "srtp.h"

#define SINKS 128
#define TIMES (1 << 22)
#define PATIENCE_US 200000
#define STAMP_AT 16 /* in the payload */

static uint32_t times_us[TIMES];
static size_t time_count;
static uint64_t packets, lost, foreign;
static int sink_fds[SINKS];
static struct srtp *opening; /* of the first sink; NULL where it gets plain RTP */

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int udp(void) {
    struct sockaddr_in here = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 4 << 20;
    bind(fd, (struct sockaddr *)&here, sizeof here);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static int port_of(int fd) {
    struct sockaddr_in here;
    socklen_t length = sizeof here;
    getsockname(fd, (struct sockaddr *)&here, &length);
    return ntohs(here.sin_port);
}

static void send_segments(int fd, const uint8_t *bytes, size_t length, uint16_t each) {
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof each)];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)bytes, length};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *at = CMSG_FIRSTHDR(&message);
    at->cmsg_level = IPPROTO_UDP;
    at->cmsg_type = UDP_SEGMENT;
    at->cmsg_len = CMSG_LEN(sizeof each);
    memcpy(CMSG_DATA(at), &each, sizeof each);
    if (sendmsg(fd, &message, 0) < 0) perror("drive: a burst in one call");
}

static void send_burst(int fd, struct srtp *sending, int burst, int bytes, bool together) {
    static uint8_t waiting[65536];
    size_t used = 0;
    static uint16_t sequence;
    static uint32_t timestamp;
    uint8_t payload[2048] = {[5] = 1}, packet[2048]; /* H.261: each begins a picture */
    timestamp += 3000;
    for (int i = 0; i < burst; i++) {
        uint16_t number = htons(sequence++);
        uint32_t stamp = htonl(timestamp);
        int size = 12 + bytes;
        int64_t now = now_us();
        memcpy(payload + STAMP_AT, &now, sizeof now);
        memcpy(packet, (uint8_t[12]){0x80, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 12);
        memcpy(packet + 2, &number, 2);
        memcpy(packet + 4, &stamp, 4);
        if (sending)
            size = srtp_protect(sending, packet, 12, payload, (size_t)bytes, sizeof packet);
        else
            memcpy(packet + 12, payload, (size_t)bytes);
        if (!together) {
            send(fd, packet, (size_t)size, 0);
            continue;
        }
        memcpy(waiting + used, packet, (size_t)size);
        used += (size_t)size;
    }
    if (together) send_segments(fd, waiting, used, (uint16_t)(used / (size_t)burst));
}

/* How long a packet took; false where it is none of ours. */
static bool read_stamp(uint8_t *packet, int size, uint32_t *took_us) {
    int64_t stamp;
    if (opening) size = srtp_unprotect(opening, packet, (size_t)size);
    if (size < 12) return false;
    int at = 12 + (packet[0] & 0x10 ? 4 + 4 * (packet[14] << 8 | packet[15]) : 0) + STAMP_AT;
    if (at + (int)sizeof stamp > size) return false;
    memcpy(&stamp, packet + at, sizeof stamp);
    int64_t took = now_us() - stamp;
    *took_us = (uint32_t)took;
    return took >= 0 && took < 10000000;
}

static int drain(int fd) {
    static uint8_t buffers[64][2048];
    static struct iovec iov[64];
    static struct mmsghdr messages[64];
    for (int i = 0; i < 64; i++) {
        iov[i] = (struct iovec){buffers[i], sizeof buffers[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, 64, MSG_DONTWAIT, NULL), kept = 0;
    for (int i = 0; i < count; i++) {
        uint32_t took_us;
        if ((buffers[i][1] & 127) >= 72 && (buffers[i][1] & 127) <= 76) continue; /* its RTCP */
        kept++;
        if (fd != sink_fds[0] || time_count == TIMES) continue;
        if (read_stamp(buffers[i], (int)messages[i].msg_len, &took_us))
            times_us[time_count++] = took_us;
        else
            foreign++;
    }
    return kept;
}

static void collect(int epoll, int expected, int64_t since_us) {
    struct epoll_event ready[SINKS];
    int got = 0;
    while (got < expected && now_us() - since_us < PATIENCE_US) {
        int count = epoll_wait(epoll, ready, SINKS, 10);
        for (int i = 0; i < count; i++) got += drain(ready[i].data.fd);
    }
    packets += (uint64_t)got;
    lost += (uint64_t)(expected - got);
}

static int by_time(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

/* "-" for none, or a suite's number, a colon, key and salt in hex. */
static bool read_key(struct srtp **srtp) {
    char word[128];
    uint8_t bytes[46] = {0};
    int suite, at = 0, size = 0;
    if (scanf("%127s", word) != 1) return false;
    if (!strcmp(word, "-")) return true;
    if (sscanf(word, "%d:%n", &suite, &at) != 1) return false;
    for (unsigned byte; size < 46 && sscanf(word + at, "%2x", &byte) == 1; at += 2)
        bytes[size++] = (uint8_t)byte;
    *srtp = srtp_new(suite, bytes, bytes + (size > 30 ? 32 : 16), NULL, 0);
    return *srtp != NULL;
}

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    int count = atoi(argv[1]), bytes = atoi(argv[2]), burst = atoi(argv[3]), port;
    int64_t gap_us = atoi(argv[4]), length_us = (int64_t)(atof(argv[5]) * 1e6);
    bool together = strchr(argv[3], '+') != NULL;
    if (together && burst * (bytes + 64) > 65000) return 2;
    int epoll = epoll_create1(0), source = argc > 6 ? atoi(argv[6]) : udp();
    struct srtp *sending = NULL;
    printf("%d", port_of(source));
    for (int i = 0; i < count; i++) {
        sink_fds[i] = udp();
        struct epoll_event event = {.events = EPOLLIN, .data.fd = sink_fds[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, sink_fds[i], &event);
        printf(" %d", port_of(sink_fds[i]));
    }
    printf("\n");
    fflush(stdout);
    if (scanf("%d", &port) != 1 || !read_key(&sending) || !read_key(&opening)) return 2;
    struct sockaddr_in to = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
    if (port) connect(source, (struct sockaddr *)&to, sizeof to);
    for (int64_t next_us = now_us(), end_us = next_us + length_us; now_us() < end_us;) {
        if (gap_us) {
            int64_t wait_us = next_us - now_us();
            if (wait_us > 0) usleep((useconds_t)wait_us);
            next_us += gap_us;
        }
        int64_t since_us = now_us();
        send_burst(source, sending, burst, bytes, together);
        collect(epoll, burst * count, since_us);
    }
    if (time_count == 0 || foreign) {
        fprintf(stderr, "the first sink got %lu packets of ours, %lu others\n", time_count, foreign);
        return 1;
    }
    qsort(times_us, time_count, sizeof *times_us, by_time);
    printf("%lu %lu %u %u\n", packets, lost, times_us[time_count / 2],
           times_us[time_count - 1 - time_count / 100]);
    return 0;
}
