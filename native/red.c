/* Sound sent twice (RFC 2198): blocks of what went before, oldest first, and the sound itself.
 *
 *   1 PT | timestamp offset (14) | length (10)     each block of before
 *   0 PT                                           the sound itself, to the end of the packet
 */
#include <string.h>

#include "packet.h"

bool red_parse(struct red *red, const uint8_t *payload, size_t length) {
    size_t at = 0, taken = 0;
    *red = (struct red){0};
    for (; at < length && payload[at] & 0x80; at += 4) {
        if (red->count == RED_BLOCKS_MAX || at + 4 > length) return false;
        struct red_block *block = &red->blocks[red->count++];
        block->payload_type = payload[at] & 127;
        block->offset = get16(payload + at + 1) >> 2;
        block->length = get16(payload + at + 2) & 0x3ff;
        taken += block->length;
    }
    if (at++ >= length || at + taken > length) return false;
    red->payload_type = payload[at - 1];
    red->at = at + taken;
    for (int i = 0; i < red->count; i++) {
        red->blocks[i].bytes = payload + at;
        at += red->blocks[i].length;
    }
    return true;
}

size_t red_compose(uint8_t *out, uint8_t payload_type, uint32_t offset, struct span before,
                   struct span sound) {
    if (before.length > RED_BYTES_MAX || offset == 0 || offset >= 1 << 14) return 0;
    size_t length = 5 + before.length + sound.length;
    if (length > RED_PACKET_MAX) return 0;
    out[0] = payload_type | 0x80;
    put16(out + 1, offset << 2 | (uint32_t)before.length >> 8);
    out[3] = (uint8_t)before.length;
    out[4] = payload_type;
    memcpy(out + 5, before.bytes, before.length);
    memcpy(out + 5 + before.length, sound.bytes, sound.length);
    return length;
}
