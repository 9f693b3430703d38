/* Who begins to wait for a key frame begins with the last one, where that is cheaper than another.
 *
 *   source   K K K K d d d d d d            past[first .. newest], no hole, K began within a second
 *   sink               ^ routed: K K K K d d d d at once, by its line, then d d as they come
 *
 * Cheaper: what was sent since the key frame is no more than the key frame itself and 6 kB, which take
 * less of a 2 Mbit/s line than a round trip: still pictures have tiny key frames.  Another would cost
 * its sender's line as much again and everybody who watches a second one, and would come a round trip
 * and an encoder later; up to twice its size the line of who begins carries either way, for behind a
 * new key frame comes a picture that grew meanwhile.  Beyond, and where it is older than a second, the
 * pictures in between would only keep who begins from being up to date.
 *
 * A sink that goes from one layer of a camera to another does so only where the key frame began a few
 * pictures ago, as when a camera has just begun and its larger layer arrives second: else what it shows
 * would go back in time for everybody to see.
 *
 * A browser's very first key frame comes before there is any sink for it: it is kept as well (past.c).
 * src/sfu/media/engine/past.py says the same.
 */
#include <string.h>

#include "core.h"

#define LITTLE_BYTES 6000
#define BACK_US 300000 /* so far what is shown may go back */

static bool serves(const struct past *past, int64_t age_us) {
    uint64_t key = 0, since = 0;
    if (!past->keyed || age_us > FRESH_US) return false;
    if (past->newest - past->first >= NUMBERS) return false;
    for (uint32_t at = past->first; at != past->newest + 1; at++) {
        const struct gone *gone = past_at(past, at);
        if (!gone) return false;
        if (gone->timestamp == past->key_timestamp)
            key += gone->length;
        else
            since += gone->length;
    }
    return since <= key + LITTLE_BYTES;
}

/* One packet as it came; the sink writes its own numbers into a copy. */
static void offer_again(struct core *core, struct sink *sink, struct source *source,
                        uint32_t extended) {
    const struct gone *gone = past_at(&source->past, extended);
    uint8_t bytes[HISTORY_BYTES];
    struct held *held = NULL;
    struct packet packet = {.marker = gone->marker, .sequence = (uint16_t)extended,
                            .timestamp = gone->timestamp, .payload = bytes,
                            .length = gone->length};
    struct passing passing = {
        .source = source, .packet = &packet, .extended = extended, .skip = gone->skip,
        .received_us = gone->received_us, .waited = true, .codec = gone->codec,
        .look = gone->look, .has_level = gone->has_level, .level = gone->level,
    };
    memcpy(bytes, past_bytes(&source->past, extended), gone->length);
    sink_offer(core, sink, &passing, &held);
}

void sink_catch_up(struct core *core, struct sink *sink) {
    struct source *source = sink->pending;
    int64_t age_us = core->now_us - source->past.keyed_us;
    bool layer = sink->source && sink->source->asked.transport == source->asked.transport;
    if (!serves(&source->past, age_us) || (layer && age_us > BACK_US)) return;
    uint32_t first = source->past.first, end = source->past.newest + 1;
    offer_again(core, sink, source, first);
    if (sink->source != source) return; /* no way to it yet, or a codec it does not know */
    for (uint32_t at = first + 1; at != end; at++) offer_again(core, sink, source, at);
    if (core->served_count < SERVED_MAX) core->served[core->served_count++] = sink->node.id;
    if (core->overfull) pacer_trim(core);
}

void source_lend(struct source *ghost, const struct source *source, int64_t now_us) {
    const struct past *past = &source->past;
    struct past *lent = &ghost->past;
    if (!serves(past, now_us - past->keyed_us)) return;
    past_begin(lent);
    if (lent->size == 0) return;
    for (uint32_t at = past->first; at != past->newest + 1; at++) {
        const struct gone *gone = past_at(past, at);
        lent->gone[at % NUMBERS] = *gone;
        memcpy(past_bytes(lent, at), past_bytes(past, at), gone->length);
    }
    lent->keyed = true;
    lent->first = past->first;
    lent->key_timestamp = past->key_timestamp;
    lent->keyed_us = past->keyed_us;
    lent->newest = past->newest;
}
