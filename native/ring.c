/* The ring of events: records of whole bytes, the oldest overwritten when Python is too slow.
 *
 * Datagrams of strangers share a small quota, so that a flood of STUN or DTLS finds the ring
 * closed instead of pushing out what known peers have sent.
 */
#include <string.h>

#include "core.h"

#define STRANGER (1u << 31) /* in `kind`, never seen outside */

static void copy_in(struct ring *ring, const void *bytes, size_t length) {
    if (length == 0) return;
    size_t at = (ring->head + ring->used) % RING_BYTES;
    size_t first = length < RING_BYTES - at ? length : RING_BYTES - at;
    memcpy(ring->bytes + at, bytes, first);
    memcpy(ring->bytes, (const uint8_t *)bytes + first, length - first);
    ring->used += length;
}

static void copy_out(const struct ring *ring, void *out, size_t length) {
    size_t first = length < RING_BYTES - ring->head ? length : RING_BYTES - ring->head;
    memcpy(out, ring->bytes + ring->head, first);
    memcpy((uint8_t *)out + first, ring->bytes, length - first);
}

static struct sfu_record oldest(const struct ring *ring) {
    struct sfu_record record;
    copy_out(ring, &record, sizeof record);
    return record;
}

static void drop(struct ring *ring, struct sfu_record record) {
    if (record.kind & STRANGER) ring->strangers--;
    ring->head = (ring->head + record.size) % RING_BYTES;
    ring->used -= record.size;
}

bool ring_put(struct ring *ring, uint32_t kind, const void *fixed, size_t fixed_size,
              const uint8_t *bytes, size_t length) {
    static const uint8_t zeros[8];
    size_t size = sizeof(struct sfu_record) + fixed_size + length;
    size_t padding = -size & 7;
    struct sfu_record record = {(uint32_t)(size + padding), kind};
    bool empty = ring->used == 0;
    ring->urgent = true;
    while (ring->used + record.size > RING_BYTES) {
        drop(ring, oldest(ring));
        ring->lost++;
    }
    if (kind & STRANGER) ring->strangers++;
    copy_in(ring, &record, sizeof record);
    copy_in(ring, fixed, fixed_size);
    copy_in(ring, bytes, length);
    copy_in(ring, zeros, padding);
    return empty;
}

void ring_put_calm(struct ring *ring, uint32_t kind, const void *fixed, size_t fixed_size,
                   const uint8_t *bytes, size_t length) {
    bool urgent = ring->urgent;
    ring_put(ring, kind, fixed, fixed_size, bytes, length);
    ring->urgent = urgent || ring->used > RING_BYTES / 4; /* nobody asks, it seems */
}

bool ring_put_stranger(struct ring *ring, uint32_t kind, const void *fixed, size_t fixed_size,
                       const uint8_t *bytes, size_t length) {
    if (ring->strangers >= STRANGERS_MAX) return false;
    ring_put(ring, kind | STRANGER, fixed, fixed_size, bytes, length);
    return true;
}

size_t ring_take(struct ring *ring, uint8_t *out, size_t cap) {
    size_t taken = 0;
    while (ring->used) {
        struct sfu_record record = oldest(ring);
        if (taken + record.size > cap) break;
        copy_out(ring, out + taken, record.size);
        uint32_t kind = record.kind & ~STRANGER;
        memcpy(out + taken + offsetof(struct sfu_record, kind), &kind, sizeof kind);
        taken += record.size;
        drop(ring, record);
    }
    if (!ring->used) ring->urgent = false;
    return taken;
}
