/* Two rooms behind one socket, on two threads: who reads the socket hands over what is the other's while it
 * sends, and what comes for itself meanwhile keeps its order.
 *
 * sendmmsg is wrapped: the first room's picture stands still in the middle of being sent until the second
 * room's packet has left. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define VIEWERS 32
#define FIRST_PORT 40000
#define SECOND_PORT 41000
#define PATIENCE_MS 5000

static sfu *engine;
static int cameras[2];
static struct sockaddr_in server;
static atomic_int chunks, firsts, seconds, firsts_before, waited_ms, out_of_order;
static uint8_t newest[VIEWERS]; /* packet of the first room, by viewer */

static void send_packet(int camera, uint8_t sequence) {
    uint8_t packet[300] = {0x80, 31, 0, sequence, [8] = 1, [12 + 5] = 1};
    sendto(cameras[camera], packet, sizeof packet, 0, (struct sockaddr *)&server, sizeof server);
}

static void note_first(const struct msghdr *message, int viewer) {
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        uint8_t sequence = ((const uint8_t *)message->msg_iov[i].iov_base)[3];
        if (atomic_load(&firsts) >= VIEWERS && (uint8_t)(sequence - newest[viewer]) != 1)
            atomic_fetch_add(&out_of_order, 1);
        newest[viewer] = sequence;
        atomic_fetch_add(&firsts, 1);
    }
}

/* After the first part of the first picture: more for both rooms, then until the second has its own. */
static void stand_still(void) {
    for (uint8_t i = 1; i < 4; i++) send_packet(0, i);
    send_packet(1, 0);
}

static void wait_for_the_second_room(void) {
    while (!atomic_load(&seconds) && atomic_fetch_add(&waited_ms, 1) < PATIENCE_MS) usleep(1000);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    (void)fd, (void)flags;
    bool first = false;
    for (unsigned i = 0; i < count; i++) {
        int port = ntohs(((const struct sockaddr_in *)messages[i].msg_hdr.msg_name)->sin_port);
        first = port < SECOND_PORT;
        if (first)
            note_first(&messages[i].msg_hdr, port - FIRST_PORT);
        else
            atomic_store(&firsts_before, atomic_load(&firsts)), atomic_fetch_add(&seconds, 1);
    }
    int chunk = first ? atomic_fetch_add(&chunks, 1) : -1;
    if (chunk == 0) stand_still();
    if (chunk == 1) wait_for_the_second_room();
    return (int)count;
}

static void apply(uint32_t kind, const void *body, size_t size) {
    uint8_t bytes[1024];
    struct sfu_record record = {(uint32_t)(sizeof record + size), kind};
    memcpy(bytes, &record, sizeof record);
    memcpy(bytes + sizeof record, body, size);
    assert(sfu_apply(engine, bytes, record.size) == 0);
}

static void open_peer(uint32_t id, uint32_t group, uint16_t port) {
    struct sfu_open_transport transport = {.transport = id, .rtp_socket = 1, .rtcp_socket = 1};
    transport.group = (uint8_t)group;
    transport.remote = (struct sfu_address){.family = 4, .port = port, .host = {127, 0, 0, 1}};
    apply(COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
}

/* A camera and its viewers, all on the thread of this group. */
static void open_room(uint32_t group, uint16_t camera, uint16_t first_port, uint32_t viewers) {
    uint32_t base = 100 * group;
    open_peer(base, group, camera);
    struct sfu_set_source source = {.source = base, .transport = base, .clock_hz = 90000};
    source.kind = KIND_VIDEO;
    source.payload_count = 1;
    source.payloads[0] = (struct sfu_payload){31, CODEC_H261};
    apply(COMMAND_SET_SOURCE, &source, sizeof source);
    for (uint32_t id = base + 1; id <= base + viewers; id++) {
        open_peer(id, group, (uint16_t)(first_port + id - base - 1));
        struct sfu_set_sink sink = {.sink = id, .transport = id, .ssrc = id, .clock_hz = 90000};
        sink.kind = KIND_VIDEO;
        sink.payload_count = 1;
        sink.payloads[0] = (struct sfu_payload){CODEC_H261, 31};
        apply(COMMAND_SET_SINK, &sink, sizeof sink);
        struct sfu_set_route route = {id, base, 0, 0};
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

int main(void) {
    struct sockaddr_in here[2];
    for (int i = 0; i < 2; i++) cameras[i] = bound(&here[i]);
    int ours = bound(&server);
    engine = sfu_open(2);
    assert(engine);
    struct sfu_open_socket socket = {1, ours};
    apply(COMMAND_OPEN_SOCKET, &socket, sizeof socket);
    open_room(1, ntohs(here[0].sin_port), FIRST_PORT, VIEWERS);
    open_room(2, ntohs(here[1].sin_port), SECOND_PORT, 1);
    send_packet(0, 0);
    for (int ms = 0; ms < 2 * PATIENCE_MS && atomic_load(&firsts) < 4 * VIEWERS; ms++) usleep(1000);
    sfu_close(engine);
    assert(firsts == 4 * VIEWERS && seconds == 1);
    assert(waited_ms < PATIENCE_MS && firsts_before < VIEWERS); /* in the midst of its first picture */
    assert(out_of_order == 0);
    return 0;
}
