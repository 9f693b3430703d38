/* What a source keeps for its sinks: who they are, and the parameter sets of its pictures. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

void source_link(struct source *source, struct sink *sink) {
    for (int i = 0; i < source->sink_count; i++)
        if (source->sinks[i] == sink) return;
    if (source->sink_count == source->sink_cap) {
        int cap = source->sink_cap ? 2 * source->sink_cap : 8;
        struct sink **grown = realloc(source->sinks, (size_t)cap * sizeof *grown);
        if (!grown) return;
        source->sinks = grown;
        source->sink_cap = cap;
    }
    source->sinks[source->sink_count++] = sink;
    if (sink->shares) past_begin(&source->past);
}

void source_unlink(struct source *source, struct sink *sink) {
    if (sink->past_of == source) sink_forget_numbers(sink);
    for (int i = 0; i < source->sink_count; i++) {
        if (source->sinks[i] != sink) continue;
        source->sinks[i] = source->sinks[--source->sink_count];
        break;
    }
    if (!source->past.keyed) past_end(source);
}

/* ue(v) at the first bit, as far as ids go: sets have small ones. 255 when it is not there. */
static uint8_t exp_golomb(const uint8_t *at, size_t length) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; i++) bits = bits << 8 | (i < length ? at[i] : 0u);
    int zeros = 0;
    while (zeros < 8 && !(bits >> (23 - zeros) & 1)) zeros++;
    if (zeros == 8) return 255;
    return (uint8_t)((bits >> (23 - 2 * zeros)) - 1);
}

/* seq_parameter_set_id follows profile, constraints and level; pic_parameter_set_id is first. */
void source_keep_set(struct source *source, const uint8_t *nal, size_t length) {
    uint8_t type = length ? nal[0] & 31 : 0;
    if ((type != NAL_SPS && type != NAL_PPS) || length > SET_BYTES) return;
    size_t at = type == NAL_SPS ? 4 : 1;
    if (length <= at) return;
    uint8_t id = exp_golomb(nal + at, length - at);
    int i = 0;
    while (i < source->set_count && !(source->sets[i].type == type && source->sets[i].id == id)) i++;
    if (i == SETS_MAX) return;
    if (i == source->set_count) source->set_count++;
    source->sets[i].type = type;
    source->sets[i].id = id;
    source->sets[i].length = (uint16_t)length;
    memcpy(source->sets[i].bytes, nal, length);
}

void source_keep_sets(struct source *source, const uint8_t *payload, size_t length) {
    if (length == 0) return;
    if ((payload[0] & 31) != NAL_STAP_A) {
        source_keep_set(source, payload, length);
        return;
    }
    size_t at = 1;
    struct span nal;
    while (stap_next(payload, length, &at, &nal)) source_keep_set(source, nal.bytes, nal.length);
}
