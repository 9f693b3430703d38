/* Frames as they come over TCP, cut anywhere; and what waits to leave, against a plain queue. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

#define CAP 1024
#define MOST 64

/* The same bytes read at once and in pieces give the same frames. */
static void read_in_pieces(const uint8_t *data, size_t size) {
    struct framing *whole = calloc(1, sizeof *whole), *pieces = calloc(1, sizeof *pieces);
    size_t lengths[MOST], at = 0, read = 0;
    int count = 0, length = -1, seen = 0;
    uint8_t *datagram;
    memcpy(whole->bytes, data, size);
    whole->used = size;
    while (count < MOST && (length = framing_next(whole, &at, &datagram)) >= 0) {
        assert(datagram >= whole->bytes + 2 && datagram + length <= whole->bytes + size);
        lengths[count++] = (size_t)length;
    }
    for (size_t step = 1; read < size && seen < count; step = step % 7 + 1) {
        size_t more = step < size - read ? step : size - read, begin = 0;
        memcpy(pieces->bytes + pieces->used, data + read, more);
        pieces->used += more;
        read += more;
        int next;
        while (seen < count && (next = framing_next(pieces, &begin, &datagram)) >= 0)
            assert((size_t)next == lengths[seen++]);
        framing_keep(pieces, begin);
    }
    assert(seen == count);
    free(whole);
    free(pieces);
}

/* Each byte puts a datagram of its size, or takes the oldest away. */
static void queue_up(const uint8_t *data, size_t size) {
    struct lane lane = {0};
    uint8_t bytes[256];
    struct { size_t length; int64_t since_us; uint8_t fill; } model[2048];
    size_t first = 0, last = 0;
    for (size_t i = 0; i < size && i < 2048; i++) {
        if (data[i] & 1) {
            size_t length = data[i];
            memset(bytes, (int)(i & 0xff), length);
            if (lane_put(&lane, CAP, bytes, length, (int64_t)i)) {
                model[last].length = length;
                model[last].since_us = (int64_t)i;
                model[last++].fill = (uint8_t)i;
            } else {
                assert(last - first > 1);
            }
        } else if (first < last) {
            lane_drop(&lane);
            first++;
        }
        assert(lane.frames == last - first && lane.used <= CAP);
        size_t length;
        int64_t since_us;
        const uint8_t *frame = lane_first(&lane, &length, &since_us);
        assert((frame != NULL) == (first < last));
        if (frame) assert(since_us == model[first].since_us);
        for (size_t k = first; frame; frame = lane_next(&lane, frame, &length), k++) {
            assert(k < last && length == FRAME_HEAD + model[k].length);
            assert(get16(frame) == model[k].length);
            assert(frame[FRAME_HEAD] == model[k].fill && frame[length - 1] == model[k].fill);
            if (k + 1 == last) assert(!lane_next(&lane, frame, &length));
        }
    }
    lane_free(&lane);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > FRAMING_BYTES) return 0;
    if (data[0] & 1)
        read_in_pieces(data + 1, size - 1);
    else
        queue_up(data + 1, size - 1);
    return 0;
}
