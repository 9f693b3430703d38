/* What one thread hands to another: a ring of bytes with one writer and one reader, no lock.
 *
 *   source's thread --a packet, once--> each thread that has sinks of it: its ghost forwards
 *   socket's thread --a datagram------> the thread of the transport behind its address, maybe itself
 *
 * Both go by the same ring, so that what comes in order stays in order. A full ring drops, counted.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define HAND_BYTES (512 * 1024)

enum { HANDED_SKIP, HANDED_PACKET, HANDED_DATAGRAM };

struct handed { /* then the bytes */
    uint32_t size, kind;
    uint32_t id, length; /* a source, or a socket */
    int64_t received_us;
    struct sfu_address remote;
    struct passing passing;
    uint32_t timestamp;
    uint8_t payload_type, marker, zero[2];
};

struct outbox {
    _Atomic size_t head; /* the reader's */
    uint8_t apart[56];
    _Atomic size_t tail; /* the writer's */
    uint8_t apart_too[56];
    _Alignas(16) uint8_t bytes[HAND_BYTES];
};

struct outbox *outbox_new(void) { return calloc(1, sizeof(struct outbox)); }
void outbox_free(struct outbox *box) { free(box); }

static void put(struct core *core, int thread, const struct handed *handed, const uint8_t *bytes) {
    struct outbox *box = core->outboxes[thread];
    size_t size = (sizeof *handed + handed->length + 15) & ~(size_t)15;
    size_t tail = atomic_load_explicit(&box->tail, memory_order_relaxed);
    size_t free_bytes = HAND_BYTES - (tail - atomic_load_explicit(&box->head, memory_order_acquire));
    size_t at = tail % HAND_BYTES, skip = at + size > HAND_BYTES ? HAND_BYTES - at : 0;
    if (skip + size > free_bytes) {
        core->hand_lost++;
        return;
    }
    if (skip) { /* a record stands in one piece */
        uint32_t head[2] = {(uint32_t)skip, HANDED_SKIP};
        memcpy(box->bytes + at, head, sizeof head);
        at = 0;
    }
    memcpy(box->bytes + at, handed, sizeof *handed);
    memcpy(box->bytes + at, &(uint32_t){(uint32_t)size}, sizeof(uint32_t));
    memcpy(box->bytes + at + sizeof *handed, bytes, handed->length);
    atomic_store_explicit(&box->tail, tail + skip + size, memory_order_release);
    core->handed |= 1u << thread;
}

bool hand_waits(const struct outbox *box) {
    return box && atomic_load_explicit(&box->head, memory_order_relaxed) !=
                      atomic_load_explicit(&box->tail, memory_order_acquire);
}

bool hand_has_room(const struct outbox *box, size_t datagrams) {
    size_t most = sizeof(struct handed) + PACKET_CAP + 16; /* each, and one that is skipped */
    size_t used = atomic_load_explicit(&box->tail, memory_order_relaxed) -
                  atomic_load_explicit(&box->head, memory_order_acquire);
    return used + (datagrams + 1) * most <= HAND_BYTES;
}

void hand_packet(struct core *core, const struct passing *passing) {
    const struct packet *packet = passing->packet;
    struct handed handed = {
        .kind = HANDED_PACKET, .id = passing->source->node.id, .length = (uint32_t)packet->length,
        .received_us = core->received_us, .passing = *passing, .timestamp = packet->timestamp,
        .payload_type = packet->payload_type, .marker = packet->marker,
    };
    for (int thread = 0; thread < THREADS_MAX; thread++)
        if (passing->source->others >> thread & 1) put(core, thread, &handed, packet->payload);
}

void hand_datagram(struct core *core, int thread, const struct socket *socket,
                   const struct sfu_address *remote, const uint8_t *datagram, size_t length) {
    struct handed handed = {
        .kind = HANDED_DATAGRAM, .id = socket->node.id, .length = (uint32_t)length,
        .received_us = core->received_us, .remote = *remote,
    };
    put(core, thread, &handed, datagram);
}

static void take_packet(struct core *core, struct handed *handed, uint8_t *bytes) {
    struct source *ghost = table_find(&core->sources, handed->id);
    if (!ghost || !ghost->ghost) return; /* let go meanwhile */
    struct packet packet = {.marker = handed->marker, .payload_type = handed->payload_type,
                            .timestamp = handed->timestamp, .payload = bytes,
                            .length = handed->length};
    handed->passing.source = ghost;
    handed->passing.packet = &packet;
    if (handed->passing.codec == CODEC_H264) source_keep_sets(ghost, bytes, handed->length);
    forward(core, &handed->passing);
}

static void take(struct core *core, uint8_t *record) {
    struct handed handed;
    memcpy(&handed, record, sizeof handed);
    uint8_t *bytes = record + sizeof handed;
    core->received_us = handed.received_us;
    if (handed.kind == HANDED_PACKET) {
        take_packet(core, &handed, bytes);
        return;
    }
    struct socket *socket = table_find(&core->sockets, handed.id);
    if (socket) core_receive(core, socket, &handed.remote, bytes, handed.length);
}

void hand_take(struct core *core, struct outbox *box) {
    size_t head = atomic_load_explicit(&box->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&box->tail, memory_order_acquire);
    while (head != tail) {
        uint8_t *record = box->bytes + head % HAND_BYTES;
        uint32_t size_kind[2];
        memcpy(size_kind, record, sizeof size_kind);
        if (size_kind[1] != HANDED_SKIP) take(core, record);
        batch_look(core->batch);
        head += size_kind[0];
        atomic_store_explicit(&box->head, head, memory_order_release);
    }
}
