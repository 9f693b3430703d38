/* Many browsers that watch: each takes what comes to its socket and tells of it as browsers do.
 *
 *     browsers N SECONDS PACKETS_A_SECOND
 *
 * Prints the ports; reads the server's, then gives feedback to it: transport-wide (extension id 5,
 * draft-holmer-rmcat-transport-wide-cc-extensions-01) each 100 ms, a receiver report each second;
 * and each sends so many packets of 1,100 bytes, of type 31, with a number of that extension.
 * Prints at the end: packets received, feedback messages, reports, packets sent, messages of
 * feedback on those.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define BROWSERS 1024
#define SEEN 256
#define FEEDBACK_US 100000
#define REPORT_US 1000000
#define PACKET_BYTES 1100

struct browser {
    int fd;
    uint16_t seen[SEEN];
    int64_t at_us[SEEN];
    int count;
    uint8_t number;
    int64_t feedback_us, report_us, packet_us;
    uint32_t ssrc;
    uint16_t highest, sent;
};

static struct browser browsers[BROWSERS];
static uint64_t received, feedbacks, reports, sent, answers;

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* The transport-wide number, in a block of one-byte elements; -1 for none. */
static int wide_sequence(const uint8_t *packet, int length) {
    if (length < 16 || !(packet[0] & 0x10)) return -1;
    int end = 16 + 4 * (packet[14] << 8 | packet[15]);
    for (int at = 16; at < end && at < length;) {
        int id = packet[at] >> 4, size = (packet[at] & 15) + 1;
        if (id == 5) return packet[at + 1] << 8 | packet[at + 2];
        at += id ? 1 + size : 1;
    }
    return -1;
}

/* Messages of transport-wide feedback in a compound. */
static unsigned fed_back(const uint8_t *packet, int length) {
    unsigned found = 0;
    if (length < 8 || packet[1] < 200 || packet[1] > 207) return 0;
    for (int at = 0; at + 4 <= length; at += 4 + 4 * (packet[at + 2] << 8 | packet[at + 3]))
        found += packet[at] == 0x8f && packet[at + 1] == 205;
    return found;
}

static void take(struct browser *it, int64_t now) {
    uint8_t packet[2048];
    ssize_t length;
    while ((length = recv(it->fd, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        answers += fed_back(packet, (int)length);
        int number = wide_sequence(packet, (int)length);
        if (number < 0) continue;
        received++;
        memcpy(&it->ssrc, packet + 8, 4);
        it->highest = (uint16_t)(packet[2] << 8 | packet[3]);
        if (it->count == SEEN) continue;
        it->seen[it->count] = (uint16_t)number;
        it->at_us[it->count++] = now;
    }
}

static void give_feedback(struct browser *it) {
    uint8_t out[20 + 2 * SEEN + 2 * SEEN] = {0x8f, 205};
    if (it->count == 0) return;
    int64_t reference = it->at_us[0] / 64000, last = reference * 256;
    put32(out + 4, 1);
    memcpy(out + 8, &it->ssrc, 4);
    put16(out + 12, it->seen[0]);
    put16(out + 14, (unsigned)it->count);
    put32(out + 16, (uint32_t)reference << 8 | it->number++);
    int at = 20;
    for (int done = 0; done < it->count; done += 7) { /* vectors of seven: each a delta of two */
        unsigned chunk = 0xc000;
        for (int i = 0; i < 7 && done + i < it->count; i++) chunk |= 2u << (12 - 2 * i);
        put16(out + at, chunk);
        at += 2;
    }
    for (int i = 0; i < it->count; i++) {
        int64_t ticks = it->at_us[i] / 250;
        put16(out + at, (unsigned)(ticks - last) & 0xffff);
        last = ticks;
        at += 2;
    }
    while (at % 4) out[at++] = 0;
    put16(out + 2, (unsigned)at / 4 - 1);
    send(it->fd, out, (size_t)at, 0);
    feedbacks++;
    it->count = 0;
}

static void give_report(struct browser *it) {
    uint8_t out[32] = {0x81, 201, 0, 7};
    put32(out + 4, 1);
    memcpy(out + 8, &it->ssrc, 4);
    put32(out + 16, it->highest);
    send(it->fd, out, sizeof out, 0);
    reports++;
}

/* The payload is an intra picture's first bytes, as H.261 writes them, and noughts. */
static void give_packet(struct browser *it, unsigned rate) {
    static uint8_t out[PACKET_BYTES] = {0x90, 31, [12] = 0xbe, 0xde, 0, 1, 0x51};
    uint16_t number = it->sent++;
    put16(out + 2, number);
    put32(out + 4, (uint32_t)number * (90000 / rate));
    put32(out + 8, 5000 + (uint32_t)(it - browsers));
    put16(out + 17, number);
    out[25] = 1;
    send(it->fd, out, sizeof out, 0);
    sent++;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    unsigned rate = (unsigned)atoi(argv[3]);
    int count = atoi(argv[1]), port, epoll = epoll_create1(0);
    struct rlimit most = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &most);
    for (int i = 0; i < count; i++) {
        struct sockaddr_in here = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
        socklen_t length = sizeof here;
        browsers[i].fd = socket(AF_INET, SOCK_DGRAM, 0);
        bind(browsers[i].fd, (struct sockaddr *)&here, sizeof here);
        getsockname(browsers[i].fd, (struct sockaddr *)&here, &length);
        printf("%s%d", i ? " " : "", ntohs(here.sin_port));
    }
    printf("\n");
    fflush(stdout);
    if (scanf("%d", &port) != 1) return 2;
    int64_t begun = now_us(), end = begun + (int64_t)(atof(argv[2]) * 1e6);
    for (int i = 0; i < count; i++) {
        struct sockaddr_in to = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
        connect(browsers[i].fd, (struct sockaddr *)&to, sizeof to);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &browsers[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, browsers[i].fd, &event);
        browsers[i].feedback_us = begun + (int64_t)FEEDBACK_US * i / count;
        browsers[i].report_us = begun + (int64_t)REPORT_US * i / count;
        browsers[i].packet_us = rate ? begun + 1000000 / rate * i / count : INT64_MAX;
    }
    for (int64_t now; (now = now_us()) < end;) {
        struct epoll_event ready[256];
        int found = epoll_wait(epoll, ready, 256, 1);
        for (int i = 0; i < found; i++) take(ready[i].data.ptr, now);
        for (int i = 0; i < count; i++) {
            struct browser *it = &browsers[i];
            if (it->feedback_us <= now) {
                give_feedback(it);
                it->feedback_us += FEEDBACK_US;
            }
            if (it->report_us <= now) {
                give_report(it);
                it->report_us += REPORT_US;
            }
            if (it->packet_us <= now) {
                give_packet(it, rate);
                it->packet_us += 1000000 / rate;
            }
        }
    }
    printf("%lu %lu %lu %lu %lu\n", received, feedbacks, reports, sent, answers);
    return 0;
}
