/* Temporal layers and picture numbers: what is left out of a stream without a trace.
 *
 *   VP8   TID, Y (RFC 7741)                  H.264   nal_ref_idc 0: nothing refers to it (RFC 6184)
 *
 *   source   picture  7(0)  8(2)  9(1) 10(2) 11(0)      TID in brackets, at most 1 asked for
 *   sink     picture  7           8          9
 *
 * Down at the next picture. Up where a receiver that lacks the layers above may begin with one: at
 * a key frame, or at a picture of the next layer that refers to the base layer only (Y).
 */
#include <stdlib.h>

#include "core.h"

#define NEAR 16 /* pictures in which a late one that was lost whole finds its neighbour */

static void choose_layers(struct sink *sink, const struct passing *passing) {
    const struct look *look = &passing->look;
    bool free_to = look->keyframe || passing->codec == CODEC_H264;
    if (sink->temporal < sink->layers || free_to)
        sink->layers = sink->temporal;
    else if (look->sync && look->temporal == sink->layers + 1 && look->temporal <= sink->temporal)
        sink->layers = look->temporal;
}

static void begin_picture(struct sink *sink, const struct passing *passing) {
    const struct look *look = &passing->look;
    choose_layers(sink, passing);
    sink->thinning = look->temporal > sink->layers;
    sink->layer_known = true;
    sink->layer_timestamp = passing->packet->timestamp;
    if (passing->codec != CODEC_VP8 || !look->picture_bytes) return;
    if (sink->named)
        sink->named[look->picture % PICTURES] = (struct named){look->picture, sink->picture_offset, true, sink->thinning};
    if (sink->thinning) sink->picture_offset--;
}

/* Picture numbers go on over a switch. */
static void join_pictures(struct sink *sink, const struct look *look) {
    sink->picture_offset =
        sink->has_picture ? (uint16_t)(sink->last_picture + 1 - look->picture) : 0;
    sink->tl0_offset = sink->has_tl0 ? (uint8_t)(sink->last_tl0 + 1 - look->tl0) : 0;
    sink->picture_rebase = false;
    for (int i = 0; sink->named && i < PICTURES; i++) sink->named[i].used = false;
}

/* What a late picture was to be called: as itself when it was seen, else as the next one that was. */
static bool late_passes(const struct sink *sink, const struct look *look, uint16_t *offset) {
    uint16_t mask = look->picture_bytes == 2 ? 0x7fff : 0x7f;
    for (uint16_t ahead = 0; sink->named && ahead < NEAR; ahead++) {
        uint16_t picture = (uint16_t)((look->picture + ahead) & mask);
        const struct named *named = &sink->named[picture % PICTURES];
        if (!named->used || named->picture != picture) continue;
        *offset = named->offset;
        if (ahead == 0) return !named->thinned;
        break;
    }
    return look->temporal <= sink->layers;
}

static uint16_t put_picture(const struct look *look, uint8_t *payload, uint16_t offset) {
    uint16_t picture = (uint16_t)((look->picture + offset) &
                                  (look->picture_bytes == 2 ? 0x7fff : 0x7f));
    if (look->picture_bytes == 2)
        put16(payload + look->picture_at, 0x8000u | picture);
    else
        payload[look->picture_at] = (uint8_t)picture;
    return picture;
}

/* The payload is ours to write in. */
static void renumber(struct sink *sink, const struct passing *passing, bool in_order,
                     uint16_t offset) {
    const struct look *look = &passing->look;
    uint8_t *payload = passing->packet->payload;
    if (look->picture_bytes) {
        uint16_t picture = put_picture(look, payload, offset);
        if (in_order) sink->last_picture = picture;
        sink->has_picture = true;
    }
    if (look->tl0_at) {
        uint8_t tl0 = (uint8_t)(look->tl0 + sink->tl0_offset);
        payload[look->tl0_at] = tl0;
        if (in_order) sink->last_tl0 = tl0;
        sink->has_tl0 = true;
    }
}

bool picture_again(const struct sink *sink, const struct look *look, uint8_t *payload) {
    uint16_t offset = sink->picture_offset;
    if (sink->named && look->picture_bytes) {
        const struct named *named = &sink->named[look->picture % PICTURES];
        if (!named->used || named->picture != look->picture || named->thinned) return false;
        offset = named->offset;
    }
    if (look->picture_bytes) put_picture(look, payload, offset);
    if (look->tl0_at) payload[look->tl0_at] = (uint8_t)(look->tl0 + sink->tl0_offset);
    return true;
}

void sink_name_pictures(struct sink *sink) {
    if (sink->named) return;
    sink->named = calloc(PICTURES, sizeof *sink->named);
    if (!sink->named || !sink->has_picture) return;
    for (uint16_t back = 0; back < PICTURES; back++) { /* so far all were called alike */
        uint16_t picture = (uint16_t)(sink->last_picture - sink->picture_offset - back) & 0x7fff;
        sink->named[picture % PICTURES] = (struct named){picture, sink->picture_offset, true, false};
    }
}

bool picture_passes(struct sink *sink, const struct passing *passing, bool in_order) {
    bool vp8 = passing->codec == CODEC_VP8;
    if (!vp8 && passing->codec != CODEC_H264) return true;
    if (vp8 && sink->picture_rebase) join_pictures(sink, &passing->look);
    bool same = sink->layer_known && sink->layer_timestamp == passing->packet->timestamp;
    if (in_order && !same) begin_picture(sink, passing);
    uint16_t offset = sink->picture_offset;
    bool passes = !sink->thinning;
    if (!in_order)
        passes = vp8 && passing->look.picture_bytes ? late_passes(sink, &passing->look, &offset)
                                                    : passing->look.temporal <= sink->layers;
    if (passes && vp8) renumber(sink, passing, in_order, offset);
    return passes;
}
