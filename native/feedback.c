/* A message of transport-wide feedback, read twice: is it whole; what does it say.
 *
 * A chunk of 16 bits holds a run (0, status 2, length 13), fourteen statuses of one bit (1, 0) or
 * seven of two (1, 1); status 0 is not received, 1 a delta of one byte, 2 one of two.
 */
#include "legs.h"

#define HEAD 16 /* two SSRCs, base, count, reference time of 64 ms, number */
#define REFERENCE_TICKS 256
#define LARGE 2

static uint32_t places(unsigned chunk) {
    if (!(chunk & 0x8000)) return chunk & 0x1fff;
    return chunk & 0x4000 ? 7 : 14;
}

static unsigned status_at(unsigned chunk, uint32_t place) {
    if (!(chunk & 0x8000)) return chunk >> 13;
    return chunk & 0x4000 ? chunk >> (12 - 2 * place) & 3 : chunk >> (13 - place) & 1;
}

/* Finds where the deltas begin; false where chunks are missing. */
static bool find_deltas(struct feedback *it) {
    uint32_t left = it->left;
    size_t at = HEAD;
    while (left) {
        if (at + 2 > it->length) return false;
        uint32_t here = places(get16(it->bytes + at));
        left -= here < left ? here : left;
        at += 2;
    }
    it->delta = at;
    return true;
}

/* The next packet's status; only while packets are left. */
static unsigned next_status(struct feedback *it) {
    unsigned chunk;
    while (it->place == places(chunk = get16(it->bytes + it->chunk))) {
        it->chunk += 2;
        it->place = 0;
    }
    it->left--;
    return status_at(chunk, it->place++);
}

static void rewind_to(struct feedback *it, size_t deltas, uint32_t count) {
    it->chunk = HEAD;
    it->place = 0;
    it->delta = deltas;
    it->left = count;
}

bool feedback_open(struct feedback *feedback, const uint8_t *bytes, size_t length) {
    if (length < HEAD) return false;
    *feedback = (struct feedback){.bytes = bytes, .length = length, .base = get16(bytes + 8),
                                  .left = get16(bytes + 10)};
    feedback->ticks = (int64_t)(get32(bytes + 12) >> 8) * REFERENCE_TICKS;
    uint32_t count = feedback->left;
    if (!find_deltas(feedback)) return false;
    size_t deltas = feedback->delta, at = deltas;
    rewind_to(feedback, deltas, count);
    while (feedback->left) {
        unsigned status = next_status(feedback);
        at += status;
        if (status > LARGE || (status && at > length)) return false;
    }
    rewind_to(feedback, deltas, count);
    return true;
}

bool feedback_next(struct feedback *feedback, uint16_t *sequence, int64_t *ticks) {
    if (!feedback->left) return false;
    *sequence = (uint16_t)feedback->base++;
    unsigned status = next_status(feedback);
    const uint8_t *delta = feedback->bytes + feedback->delta;
    feedback->delta += status;
    *ticks = -1;
    if (!status) return true;
    feedback->ticks += status == LARGE ? (int16_t)get16(delta) : delta[0];
    *ticks = feedback->ticks & 0xffffffff;
    return true;
}
