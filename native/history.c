/* Packets one sink sent, kept to be sent again: the datagram as it left, or with RTX the plain
 * payload.  For sinks that make packets of their own, or have no RTX; all others share past.c. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

void history_free(struct history *history) {
    free(history->kept);
    pages_give(history->bytes, (size_t)history->size * HISTORY_BYTES);
    *history = (struct history){0};
}

bool history_resize(struct history *history, uint32_t wanted) {
    uint32_t size = wanted ? 1 : 0;
    while (size < wanted && size < HISTORY_MAX) size *= 2;
    if (size == history->size) return true;
    history_free(history);
    if (size == 0) return true;
    history->size = size;
    history->kept = calloc(size, sizeof *history->kept);
    history->bytes = pages_take((size_t)size * HISTORY_BYTES);
    if (history->kept && history->bytes) return true;
    history_free(history);
    return false;
}

struct kept *history_put(struct history *history, uint16_t sequence, const uint8_t *bytes,
                         size_t length) {
    size_t index = sequence & (history->size - 1);
    struct kept *kept = &history->kept[index];
    *kept = (struct kept){.used = true, .sequence = sequence, .length = (uint16_t)length};
    memcpy(history->bytes + index * HISTORY_BYTES, bytes, length);
    return kept;
}

struct kept *history_find(const struct history *history, uint16_t sequence) {
    if (history->size == 0) return NULL;
    struct kept *kept = &history->kept[sequence & (history->size - 1)];
    return kept->used && kept->sequence == sequence ? kept : NULL;
}

const uint8_t *history_bytes(const struct history *history, const struct kept *kept) {
    return history->bytes + (size_t)(kept - history->kept) * HISTORY_BYTES;
}
