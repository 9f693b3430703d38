/* What a receiver reckons: RFC 3550 A.1 (sequence numbers), A.3 (loss), A.8 (jitter), and which
 * packets to ask for again (RFC 4585). */
#include <string.h>

#include "core.h"

#define MAX_DROPOUT 3000
#define MAX_MISORDER 512  /* A.1 has 100, but repairs come later than reordering */
#define NACK_FIRST_US 5000 /* a packet overtaken by its neighbour comes by itself */
#define NACK_AGAIN_US 40000
#define NACK_DEADLINE_US 400000

static uint64_t expected(const struct source *source) {
    if (!source->begun) return 0;
    return source->cycles + source->highest - source->base + 1;
}

void source_restart(struct source *source, const struct packet *packet) {
    source->expected_before += expected(source);
    source->begun = true;
    source->ssrc = packet->ssrc;
    source->highest = (uint16_t)(packet->sequence - 1);
    source->cycles = packet->sequence == 0 ? 0xffff0000u : 0;
    source->base = packet->sequence;
    source->has_bad = source->has_transit = source->had_keyframe = false;
    source->gap_count = 0;
    source->restarted = true; /* its sinks join on when the packet gets to them */
}

bool source_count(struct source *source, const struct packet *packet, bool repaired,
                  uint32_t *extended, bool *late) {
    source->restarted = false;
    if (!source->begun || source->ssrc != packet->ssrc) source_restart(source, packet);
    uint16_t ahead = (uint16_t)(packet->sequence - source->highest);
    *late = ahead == 0 || ahead > 65536 - MAX_MISORDER;
    if (!*late && ahead >= MAX_DROPOUT) {
        if (repaired) return false;
        if (!source->has_bad || source->bad != packet->sequence) {
            source->has_bad = true;
            source->bad = (uint16_t)(packet->sequence + 1);
            return false;
        }
        source_restart(source, packet); /* two in a row: the other side has started anew */
        ahead = 1;
    }
    source->gap = *late ? 0 : (uint16_t)(ahead - 1);
    if (*late) {
        *extended = source->cycles + source->highest - (uint16_t)(source->highest - packet->sequence);
    } else {
        if (packet->sequence < source->highest) source->cycles += 65536;
        source->highest = packet->sequence;
        source->has_bad = false;
        *extended = source->cycles + source->highest;
    }
    if (!repaired) source->received++;
    return true;
}

void source_arrival(struct source *source, const struct packet *packet, int64_t received_us) {
    uint32_t arrival = (uint32_t)((uint64_t)received_us * source->asked.clock_hz / 1000000);
    uint32_t transit = arrival - packet->timestamp;
    if (source->has_transit) {
        int32_t difference = (int32_t)(transit - source->transit);
        uint32_t distance = difference < 0 ? 0u - (uint32_t)difference : (uint32_t)difference;
        source->jitter += distance - ((source->jitter + 8) >> 4);
    }
    source->transit = transit;
    source->has_transit = true;
}

int64_t source_lost(const struct source *source) {
    return (int64_t)(source->expected_before + expected(source) - source->received);
}

/* Packets `from` up to but without `to` have not come. */
void source_missing(struct core *core, struct source *source, uint32_t from, uint32_t to) {
    if (!source->asked.nack || to - from > GAPS_MAX) return;
    for (; from != to; from++) {
        if (source->gap_count == GAPS_MAX) {
            memmove(source->gaps, source->gaps + 1, (GAPS_MAX - 1) * sizeof *source->gaps);
            source->gap_count--;
        }
        int64_t first_us = core->now_us + NACK_FIRST_US;
        source->gaps[source->gap_count++] = (struct gap){from, core->now_us, first_us};
        if (first_us < core->deadline_us) core->deadline_us = first_us;
    }
}

void source_found(struct source *source, uint32_t extended) {
    for (int i = 0; i < source->gap_count; i++) {
        if (source->gaps[i].sequence != extended) continue;
        source->gap_count--;
        memmove(source->gaps + i, source->gaps + i + 1,
                (size_t)(source->gap_count - i) * sizeof *source->gaps);
        return;
    }
}

/* Asks for what is missing and due, forgets what is too old, moves the core's deadline. */
void source_ask(struct core *core, struct source *source) {
    uint16_t lost[GAPS_MAX];
    int count = 0, left = 0;
    for (int i = 0; i < source->gap_count; i++) {
        struct gap gap = source->gaps[i];
        if (core->now_us - gap.since_us > NACK_DEADLINE_US) continue;
        if (gap.next_us <= core->now_us) {
            lost[count++] = (uint16_t)gap.sequence;
            gap.next_us = core->now_us + NACK_AGAIN_US;
        }
        if (gap.next_us < core->deadline_us) core->deadline_us = gap.next_us;
        source->gaps[left++] = gap;
    }
    source->gap_count = left;
    if (count == 0) return;
    uint8_t nack[20 + 4 * GAPS_MAX];
    struct sink *sink = source->transport->sinks;
    size_t length = rtcp_nack(nack, sink ? sink->asked.ssrc : 1, source->ssrc, lost, count);
    transport_send_rtcp(core, source->transport, nack, length);
    source->row.nacks_sent += (uint64_t)count;
}
