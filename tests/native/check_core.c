/* Unit tests of the engine's pure parts; test_core.py builds and runs them under sanitizers. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arrivals.h"
#include "core.h"

static void a_full_ring_drops_its_oldest_and_counts(void) {
    struct ring *ring = calloc(1, sizeof *ring);
    static uint8_t big[100000], out[RING_BYTES];
    struct sfu_keyframe_passed event = {1, 0, 0};
    for (event.source = 1; event.source <= 12; event.source++)
        ring_put(ring, EVENT_KEYFRAME_PASSED, &event, sizeof event, big, sizeof big);
    assert(ring->lost == 2);
    size_t taken = ring_take(ring, out, sizeof out);
    memcpy(&event, out + sizeof(struct sfu_record), sizeof event);
    assert(event.source == 3);
    assert(taken % 8 == 0 && ring->used == 0);
    free(ring);
}

static void strangers_do_not_push_others_out(void) {
    struct ring *ring = calloc(1, sizeof *ring);
    static uint8_t out[RING_BYTES];
    struct sfu_received event = {1, 0, 0, {0}};
    ring_put(ring, EVENT_RTCP_RECEIVED, &event, sizeof event, NULL, 0);
    for (int i = 0; i < STRANGERS_MAX; i++)
        assert(ring_put_stranger(ring, EVENT_DATAGRAM_RECEIVED, &event, sizeof event, NULL, 0));
    assert(!ring_put_stranger(ring, EVENT_DATAGRAM_RECEIVED, &event, sizeof event, NULL, 0));
    ring_take(ring, out, sizeof out);
    struct sfu_record record;
    memcpy(&record, out + sizeof record + sizeof event, sizeof record);
    assert(record.kind == EVENT_DATAGRAM_RECEIVED); /* the mark stays inside */
    assert(ring_put_stranger(ring, EVENT_DATAGRAM_RECEIVED, &event, sizeof event, NULL, 0));
    free(ring);
}

static void what_only_tells_wakes_nobody_until_there_is_much(void) {
    struct ring *ring = calloc(1, sizeof *ring);
    static uint8_t big[100000], out[RING_BYTES];
    struct sfu_received event = {1, 0, 0, {0}};
    const uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
    const uint8_t wish[] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
    assert(rtcp_only_tells(report, sizeof report) && !rtcp_only_tells(wish, sizeof wish));
    ring_put_calm(ring, EVENT_RTCP_RECEIVED, &event, sizeof event, report, sizeof report);
    assert(!ring->urgent);
    ring_put(ring, EVENT_RTCP_RECEIVED, &event, sizeof event, wish, sizeof wish);
    ring_put_calm(ring, EVENT_RTCP_RECEIVED, &event, sizeof event, report, sizeof report);
    assert(ring->urgent);
    ring_take(ring, out, sizeof out);
    assert(!ring->urgent);
    for (int i = 0; i < 3; i++)
        ring_put_calm(ring, EVENT_RTCP_RECEIVED, &event, sizeof event, big, sizeof big);
    assert(ring->urgent);
    free(ring);
}

static bool count(struct source *source, uint16_t sequence, uint32_t *extended, bool *late) {
    struct packet packet = {.sequence = sequence, .ssrc = 1};
    return source_count(source, &packet, false, extended, late);
}

static void sequence_numbers_wrap_restart_and_come_late(void) {
    struct source *source = calloc(1, sizeof *source);
    uint32_t extended;
    bool late;
    assert(count(source, 65534, &extended, &late) && extended == 65534 && !late);
    assert(count(source, 1, &extended, &late) && extended == 65537 && source->gap == 2);
    assert(count(source, 65535, &extended, &late) && extended == 65535 && late);
    assert(source_lost(source) == 1);
    assert(!count(source, 30000, &extended, &late)); /* one stray is not believed */
    assert(count(source, 30001, &extended, &late) && extended == 30001 && !late);
    assert(source_lost(source) == 1);
    assert(count(source, 30002, &extended, &late));
    free(source);
}

static void jitter_follows_the_appendix(void) {
    struct source *source = calloc(1, sizeof *source);
    source->asked.clock_hz = 8000;
    struct packet packet = {.timestamp = 0};
    source_arrival(source, &packet, 1000000);
    packet.timestamp = 160;
    source_arrival(source, &packet, 1020000);
    assert(source->jitter == 0);
    packet.timestamp = 320;
    source_arrival(source, &packet, 1042000); /* 2 ms late: 16 units */
    assert(source->jitter == 16);
    free(source);
}

static uint8_t wire[1 << 16];
static size_t wire_used;
static int wire_count;
static void note(struct batch *batch, void *context) {
    (void)context;
    for (int i = 0; i < batch->count; i++, wire_count++) {
        memcpy(wire + wire_used, batch->entries[i].bytes, batch->entries[i].length);
        wire_used += batch->entries[i].length;
    }
}

struct setting {
    struct batch *batch;
    struct core *core;
    struct transport *transport;
    struct source *source;
};

static size_t add(uint8_t *at, uint32_t kind, const void *body, size_t size) {
    struct sfu_record record = {(uint32_t)(sizeof record + size), kind};
    memcpy(at, &record, sizeof record);
    memcpy(at + sizeof record, body, size);
    return record.size;
}

static struct setting open_setting(void) {
    struct setting it = {.batch = calloc(1, sizeof(struct batch))};
    uint8_t commands[1024];
    size_t used = 0;
    it.batch->flush = note;
    it.core = core_new(1, it.batch);
    it.core->now_us = it.core->received_us = 1000000;
    struct sfu_open_socket socket = {1, -1};
    used += add(commands + used, COMMAND_OPEN_SOCKET, &socket, sizeof socket);
    struct sfu_open_transport transport = {.transport = 1, .rtp_socket = 1, .rtcp_socket = 1};
    transport.remote = (struct sfu_address){.family = 4, .port = 9};
    used += add(commands + used, COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
    struct sfu_set_source source = {.source = 1, .transport = 1, .clock_hz = 90000, .nack = 1};
    source.kind = KIND_VIDEO;
    source.payload_count = 1;
    source.payloads[0] = (struct sfu_payload){97, CODEC_H264};
    used += add(commands + used, COMMAND_SET_SOURCE, &source, sizeof source);
    assert(core_apply(it.core, commands, used) == 0);
    it.transport = table_find(&it.core->transports, 1);
    it.source = table_find(&it.core->sources, 1);
    wire_used = 0;
    wire_count = 0;
    return it;
}

static void close_setting(struct setting *it) {
    core_free(it->core);
    free(it->batch);
}

static void feed(struct setting *it, uint16_t sequence) {
    uint8_t packet[14] = {0x80, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x41, 0x9a};
    put16(packet + 2, sequence);
    core_receive(it->core, it->transport->rtp.socket, &it->transport->rtp.remote, packet, 14);
}

static void pass_time(struct setting *it, int64_t us) {
    it->core->now_us = it->core->received_us = it->core->now_us + us;
    core_timer(it->core);
    batch_flush(it->batch);
}

static void lost_packets_are_asked_for_again_and_given_up(void) {
    struct setting it = open_setting();
    feed(&it, 10);
    feed(&it, 13);
    pass_time(&it, 1000);
    assert(wire_count == 0); /* perhaps only overtaken */
    pass_time(&it, 5000);
    assert(wire_count == 1 && rtcp_valid(wire, wire_used));
    assert(get16(wire + 20) == 11 && get16(wire + 22) == 1); /* 11, and 12 by its bit */
    feed(&it, 11);
    wire_used = 0;
    pass_time(&it, 41000);
    assert(wire_count == 2 && get16(wire + 20) == 12 && get16(wire + 22) == 0);
    for (int i = 0; i < 50; i++) pass_time(&it, 41000);
    assert(wire_count <= 11); /* the deadline of 400 ms */
    assert(it.source->gap_count == 0 && it.core->deadline_us == INT64_MAX);
    close_setting(&it);
}

static void a_burst_of_losses_asks_for_nothing(void) {
    struct setting it = open_setting();
    feed(&it, 10);
    feed(&it, 500);
    pass_time(&it, 10000);
    assert(wire_count == 0); /* a key frame is cheaper, and Python asks for it */
    close_setting(&it);
}

static void a_closed_sink_comes_back_where_it_was(void) {
    struct setting it = open_setting();
    uint8_t commands[512];
    struct sfu_set_sink sink = {.sink = 5, .transport = 1, .ssrc = 77, .kind = KIND_VIDEO};
    assert(core_apply(it.core, commands, add(commands, COMMAND_SET_SINK, &sink, sizeof sink)) == 0);
    struct sink *first = table_find(&it.core->sinks, 5);
    uint16_t next = (uint16_t)(first->next_sequence + 9);
    first->next_sequence = next;
    struct sfu_close close = {5, 0};
    assert(core_apply(it.core, commands, add(commands, COMMAND_CLOSE_SINK, &close, sizeof close)) == 0);
    sink.sink = 6;
    assert(core_apply(it.core, commands, add(commands, COMMAND_SET_SINK, &sink, sizeof sink)) == 0);
    struct sink *second = table_find(&it.core->sinks, 6);
    assert(second->next_sequence == next);
    close_setting(&it);
}

static void put_behind_line(struct setting *it, uint64_t rate_bps) {
    uint8_t commands[1024];
    struct sfu_set_line line = {.line = 3, .overhead_bytes = 10, .rate_bps = rate_bps};
    line.framing = FRAMING_ATM;
    size_t used = add(commands, COMMAND_SET_LINE, &line, sizeof line);
    struct sfu_open_transport transport = {.transport = 1, .rtp_socket = 1, .rtcp_socket = 1};
    transport.remote = (struct sfu_address){.family = 4, .port = 9};
    transport.line = 3;
    used += add(commands + used, COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
    for (uint32_t id = 5; id <= 6; id++) {
        struct sfu_set_sink sink = {.sink = id, .transport = 1, .ssrc = id, .clock_hz = 90000};
        sink.kind = KIND_VIDEO;
        sink.payload_count = 1;
        sink.payloads[0] = (struct sfu_payload){CODEC_H264, 97};
        used += add(commands + used, COMMAND_SET_SINK, &sink, sizeof sink);
        struct sfu_set_route route = {id, 1, 7, 0};
        used += add(commands + used, COMMAND_SET_ROUTE, &route, sizeof route);
    }
    assert(core_apply(it->core, commands, used) == 0);
}

static void feed_pictures(struct setting *it, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) {
        uint8_t packet[1000] = {0x80, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x65, 0x88};
        put16(packet + 2, i);
        core_receive(it->core, it->transport->rtp.socket, &it->transport->rtp.remote, packet,
                     sizeof packet);
        core_release(it->core);
    }
}

static void close_one(struct setting *it, uint32_t kind, uint32_t id) {
    uint8_t commands[64];
    struct sfu_close close = {id, 0};
    assert(core_apply(it->core, commands, add(commands, kind, &close, sizeof close)) == 0);
}

static void what_waits_is_let_go_whatever_closes_first(void) {
    const struct sfu_close first[] = {{COMMAND_CLOSE_SINK, 5}, {COMMAND_CLOSE_SOURCE, 1},
                                      {COMMAND_CLOSE_TRANSPORT, 1}, {COMMAND_CLOSE_LINE, 3}};
    const uint32_t waiting[] = {20, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        struct setting it = open_setting();
        put_behind_line(&it, 500000);
        feed_pictures(&it, 20);
        struct line *line = table_find(&it.core->lines, 3);
        assert(line->count == 39 && it.core->busy == line);
        close_one(&it, first[i].id, first[i].zero);
        line = table_find(&it.core->lines, 3);
        assert(line ? line->count == waiting[i] : wire_count == 0 && it.core->busy == NULL);
        if (line) core_release(it.core);
        assert(!line || (line->row.waiting_bytes > 0) == (line->count > 0));
        batch_flush(it.batch);
        close_setting(&it);
    }
}

static void a_line_of_no_rate_holds_nothing(void) {
    struct setting it = open_setting();
    put_behind_line(&it, 0);
    feed_pictures(&it, 20);
    batch_flush(it.batch);
    struct line *line = table_find(&it.core->lines, 3);
    assert(wire_count == 40 && line->count == 0);
    assert(line->row.sent_bytes == 40 * line_bytes(line, 1028));
    assert(core_deadline(it.core) == INT64_MAX);
    close_setting(&it);
}

static void cut_commands_are_refused(void) {
    struct setting it = open_setting();
    uint8_t commands[512];
    struct sfu_set_sink sink = {.sink = 5, .transport = 1};
    size_t size = add(commands, COMMAND_SET_SINK, &sink, sizeof sink);
    for (size_t cut = 1; cut < size; cut++) {
        uint8_t *exact = malloc(cut);
        memcpy(exact, commands, cut);
        assert(core_apply(it.core, exact, cut) == -1);
        free(exact);
    }
    struct sfu_record unknown = {sizeof unknown, 99};
    assert(core_apply(it.core, (uint8_t *)&unknown, sizeof unknown) == -1);
    close_setting(&it);
}

static void arrive(sfu_arrivals *all, uint16_t sequence, int64_t at_us) {
    struct sfu_log_row row = {7, sequence, 0, at_us};
    sfu_arrivals_add(all, (const uint8_t *)&row, 1);
}

static void what_arrived_is_told_in_as_many_messages_as_it_takes(void) {
    sfu_arrivals *all = sfu_arrivals_open();
    uint8_t message[SFU_FEEDBACK_BYTES];
    size_t longest = 0, length;
    int messages = 0;
    sfu_arrivals_put(all, 7);
    sfu_arrivals_put(all, 7);
    for (int i = 0; i < 2 * KEPT; i++) arrive(all, (uint16_t)(0xff00 + i), 1000000 + 90000 * i);
    int64_t now_us = 1000000 + (int64_t)90000 * 2 * KEPT;
    while ((length = sfu_arrivals_tell(all, 7, now_us, message))) {
        if (length > longest) longest = length;
        messages++;
    }
    assert(messages == (KEPT + STATUSES_MAX - 1) / STATUSES_MAX);
    assert(longest > 2 * STATUSES_MAX && longest <= SFU_FEEDBACK_BYTES);
    arrive(all, 5, INT64_MIN); /* no time of ours */
    arrive(all, 5, now_us);
    assert(!sfu_arrivals_tell(all, 7, now_us, message)); /* just told */
    assert(sfu_arrivals_tell(all, 7, now_us + 100000, message));
    sfu_arrivals_forget(all, 7);
    assert(!sfu_arrivals_tell(all, 7, now_us + 900000, message));
    arrive(all, 6, now_us);
    sfu_arrivals_put(all, 7);
    sfu_arrivals_close(all);
}

int main(void) {
    a_full_ring_drops_its_oldest_and_counts();
    strangers_do_not_push_others_out();
    what_only_tells_wakes_nobody_until_there_is_much();
    sequence_numbers_wrap_restart_and_come_late();
    jitter_follows_the_appendix();
    lost_packets_are_asked_for_again_and_given_up();
    a_burst_of_losses_asks_for_nothing();
    a_closed_sink_comes_back_where_it_was();
    what_waits_is_let_go_whatever_closes_first();
    a_line_of_no_rate_holds_nothing();
    cut_commands_are_refused();
    what_arrived_is_told_in_as_many_messages_as_it_takes();
    return 0;
}
