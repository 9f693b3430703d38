/* What a source has sent, held once for all its sinks, to be sent again by any of them; and, while a
 * key frame is fresh, also for sinks yet to come (catchup.c).
 *
 *   source   past[extended % size]      the payload as it came
 *   sink     numbers[sequence % 512]    which of them left under a number, in two bytes
 *
 * A sink that repairs by RTX writes the packet anew: its own number, timestamp and picture numbers
 * are known from where it stands now, for none of that moves but at a switch, where it forgets.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

void past_free(struct past *past) {
    free(past->gone);
    pages_give(past->bytes, (size_t)past->size * HISTORY_BYTES);
    *past = (struct past){0};
}

void past_begin(struct past *past) {
    if (past->size) return;
    past->gone = calloc(NUMBERS, sizeof *past->gone);
    past->bytes = pages_take((size_t)NUMBERS * HISTORY_BYTES);
    past->size = NUMBERS;
    if (!past->gone || !past->bytes) past_free(past);
}

static void put(struct past *past, const struct passing *passing) {
    const struct packet *packet = passing->packet;
    bool fits = !passing->skip && packet->length <= HISTORY_BYTES;
    past->gone[passing->extended % NUMBERS] = (struct gone){
        .used = fits, .skip = passing->skip, .marker = packet->marker,
        .has_level = passing->has_level, .level = passing->level, .codec = passing->codec,
        .extended = passing->extended, .timestamp = packet->timestamp,
        .length = fits ? (uint16_t)packet->length : 0, .received_us = passing->received_us,
        .look = passing->look,
    };
    if (fits) memcpy(past_bytes(past, passing->extended), packet->payload, packet->length);
}

static bool shared(const struct source *source) {
    for (int i = 0; i < source->sink_count; i++)
        if (source->sinks[i]->shares) return true;
    return false;
}

/* Its numbers begin anew: what stands under the same ones is another stream's. */
static void forget(struct past *past) {
    past->keyed = false;
    if (past->size) memset(past->gone, 0, NUMBERS * sizeof *past->gone);
}

/* Another slice of the key frame it has begun says no more than the first. */
static bool begins_key(const struct past *past, const struct passing *passing) {
    if (!passing->look.keyframe || passing->late) return false;
    return !past->keyed || past->key_timestamp != passing->packet->timestamp;
}

static bool outlived(const struct past *past, const struct passing *passing) {
    return passing->received_us - past->keyed_us > FRESH_US ||
           (!passing->late && passing->extended - past->first >= NUMBERS);
}

void past_take(struct source *source, const struct passing *passing) {
    struct past *past = &source->past;
    if (passing->restarted) forget(past);
    if (begins_key(past, passing)) {
        past_begin(past);
        past->keyed = past->size > 0;
        past->first = passing->extended;
        past->key_timestamp = passing->packet->timestamp;
        past->keyed_us = passing->received_us;
    } else if (past->keyed && outlived(past, passing)) {
        past_end(source);
    }
    if (past->size) put(past, passing);
    if (!passing->late) past->newest = passing->extended;
}

void past_end(struct source *source) {
    source->past.keyed = false;
    if (!shared(source)) past_free(&source->past);
}

static const struct gone *find(const struct past *past, uint16_t low) {
    if (past->size == 0) return NULL;
    const struct gone *gone = &past->gone[low % NUMBERS];
    return gone->used && (uint16_t)gone->extended == low ? gone : NULL;
}

bool sink_shares(const struct sink *sink) {
    const struct sfu_set_sink *asked = &sink->asked;
    if (!asked->has_rtx || !asked->history || asked->single_nal || asked->kind != KIND_VIDEO)
        return false;
    for (int i = 0; i < asked->payload_count; i++)
        if (!sink_rtx(sink, asked->payloads[i].other)) return false;
    return true;
}

uint8_t sink_rtx(const struct sink *sink, uint8_t payload_type) {
    const struct sfu_set_sink *asked = &sink->asked;
    for (int i = 0; asked->has_rtx && i < asked->rtx_count; i++)
        if ((asked->rtx[i].number & 127) == (payload_type & 127)) return asked->rtx[i].other & 127;
    return 0;
}

/* How far back a sink answers. */
static uint16_t window(const struct sink *sink) {
    uint32_t size = 1;
    while (size < sink->asked.history && size < NUMBERS) size *= 2;
    return (uint16_t)size;
}

void sink_forget_numbers(struct sink *sink) {
    memset(sink->numbers, 0xff, sizeof sink->numbers); /* NUMBER_NONE */
    memset(sink->reserved, 0, sizeof sink->reserved);
    sink->past_of = NULL;
}

static bool from_past(const struct sink *sink, const struct gone *gone, struct again *again) {
    const struct past *past = &sink->past_of->past;
    if (!gone || sink_reserved(sink, gone->extended)) return false;
    again->payload_type = sink->payloads[gone->codec];
    again->marker = gone->marker;
    again->has_level = gone->has_level;
    again->level = gone->level;
    again->timestamp = gone->timestamp + sink->timestamp_offset;
    again->bytes = past_bytes(past, gone->extended);
    again->length = gone->length;
    again->look = gone->codec == CODEC_VP8 ? &gone->look : NULL;
    return sink->knows[gone->codec] && again->payload_type != 0;
}

/* Parameter sets before a picture: numbered back from the packet that begins it. */
static bool from_sets(const struct sink *sink, uint16_t sequence, struct again *again) {
    const struct source *source = sink->past_of;
    uint16_t next = sequence;
    while ((uint16_t)(next - sequence) <= SETS_MAX && sink->numbers[next % NUMBERS] == NUMBER_SET)
        next++;
    const struct gone *gone = find(&source->past, sink->numbers[next % NUMBERS]);
    int place = source->set_count - (uint16_t)(next - sequence);
    if (place < 0 || !gone || !from_past(sink, gone, again)) return false;
    for (uint8_t type = NAL_SPS; type <= NAL_PPS; type++)
        for (int i = 0; i < source->set_count; i++) {
            if (source->sets[i].type != type || place-- > 0) continue;
            again->marker = false;
            again->bytes = source->sets[i].bytes;
            again->length = source->sets[i].length;
            return true;
        }
    return false;
}

static bool from_history(const struct sink *sink, uint16_t sequence, struct again *again) {
    struct kept *kept = history_find(&sink->history, sequence);
    if (!kept) return false;
    again->payload_type = kept->payload_type;
    again->marker = kept->marker;
    again->has_level = kept->has_level;
    again->level = kept->level;
    again->timestamp = kept->timestamp;
    again->bytes = history_bytes(&sink->history, kept);
    again->length = kept->length;
    return true;
}

bool sink_recall(const struct sink *sink, uint16_t sequence, struct again *again) {
    *again = (struct again){.sequence = sequence};
    if (!sink->shares) return from_history(sink, sequence, again);
    uint16_t back = (uint16_t)(sink->next_sequence - sequence);
    uint16_t number = sink->numbers[sequence % NUMBERS];
    if (!sink->past_of || back == 0 || back > window(sink) || number == NUMBER_NONE) return false;
    if (number == NUMBER_SET) return from_sets(sink, sequence, again);
    return from_past(sink, find(&sink->past_of->past, number), again);
}

bool transport_may_resend(struct transport *transport, uint32_t ssrc, uint16_t sequence,
                          int64_t now_us) {
    for (int i = 0; i < RESENT_MAX; i++) {
        const struct resent *resent = &transport->resent[i];
        if (resent->ssrc == ssrc && resent->sequence == sequence &&
            (uint32_t)now_us - resent->at_us < RESEND_US && resent->used)
            return false;
    }
    transport->resent[transport->next_resent++ % RESENT_MAX] =
        (struct resent){ssrc, (uint32_t)now_us, sequence, true};
    return true;
}
