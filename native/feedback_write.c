/* A message of transport-wide feedback, written; feedback.c reads them and says what chunks are. */
#include <string.h>

#include "arrivals.h"

#define REFERENCE_TICKS 256 /* 64 ms, the unit of the reference time */
#define RUN_LEAST 14        /* what a chunk of single bits holds */
#define RUN_MOST 0x1fff

enum status { MISSING, SMALL, LARGE };

/* Writes the deltas, and notes which have one byte and which two; returns their bytes. */
static size_t write_deltas(uint8_t *out, uint8_t *statuses, const int64_t *ticks, uint32_t count) {
    int64_t before = ticks[0] / REFERENCE_TICKS * REFERENCE_TICKS;
    size_t length = 0;
    for (uint32_t i = 0; i < count; i++) {
        statuses[i] = MISSING;
        if (ticks[i] == NOTHING) continue;
        int64_t delta = ticks[i] - before;
        before = ticks[i];
        statuses[i] = delta >= 0 && delta <= 0xff ? SMALL : LARGE;
        if (statuses[i] == LARGE) out[length++] = (uint8_t)((uint64_t)delta >> 8);
        out[length++] = (uint8_t)delta;
    }
    return length;
}

static uint32_t run(const uint8_t *statuses, uint32_t left) {
    uint32_t length = 1;
    while (length < left && length < RUN_MOST && statuses[length] == statuses[0]) length++;
    return length;
}

static unsigned pack(const uint8_t *statuses, uint32_t left, uint32_t places) {
    unsigned width = RUN_LEAST / places, value = 0;
    for (uint32_t i = 0; i < places; i++) value = value << width | (i < left ? statuses[i] : 0u);
    return value;
}

/* Writes the next chunk; returns how many statuses it holds. */
static uint32_t write_chunk(uint8_t *out, const uint8_t *statuses, uint32_t left) {
    uint32_t length = run(statuses, left), bits = left < RUN_LEAST ? left : RUN_LEAST;
    if (length >= RUN_LEAST || length == left) {
        put16(out, (unsigned)statuses[0] << 13 | length);
        return length;
    }
    if (!memchr(statuses, LARGE, bits)) {
        put16(out, 0x8000 | pack(statuses, left, RUN_LEAST));
        return bits;
    }
    put16(out, 0xc000 | pack(statuses, left, RUN_LEAST / 2));
    return left < RUN_LEAST / 2 ? left : RUN_LEAST / 2;
}

size_t feedback_write(uint8_t *out, uint16_t base, uint8_t number, const int64_t *ticks,
                      uint32_t count) {
    uint8_t statuses[STATUSES_MAX], deltas[2 * STATUSES_MAX];
    size_t length = 8, more = write_deltas(deltas, statuses, ticks, count);
    put16(out, base);
    put16(out + 2, count);
    put32(out + 4, (uint32_t)(ticks[0] / REFERENCE_TICKS) << 8 | number);
    for (uint32_t at = 0; at < count; length += 2)
        at += write_chunk(out + length, statuses + at, count - at);
    memcpy(out + length, deltas, more);
    length += more;
    while (length % 4) out[length++] = 0;
    return length;
}
