/* RFC 4571: each datagram behind its length.  The bytes are a stranger's. */
#include <string.h>

#include "stream.h"

int framing_next(struct framing *framing, size_t *at, uint8_t **datagram) {
    size_t left = framing->used - *at;
    if (left < FRAME_HEAD) return -1;
    size_t length = get16(framing->bytes + *at);
    if (length > PACKET_CAP) return -2;
    if (left < FRAME_HEAD + length) return -1;
    *datagram = framing->bytes + *at + FRAME_HEAD;
    *at += FRAME_HEAD + length;
    return (int)length;
}

void framing_keep(struct framing *framing, size_t at) {
    framing->used -= at;
    if (at && framing->used) memmove(framing->bytes, framing->bytes + at, framing->used);
}
