/* Frames that wait for a connection: a ring of bytes, each frame in one piece.
 *
 *   | since | size |0 4|....|  ...  | SKIP to the start |
 */
#include <stdlib.h>
#include <string.h>

#include "stream.h"

struct head {
    int64_t since_us;
    uint32_t size; /* of the frame, its length included */
    uint32_t skip; /* nothing more stands before the end of the ring */
};
#define ROUND(size) (((size) + 7) & ~(size_t)7)

static struct head *head_at(struct lane *lane, size_t at) {
    return (struct head *)(void *)(lane->bytes + at);
}

/* Where the record at `at` really stands: behind the end the ring goes on at its start. */
static size_t settle(const struct lane *lane, size_t at) {
    if (at + sizeof(struct head) > lane->cap) return 0;
    return ((const struct head *)(const void *)(lane->bytes + at))->skip ? 0 : at;
}

static size_t record_bytes(const struct head *head) {
    return sizeof *head + ROUND(head->size);
}

/* A place for so many bytes in one piece, or SIZE_MAX. */
static size_t place(struct lane *lane, size_t need) {
    size_t at = (lane->first + lane->used) % lane->cap, end = lane->cap - at;
    if (lane->used + need > lane->cap) return SIZE_MAX;
    if (end >= need) return at;
    if (lane->used + end + need > lane->cap) return SIZE_MAX;
    if (end >= sizeof(struct head)) head_at(lane, at)->skip = 1;
    lane->used += end;
    return 0;
}

bool lane_put(struct lane *lane, size_t cap, const uint8_t *datagram, size_t length,
              int64_t now_us) {
    if (!lane->bytes && !(lane->bytes = malloc(lane->cap = cap))) return false;
    if (lane->frames == 0) lane->first = lane->used = 0;
    size_t need = sizeof(struct head) + ROUND(FRAME_HEAD + length);
    size_t at = place(lane, need);
    if (at == SIZE_MAX) return false;
    *head_at(lane, at) = (struct head){now_us, (uint32_t)(FRAME_HEAD + length), 0};
    uint8_t *frame = lane->bytes + at + sizeof(struct head);
    put16(frame, (uint16_t)length);
    memcpy(frame + FRAME_HEAD, datagram, length);
    lane->used += need;
    lane->frames++;
    return true;
}

const uint8_t *lane_first(struct lane *lane, size_t *length, int64_t *since_us) {
    if (lane->frames == 0) return NULL;
    size_t at = settle(lane, lane->first);
    *length = head_at(lane, at)->size;
    *since_us = head_at(lane, at)->since_us;
    return lane->bytes + at + sizeof(struct head);
}

const uint8_t *lane_next(struct lane *lane, const uint8_t *frame, size_t *length) {
    size_t at = (size_t)(frame - lane->bytes) - sizeof(struct head);
    size_t end = (lane->first + lane->used) % lane->cap;
    at = (at + record_bytes(head_at(lane, at))) % lane->cap;
    if (at == end) return NULL;
    at = settle(lane, at);
    *length = head_at(lane, at)->size;
    return lane->bytes + at + sizeof(struct head);
}

void lane_drop(struct lane *lane) {
    size_t at = settle(lane, lane->first);
    size_t next = at + record_bytes(head_at(lane, at));
    lane->used -= next - at + (at == lane->first ? 0 : lane->cap - lane->first);
    lane->first = next % lane->cap;
    lane->frames--;
}

void lane_free(struct lane *lane) {
    free(lane->bytes);
    *lane = (struct lane){0};
}
