/* The threaded engine under TSan: packets, commands, snapshots and polls all at once; with several
 * threads, two peers behind one socket live on two of them and send to each other. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

static sfu *engine;
static struct sockaddr_in server;

static int bound(struct sockaddr_in *here) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof *here;
    *here = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    assert(bind(fd, (struct sockaddr *)here, length) == 0);
    getsockname(fd, (struct sockaddr *)here, &length);
    return fd;
}

static void apply(uint32_t kind, const void *body, size_t size) {
    uint8_t bytes[1024];
    struct sfu_record record = {(uint32_t)(sizeof record + size), kind};
    memcpy(bytes, &record, sizeof record);
    memcpy(bytes + sizeof record, body, size);
    assert(sfu_apply(engine, bytes, record.size) == 0);
}

static struct sfu_open_transport set_up(int fd, const struct sockaddr_in *peer) {
    struct sfu_open_socket socket = {1, fd};
    apply(COMMAND_OPEN_SOCKET, &socket, sizeof socket);
    struct sfu_open_transport transport = {.transport = 1, .rtp_socket = 1, .rtcp_socket = 1};
    transport.gso = 1;
    transport.remote = (struct sfu_address){.family = 4, .port = ntohs(peer->sin_port)};
    memcpy(transport.remote.host, &peer->sin_addr, 4);
    apply(COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
    struct sfu_set_source source = {.source = 1, .transport = 1, .clock_hz = 8000, .nack = 1};
    source.kind = KIND_AUDIO;
    source.payload_count = 1;
    source.payloads[0] = (struct sfu_payload){9, CODEC_G722};
    apply(COMMAND_SET_SOURCE, &source, sizeof source);
    struct sfu_set_sink sink = {.sink = 1, .transport = 1, .ssrc = 7, .clock_hz = 8000};
    sink.kind = KIND_AUDIO;
    sink.history = 64;
    sink.payload_count = 1;
    sink.payloads[0] = (struct sfu_payload){CODEC_G722, 9};
    apply(COMMAND_SET_SINK, &sink, sizeof sink);
    return transport;
}

/* Pictures behind a line that is too thin for them: some wait while commands come. */
static void set_up_line(void) {
    struct sfu_set_source source = {.source = 2, .transport = 1, .clock_hz = 90000};
    source.kind = KIND_VIDEO;
    source.payload_count = 1;
    source.payloads[0] = (struct sfu_payload){97, CODEC_H264};
    apply(COMMAND_SET_SOURCE, &source, sizeof source);
    struct sfu_set_sink sink = {.sink = 2, .transport = 1, .ssrc = 8, .clock_hz = 90000};
    sink.kind = KIND_VIDEO;
    sink.history = 64;
    sink.has_rtx = 1;
    sink.rtx_ssrc = 9;
    sink.payload_count = sink.rtx_count = 1;
    sink.payloads[0] = (struct sfu_payload){CODEC_H264, 97};
    sink.rtx[0] = (struct sfu_payload){97, 98};
    apply(COMMAND_SET_SINK, &sink, sizeof sink);
    struct sfu_set_route route = {2, 2, 7, 0};
    apply(COMMAND_SET_ROUTE, &route, sizeof route);
    struct sfu_set_marks marks = {46, 34, 26, 24, {0}};
    apply(COMMAND_SET_MARKS, &marks, sizeof marks);
}

static struct sockaddr_in second;

/* Another peer behind the same socket: on another thread, where there is one. */
static void open_second(void) {
    struct sfu_open_transport transport = {.transport = 2, .rtp_socket = 1, .rtcp_socket = 1};
    transport.gso = 1;
    transport.group = 2;
    transport.remote = (struct sfu_address){.family = 4, .port = ntohs(second.sin_port)};
    memcpy(transport.remote.host, &second.sin_addr, 4);
    apply(COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
    struct sfu_set_source source = {.source = 3, .transport = 2, .clock_hz = 8000};
    source.kind = KIND_AUDIO;
    source.payload_count = 1;
    source.payloads[0] = (struct sfu_payload){9, CODEC_G722};
    apply(COMMAND_SET_SOURCE, &source, sizeof source);
    struct sfu_set_sink sink = {.sink = 3, .transport = 2, .ssrc = 70, .clock_hz = 8000};
    sink.kind = KIND_AUDIO;
    sink.payload_count = 1;
    sink.payloads[0] = (struct sfu_payload){CODEC_G722, 9};
    apply(COMMAND_SET_SINK, &sink, sizeof sink);
    sink.sink = 4;
    sink.transport = 1;
    sink.ssrc = 71;
    apply(COMMAND_SET_SINK, &sink, sizeof sink);
    struct sfu_set_route there = {3, 1, 7, 0}, back = {4, 3, 7, 0};
    apply(COMMAND_SET_ROUTE, &there, sizeof there);
    apply(COMMAND_SET_ROUTE, &back, sizeof back);
}

static void close_second(void) {
    struct sfu_close transport = {2, 0};
    apply(COMMAND_CLOSE_TRANSPORT, &transport, sizeof transport);
}

static size_t put_transmit(uint8_t *at, uint32_t kind, uint32_t id, const struct sockaddr_in *to) {
    struct sfu_transmit command = {id, 8, {.family = 4, .port = ntohs(to->sin_port)}};
    static const uint8_t report[8] = {0x80, 201, 0, 1, 0, 0, 0, 1};
    struct sfu_record record = {sizeof record + sizeof command + sizeof report, kind};
    memcpy(command.remote.host, &to->sin_addr, 4);
    memcpy(at, &record, sizeof record);
    memcpy(at + sizeof record, &command, sizeof command);
    memcpy(at + sizeof record + sizeof command, report, sizeof report);
    return record.size;
}

/* What only sends, to peers of several threads: each of them stops for its own part alone. */
static void transmit_to_both(const struct sfu_address *first) {
    uint8_t bytes[1024];
    struct sockaddr_in to = {AF_INET, htons(first->port), {0}, {0}};
    memcpy(&to.sin_addr, first->host, 4);
    size_t size = put_transmit(bytes, COMMAND_TRANSMIT, 1, &to);
    size += put_transmit(bytes + size, COMMAND_TRANSMIT, 1, &second);
    size += put_transmit(bytes + size, COMMAND_TRANSMIT_RTCP, 1, &to);
    size += put_transmit(bytes + size, COMMAND_TRANSMIT_RTCP, 2, &second);
    assert(sfu_apply(engine, bytes, size) == 0);
    assert(sfu_apply(engine, bytes, size - 4) == -1); /* the last one cut short */
}

static void change_line(uint32_t i, struct sfu_open_transport *transport) {
    struct sfu_set_line line = {.line = 1, .overhead_bytes = 10, .framing = FRAMING_ATM};
    line.rate_bps = 300000 + i * 10000;
    apply(COMMAND_SET_LINE, &line, sizeof line);
    transport->line = i % 5 ? 1 : 0;
    apply(COMMAND_OPEN_TRANSPORT, transport, sizeof *transport);
    struct sfu_probe probe = {1, 2, 400000, 20000};
    apply(COMMAND_PROBE, &probe, sizeof probe);
    struct sfu_close close_line = {1, 0};
    if (i % 50 == 49) apply(COMMAND_CLOSE_LINE, &close_line, sizeof close_line);
}

static void *ask(void *context) {
    static uint8_t buffer[1 << 20];
    for (uint32_t i = 0; i < 300; i++) {
        change_line(i, context);
        if (i % 7 == 6) close_second();
        if (i % 7 == 6) open_second();
        struct sfu_set_route route = {1, i % 3 ? 1 : 0, 7, 0};
        apply(COMMAND_SET_ROUTE, &route, sizeof route);
        transmit_to_both(&((struct sfu_open_transport *)context)->remote);
        assert(sfu_snapshot(engine, buffer, sizeof buffer) > 0);
        sfu_poll(engine, buffer, sizeof buffer);
    }
    return NULL;
}

static void bear(int threads) {
    struct sockaddr_in peer;
    int fd = bound(&peer), other = bound(&second), ours = bound(&server), got_other = 0;
    engine = sfu_open(threads);
    assert(engine);
    struct sfu_open_transport transport = set_up(ours, &peer);
    set_up_line();
    open_second();
    pthread_t asking;
    pthread_create(&asking, NULL, ask, &transport);
    uint8_t packet[172] = {0x80, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, in[2048];
    uint8_t picture[1100] = {0x80, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88};
    uint8_t stun[20] = {0, 1};
    int got = 0;
    for (int i = 0; i < 3000; i++) {
        packet[2] = (uint8_t)(i >> 8);
        packet[3] = (uint8_t)i;
        sendto(fd, i % 50 ? packet : stun, i % 50 ? sizeof packet : sizeof stun, 0,
               (struct sockaddr *)&server, sizeof server);
        picture[2] = packet[2];
        picture[3] = packet[3];
        sendto(fd, picture, sizeof picture, 0, (struct sockaddr *)&server, sizeof server);
        sendto(other, i % 50 ? packet : stun, i % 50 ? sizeof packet : sizeof stun, 0,
               (struct sockaddr *)&server, sizeof server);
        while (recv(fd, in, sizeof in, MSG_DONTWAIT) > 0) got++;
        while (recv(other, in, sizeof in, MSG_DONTWAIT) > 0) got_other++;
    }
    pthread_join(asking, NULL);
    struct sfu_set_route route = {1, 1, 7, 0};
    apply(COMMAND_SET_ROUTE, &route, sizeof route);
    packet[2]++;
    sendto(fd, packet, sizeof packet, 0, (struct sockaddr *)&server, sizeof server);
    struct pollfd ready = {fd, POLLIN, 0};
    assert(poll(&ready, 1, 2000) == 1 || got > 0);
    assert(got_other > 0);
    close_second();
    struct sfu_close close_transport = {1, 0}, close_socket = {1, 0};
    apply(COMMAND_CLOSE_TRANSPORT, &close_transport, sizeof close_transport);
    apply(COMMAND_CLOSE_SOCKET, &close_socket, sizeof close_socket);
    sfu_close(engine);
    close(fd);
    close(other);
}

int main(void) {
    bear(1);
    bear(3);
    return 0;
}
