/* From a source to its sinks: the step that src/sfu/media/engine/forward.py repeats byte for byte.
 *
 * A sink counts on for itself.  What it skips leaves no hole in its sequence numbers, what was
 * lost on the way in does, and a late packet takes the place that was kept for it:
 *
 *   source    7  8  .  10  digit  12        9 (late)
 *   sink    107 108 .  110        111     109
 */
#include <string.h>

#include "core.h"

static void put24(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 16);
    put16(at + 1, value);
}

static size_t put_element(uint8_t *at, bool wide, uint8_t id, const uint8_t *bytes, size_t length) {
    if (wide) {
        at[0] = id;
        at[1] = (uint8_t)length;
    } else {
        at[0] = (uint8_t)((unsigned)id << 4 | (unsigned)(length - 1));
    }
    size_t head = wide ? 2 : 1;
    memcpy(at + head, bytes, length);
    return head + length;
}

/* What a packet's header says apart from what the sink knows. */
struct heading {
    uint8_t payload_type;
    bool marker, has_level, padding;
    uint8_t level;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
};

/* The header and the extensions the transport has (RFC 8285), stamped; returns its length. */
static size_t put_header(struct core *core, struct sink *sink, const struct heading *heading,
                         uint8_t *out, uint16_t *wide_sequence) {
    struct transport *transport = sink->transport;
    const uint8_t *ids = transport->extensions;
    uint8_t stamp[3];
    bool has_mid = ids[EXT_MID] && sink->asked.mid_length;
    bool has_level = ids[EXT_AUDIO_LEVEL] && heading->has_level;
    bool wide = (has_mid && (ids[EXT_MID] > 14 || sink->asked.mid_length > 16)) ||
                (has_level && ids[EXT_AUDIO_LEVEL] > 14) || ids[EXT_ABS_SEND_TIME] > 14 ||
                ids[EXT_TRANSPORT_CC] > 14;
    out[0] = heading->padding ? 0xA0 : 0x80;
    out[1] = (uint8_t)(heading->marker << 7 | heading->payload_type);
    put16(out + 2, heading->sequence);
    put32(out + 4, heading->timestamp);
    put32(out + 8, heading->ssrc);
    size_t at = 16;
    if (has_mid)
        at += put_element(out + at, wide, ids[EXT_MID], sink->asked.mid, sink->asked.mid_length);
    if (has_level)
        at += put_element(out + at, wide, ids[EXT_AUDIO_LEVEL], &heading->level, 1);
    if (ids[EXT_ABS_SEND_TIME]) { /* seconds, 6.18 fixed point */
        put24(stamp, (uint32_t)((uint64_t)core->now_us * (1 << 18) / 1000000));
        at += put_element(out + at, wide, ids[EXT_ABS_SEND_TIME], stamp, 3);
    }
    if (ids[EXT_TRANSPORT_CC]) {
        *wide_sequence = transport->next_transport_cc++;
        put16(stamp, *wide_sequence);
        at += put_element(out + at, wide, ids[EXT_TRANSPORT_CC], stamp, 2);
    }
    if (at == 16) return 12;
    while (at % 4) out[at++] = 0;
    out[0] |= 0x10;
    put16(out + 12, wide ? 0x1000 : 0xBEDE);
    put16(out + 14, (uint32_t)(at - 16) / 4);
    return at;
}

/* Header, payload, protection, log; NULL when it cannot be sent. */
static uint8_t *put_packet(struct core *core, struct sink *sink, const struct heading *heading,
                           const uint8_t *payload, size_t length, int *size) {
    struct transport *transport = sink->transport;
    uint16_t wide_sequence = 0;
    if (length > PACKET_CAP - SRTP_OVERHEAD - 128) return NULL;
    uint8_t *out = batch_reserve(core->batch);
    size_t head = put_header(core, sink, heading, out, &wide_sequence);
    if (transport->secure) {
        *size = srtp_protect(transport->sending.srtp, out, head, payload, length, PACKET_CAP);
        if (*size < 0) return NULL;
    } else {
        memcpy(out + head, payload, length);
        *size = (int)(head + length);
    }
    if (transport->extensions[EXT_TRANSPORT_CC])
        log_add(&core->departures, transport->node.id, wide_sequence, (size_t)*size, core->now_us);
    transport->row.sent_packets++;
    transport->row.sent_bytes += (uint64_t)*size;
    return out;
}

static void remember(struct sink *sink, const struct heading *heading, const uint8_t *payload,
                     size_t length, const uint8_t *wire, size_t size) {
    if (sink->history.size == 0 || size > HISTORY_BYTES) return;
    if (!sink_rtx(sink, heading->payload_type)) {
        history_put(&sink->history, heading->sequence, wire, size);
        return;
    }
    struct kept *kept = history_put(&sink->history, heading->sequence, payload, length);
    kept->payload_type = heading->payload_type;
    kept->marker = heading->marker;
    kept->has_level = heading->has_level;
    kept->level = heading->level;
    kept->timestamp = heading->timestamp;
}

static void emit_as(struct core *core, struct sink *sink, const struct passing *passing,
                    uint8_t codec, uint16_t sequence, bool marker, const uint8_t *payload,
                    size_t length) {
    struct heading heading = {
        .payload_type = sink->payloads[codec],
        .marker = marker,
        .has_level = passing->has_level,
        .level = passing->level,
        .sequence = sequence,
        .timestamp = passing->packet->timestamp + sink->timestamp_offset,
        .ssrc = sink->asked.ssrc,
    };
    int size;
    uint8_t *wire = put_packet(core, sink, &heading, payload, length, &size);
    if (!wire) {
        sink->row.dropped++;
        return;
    }
    remember(sink, &heading, payload, length, wire, (size_t)size);
    path_send(core, &sink->transport->rtp, wire, (size_t)size,
              passing->waited ? 0 : passing->received_us, sink_purpose(sink));
    sink->row.packets++;
    sink->row.octets += length;
    sink->row.last_sent_us = core->now_us;
    if (!sink->started || (int32_t)(heading.timestamp - sink->last_timestamp) > 0) {
        sink->last_timestamp = heading.timestamp;
        sink->last_timestamp_us = passing->received_us;
    }
    sink->started = true;
}

static void emit(struct core *core, struct sink *sink, const struct passing *passing,
                 uint16_t sequence, bool marker, const uint8_t *payload, size_t length) {
    emit_as(core, sink, passing, passing->codec, sequence, marker, payload, length);
}

/* RFC 4588: what was kept, anew under a number of the RTX stream. */
static uint8_t *put_rtx(struct core *core, struct sink *sink, const struct again *again,
                        int *size) {
    if (again->length > PACKET_CAP - 2) return NULL;
    put16(core->scratch, again->sequence);
    memcpy(core->scratch + 2, again->bytes, again->length);
    if (again->look && !picture_again(sink, again->look, core->scratch + 2)) return NULL;
    struct heading heading = {
        .payload_type = sink_rtx(sink, again->payload_type), .marker = again->marker,
        .has_level = again->has_level, .level = again->level, .sequence = sink->next_rtx++,
        .timestamp = again->timestamp, .ssrc = sink->asked.rtx_ssrc,
    };
    return put_packet(core, sink, &heading, core->scratch, again->length + 2u, size);
}

/* By RTX, or the very datagram where the peer has none. */
void sink_resend(struct core *core, struct sink *sink, uint16_t sequence) {
    if (!transport_ready(sink->transport)) return;
    struct again again;
    if (!sink_recall(sink, sequence, &again) ||
        !transport_may_resend(sink->transport, sink->asked.ssrc, sequence, core->now_us))
        return;
    int size = (int)again.length;
    uint8_t *wire;
    if (again.payload_type == 0) {
        wire = batch_reserve(core->batch);
        memcpy(wire, again.bytes, again.length);
        sink->transport->row.sent_packets++;
        sink->transport->row.sent_bytes += again.length;
    } else {
        wire = put_rtx(core, sink, &again, &size);
        if (!wire) return;
    }
    path_send(core, &sink->transport->rtp, wire, (size_t)size, 0, sink_purpose(sink));
    sink->row.retransmitted++;
}

#define FILL_BACK 64    /* a probe sends the last so many packets again, in turn */
#define FILL_BYTES 1000 /* larger ones first; what is shorter costs more headers than it proves */

/* The newest packet before the one sent again last, that is worth it; false where none is. */
static bool fill_from_history(struct sink *sink, struct again *again) {
    for (int tries = 0; tries < FILL_BACK; tries++) {
        uint16_t back = (uint16_t)(sink->next_sequence - sink->probed);
        if (back == 0 || back >= FILL_BACK) sink->probed = sink->next_sequence;
        if (sink_recall(sink, --sink->probed, again) && again->payload_type &&
            again->length >= FILL_BYTES)
            return true;
    }
    return false;
}

/* Padding alone (RFC 3550 section 5.1), on the RTX stream: it is nobody's picture. */
static uint8_t *put_padding(struct core *core, struct sink *sink, int *size) {
    static const uint8_t padding[255] = {[254] = 255};
    struct heading heading = {
        .payload_type = sink->asked.rtx[0].other & 127, .padding = true,
        .sequence = sink->next_rtx++, .timestamp = sink->last_timestamp,
        .ssrc = sink->asked.rtx_ssrc,
    };
    return put_packet(core, sink, &heading, padding, sizeof padding, size);
}

bool sink_fill(struct core *core, struct sink *sink) {
    if (!sink->asked.has_rtx || sink->asked.rtx_count == 0 || !transport_ready(sink->transport))
        return false;
    struct again again;
    int size;
    uint8_t *wire = fill_from_history(sink, &again) ? put_rtx(core, sink, &again, &size)
                                                    : put_padding(core, sink, &size);
    if (!wire) return false;
    path_send(core, &sink->transport->rtp, wire, (size_t)size, 0, sink_purpose(sink));
    return true;
}

/* Joins a stream to what the sink has sent: timestamps go on by the time that has passed. */
static void rebase(struct sink *sink, const struct passing *passing) {
    if (sink->started) {
        int64_t passed_us = passing->received_us - sink->last_timestamp_us;
        int64_t ticks = passed_us * sink->asked.clock_hz / 1000000;
        uint32_t next = sink->last_timestamp + (uint32_t)(ticks > 1 ? ticks : 1);
        sink->timestamp_offset = next - passing->packet->timestamp;
    }
    sink_forget_numbers(sink);
    sink->past_of = passing->source;
    sink->layer_known = false;
    sink->highest = passing->extended - 1;
    sink->first = passing->extended;
    sink->rebase = sink->unit_known = sink->fragments = false;
    sink->picture_rebase = true;
}

/* The next number of the sink, and what leaves under it. */
static uint16_t take_number(struct sink *sink, uint16_t what) {
    sink->numbers[sink->next_sequence % NUMBERS] = what;
    return sink->next_sequence++;
}

static void reserve(struct sink *sink, uint32_t extended, bool yes) {
    uint8_t bit = (uint8_t)(1u << (extended % 8)), *at = &sink->reserved[extended % PLACES / 8];
    *at = (uint8_t)(yes ? *at | bit : *at & ~bit);
}

/* The number kept for a late packet, which is not kept any longer. */
static bool take_reserved(struct sink *sink, uint32_t extended, uint16_t *number) {
    if (!sink_reserved(sink, extended)) return false;
    reserve(sink, extended, false);
    for (uint16_t back = 1; back <= NUMBERS; back++) {
        *number = (uint16_t)(sink->next_sequence - back);
        if (sink->numbers[*number % NUMBERS] == (uint16_t)extended) return true;
    }
    return false;
}

/* A packet's place in the sink's count; false when it comes too late to have one. */
static bool find_place(struct sink *sink, uint32_t extended, bool *in_order, uint16_t *kept) {
    *in_order = (int32_t)(extended - sink->highest) > 0;
    if (!*in_order) return take_reserved(sink, extended, kept);
    for (uint32_t missing = sink->highest + 1; missing != extended; missing++) {
        take_number(sink, (uint16_t)missing);
        reserve(sink, missing, (uint16_t)missing < NUMBER_SET);
    }
    reserve(sink, extended, false);
    sink->highest = extended;
    return true;
}

static void note_sets(struct sink *sink, const struct passing *passing) {
    uint32_t timestamp = passing->packet->timestamp;
    if (!sink->unit_known || sink->unit_timestamp != timestamp) sink->unit_sets = 0;
    sink->unit_known = true;
    sink->unit_timestamp = timestamp;
    sink->unit_sets |= passing->look.sets;
}

static void emit_sets(struct core *core, struct sink *sink, const struct passing *passing,
                      uint8_t type) {
    const struct source *source = passing->source;
    for (int i = 0; i < source->set_count; i++)
        if (source->sets[i].type == type)
            emit(core, sink, passing, take_number(sink, NUMBER_SET), false,
                 source->sets[i].bytes, source->sets[i].length);
}

/* A decoder that has just come, or was switched, needs SPS and PPS before the IDR picture. */
static void precede_with_sets(struct core *core, struct sink *sink, const struct passing *passing) {
    note_sets(sink, passing);
    if (!passing->look.keyframe || sink->unit_sets == (SETS_SPS | SETS_PPS)) return;
    uint8_t cached = 0;
    for (int i = 0; i < passing->source->set_count; i++)
        cached |= passing->source->sets[i].type == NAL_SPS ? SETS_SPS : SETS_PPS;
    if (cached != (SETS_SPS | SETS_PPS)) return;
    emit_sets(core, sink, passing, NAL_SPS);
    emit_sets(core, sink, passing, NAL_PPS);
    sink->unit_sets = SETS_SPS | SETS_PPS;
}

static void split(struct core *core, struct sink *sink, const struct passing *passing,
                  bool in_order, uint16_t sequence) {
    const struct packet *packet = passing->packet;
    int count = stap_count(packet->payload, packet->length);
    if (count == 0 || (!in_order && count > 1)) {
        sink->row.dropped++;
        return;
    }
    size_t at = 1;
    struct span nal;
    for (int left = count; stap_next(packet->payload, packet->length, &at, &nal);) {
        bool marker = --left == 0 && packet->marker;
        emit(core, sink, passing, in_order ? take_number(sink, NUMBER_NONE) : sequence, marker, nal.bytes,
             nal.length);
    }
}

/* FU-A (RFC 6184 section 5.8): fragments in order become one packet, if it stays small enough. */
static void join(struct core *core, struct sink *sink, const struct passing *passing,
                 bool in_order) {
    const struct packet *packet = passing->packet;
    if (!sink->nal) return; /* no memory for it */
    bool start = packet->length > 1 && packet->payload[1] & 0x80;
    bool end = packet->length > 1 && packet->payload[1] & 0x40;
    if (start && in_order) {
        sink->fragments = true;
        sink->next_fragment = passing->extended;
        sink->nal[0] = (uint8_t)((packet->payload[0] & 0xe0) | (packet->payload[1] & 0x1f));
        sink->nal_length = 1;
    }
    if (packet->length <= 2 || !sink->fragments || sink->next_fragment != passing->extended ||
        sink->nal_length + packet->length - 2 > MTU_PAYLOAD) {
        if (in_order) sink->fragments = false;
        sink->row.dropped++;
        return;
    }
    memcpy(sink->nal + sink->nal_length, packet->payload + 2, packet->length - 2);
    sink->nal_length += packet->length - 2;
    sink->next_fragment++;
    if (!end) return;
    sink->fragments = false;
    emit(core, sink, passing, take_number(sink, NUMBER_NONE), packet->marker, sink->nal,
         sink->nal_length);
}

/* Mode 0 takes nothing but single NAL units (RFC 6184 section 6.2). */
static bool single_nal(const struct passing *passing) {
    unsigned type = passing->packet->payload[0] & 31;
    return type >= 1 && type <= 23;
}

/* Sends the sound before again beside this one (RFC 2198); false where there is none to send. */
static bool emit_twice(struct core *core, struct sink *sink, const struct passing *passing) {
    const struct before *before = &passing->source->before;
    const struct packet *packet = passing->packet;
    if (passing->codec != CODEC_OPUS || !sink->knows[CODEC_RED] || !before->used ||
        before->extended + 1 != passing->extended || passing->extended == sink->first)
        return false;
    size_t length = red_compose(core->scratch, sink->payloads[CODEC_OPUS],
                                packet->timestamp - before->timestamp,
                                (struct span){before->bytes, before->length},
                                (struct span){packet->payload, packet->length});
    if (length == 0) return false;
    emit_as(core, sink, passing, CODEC_RED, take_number(sink, NUMBER_NONE), packet->marker, core->scratch,
            length);
    sink->row.redundant++;
    return true;
}

static void pass(struct core *core, struct sink *sink, const struct passing *passing,
                 bool in_order, uint16_t sequence) {
    const struct packet *packet = passing->packet;
    if (passing->codec == CODEC_H264 && sink->asked.single_nal && !single_nal(passing)) {
        unsigned type = packet->payload[0] & 31;
        if (type == NAL_STAP_A)
            split(core, sink, passing, in_order, sequence);
        else if (type == NAL_FU_A)
            join(core, sink, passing, in_order);
        else
            sink->row.dropped++;
        return;
    }
    if (in_order && emit_twice(core, sink, passing)) return;
    emit(core, sink, passing,
         in_order ? take_number(sink, (uint16_t)passing->extended) : sequence, packet->marker,
         packet->payload, packet->length);
}

/* The new source takes over at its key frame; what waits of the one before is worth nothing. */
static bool take_over(struct core *core, struct sink *sink, const struct passing *passing) {
    if (passing->skip || passing->late || !passing->look.begins) return false;
    if (!sink->knows[passing->codec] || !transport_ready(sink->transport)) return false;
    struct source *before = sink->source;
    if (sink->transport->line) pacer_forget(core, sink->transport->line, &sink->pictures);
    sink->source = passing->source;
    sink->pending = NULL;
    sink->rebase = true;
    if (before) source_unlink(before, sink);
    return true;
}

void sink_deliver(struct core *core, struct sink *sink, const struct passing *passing) {
    uint16_t sequence = 0;
    bool in_order;
    if (passing->restarted) sink->rebase = true;
    if (!transport_ready(sink->transport)) {
        sink->rebase = true;
        return;
    }
    bool known = sink->knows[passing->codec];
    if (!known && !passing->skip) sink->row.dropped++;
    if (sink->rebase) {
        if (passing->skip || !known) return;
        rebase(sink, passing);
    }
    if (!find_place(sink, passing->extended, &in_order, &sequence)) return;
    if (passing->skip || !known || !picture_passes(sink, passing, in_order)) {
        if (!in_order) sink->numbers[sequence % NUMBERS] = NUMBER_NONE; /* nothing went there */
        return;
    }
    if (passing->codec == CODEC_H264 && in_order) precede_with_sets(core, sink, passing);
    pass(core, sink, passing, in_order, sequence);
}

/* Keeps a sound until the next one has gone. */
static void keep_before(const struct passing *passing) {
    struct before *before = &passing->source->before;
    const struct packet *packet = passing->packet;
    if (passing->codec != CODEC_OPUS || passing->late) return;
    before->used = !passing->skip && packet->length <= RED_BYTES_MAX;
    if (!before->used) return;
    before->extended = passing->extended;
    before->timestamp = packet->timestamp;
    before->length = (uint16_t)packet->length;
    memcpy(before->bytes, packet->payload, packet->length);
}

void sink_offer(struct core *core, struct sink *sink, const struct passing *passing,
                struct held **held) {
    if (sink->source != passing->source && !take_over(core, sink, passing)) return;
    if (passing->look.keyframe) {
        sink->has_key = true;
        sink->key_timestamp = passing->packet->timestamp;
    }
    if (sink->transport->line && pacer_holds(core, sink))
        pacer_put(core, sink, passing, held);
    else
        sink_deliver(core, sink, passing);
}

void forward(struct core *core, struct passing *passing) {
    struct source *source = passing->source;
    struct held *held = NULL;
    if (passing->restarted) source->before.used = false;
    if (source->others) hand_packet(core, passing); /* before sinks write in it */
    past_take(source, passing);
    for (int i = 0; i < source->sink_count; i++) sink_offer(core, source->sinks[i], passing, &held);
    if (source->sink_count) keep_before(passing);
    if (core->overfull) pacer_trim(core);
}
