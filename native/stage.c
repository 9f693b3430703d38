/* The state machine without sockets, thread or clock, for tests and fuzzers; and the abi. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

struct sfu_stage {
    struct house house;
    struct core *core;
    struct batch *batch;
    uint8_t *out;
    size_t cap, used;
};

int sfu_abi(uint32_t *sizes, int cap) {
    const uint32_t all[] = {
        SFU_ABI_VERSION,
        sizeof(struct sfu_record),
        sizeof(struct sfu_open_socket),
        sizeof(struct sfu_open_transport),
        sizeof(struct sfu_set_keys),
        sizeof(struct sfu_set_source),
        sizeof(struct sfu_set_sink),
        sizeof(struct sfu_set_route),
        sizeof(struct sfu_set_line),
        sizeof(struct sfu_set_marks),
        sizeof(struct sfu_probe),
        sizeof(struct sfu_close),
        sizeof(struct sfu_transmit),
        sizeof(struct sfu_received),
        sizeof(struct sfu_source_appeared),
        sizeof(struct sfu_keyframe_passed),
        sizeof(struct sfu_transport_latched),
        sizeof(struct sfu_telephone_event),
        sizeof(struct sfu_sink_starved),
        sizeof(struct sfu_snapshot_head),
        sizeof(struct sfu_socket_row),
        sizeof(struct sfu_transport_row),
        sizeof(struct sfu_source_row),
        sizeof(struct sfu_sink_row),
        sizeof(struct sfu_line_row),
        sizeof(struct sfu_log_row),
        sizeof(sfu_told),
        sizeof(sfu_queue),
    };
    int count = (int)(sizeof all / sizeof *all);
    memcpy(sizes, all, (size_t)(count < cap ? count : cap) * sizeof *all);
    return count;
}

static void deliver(struct batch *batch, void *context) {
    sfu_stage *stage = context;
    for (int i = 0; i < batch->count; i++) {
        const struct entry *entry = &batch->entries[i];
        uint32_t head[2] = {entry->path->transport->node.id, entry->length};
        if (stage->used + sizeof head + entry->length > stage->cap) return;
        memcpy(stage->out + stage->used, head, sizeof head);
        memcpy(stage->out + stage->used + sizeof head, entry->bytes, entry->length);
        stage->used += sizeof head + entry->length;
    }
}

sfu_stage *sfu_stage_open(uint64_t seed) {
    sfu_stage *stage = calloc(1, sizeof *stage);
    if (!stage) return NULL;
    stage->batch = calloc(1, sizeof *stage->batch);
    stage->core = stage->batch ? core_new(seed, stage->batch) : NULL;
    if (!stage->core) {
        free(stage->batch);
        free(stage);
        return NULL;
    }
    stage->house = (struct house){1, {stage->core}};
    stage->batch->flush = deliver;
    stage->batch->context = stage;
    return stage;
}

void sfu_stage_close(sfu_stage *stage) {
    core_free(stage->core);
    free(stage->batch);
    free(stage);
}

static void set_out(sfu_stage *stage, int64_t now_us, uint8_t *out, size_t cap) {
    stage->core->now_us = stage->core->received_us = now_us;
    stage->out = out;
    stage->cap = cap;
    stage->used = 0;
}

long sfu_stage_apply(sfu_stage *stage, const uint8_t *commands, size_t length, int64_t now_us,
                     uint8_t *out, size_t cap) {
    set_out(stage, now_us, out, cap);
    int result = core_apply(stage->core, commands, length);
    batch_flush(stage->batch);
    return result ? result : (long)stage->used;
}

long sfu_stage_receive(sfu_stage *stage, uint32_t transport_id, const uint8_t *datagram,
                       size_t length, int64_t now_us, uint8_t *out, size_t cap) {
    struct core *core = stage->core;
    struct transport *transport = table_find(&core->transports, transport_id);
    uint8_t copy[PACKET_CAP];
    if (!transport || length > sizeof copy) return -1;
    memcpy(copy, datagram, length);
    set_out(stage, now_us, out, cap);
    struct path *path = &transport->rtp;
    core_receive(core, path->socket, transport->latch == LATCH_CONNECTED ? NULL : &path->remote,
                 copy, length);
    core_release(core);
    batch_flush(stage->batch);
    return (long)stage->used;
}

long sfu_stage_timer(sfu_stage *stage, int64_t now_us, uint8_t *out, size_t cap) {
    set_out(stage, now_us, out, cap);
    core_timer(stage->core);
    core_release(stage->core);
    batch_flush(stage->batch);
    return (long)stage->used;
}

int64_t sfu_stage_deadline(sfu_stage *stage) { return core_deadline(stage->core); }

int sfu_stage_poll(sfu_stage *stage, uint8_t *buffer, size_t cap) {
    return (int)ring_take(&stage->core->ring, buffer, cap);
}

long sfu_stage_snapshot(sfu_stage *stage, uint8_t *buffer, size_t cap, int64_t now_us) {
    size_t size = house_snapshot_size(&stage->house);
    if (size > cap) return (long)size;
    struct sfu_snapshot_head head = {.at_us = now_us};
    house_snapshot(&stage->house, &head, buffer + sizeof head);
    memcpy(buffer, &head, sizeof head);
    return (long)size;
}
