/* RTCP as far as the packet path needs it: generic NACK, read and written (RFC 4585). */
#include "packet.h"

#define SENDER_REPORT 200
#define RECEIVER_REPORT 201u
#define DESCRIPTION 202
#define RTPFB 205
#define EXTENDED_REPORT 207
#define GENERIC_NACK 1

bool rtcp_valid(const uint8_t *compound, size_t length) {
    if (length < 8) return false;
    for (size_t at = 0; at < length;) {
        if (at + 4 > length || compound[at] >> 6 != 2) return false;
        at += 4 * ((size_t)get16(compound + at + 2) + 1);
        if (at > length) return false;
    }
    return true;
}

static bool asks(unsigned kind, unsigned format) {
    if (kind == RTPFB) return format != GENERIC_NACK; /* a cut does not wait for the tick */
    return kind != SENDER_REPORT && kind != RECEIVER_REPORT && kind != DESCRIPTION &&
           kind != EXTENDED_REPORT;
}

bool rtcp_only_tells(const uint8_t *compound, size_t length) {
    for (size_t at = 0; at + 4 <= length;) {
        if (asks(compound[at + 1], compound[at] & 31)) return false;
        at += 4 * ((size_t)get16(compound + at + 2) + 1);
    }
    return true;
}

void rtcp_each_nack(const uint8_t *compound, size_t length, nack_found *found, void *context) {
    for (size_t at = 0; at + 4 <= length;) {
        size_t size = 4 * ((size_t)get16(compound + at + 2) + 1);
        if (at + size > length) return;
        bool nack = compound[at + 1] == RTPFB && (compound[at] & 31) == GENERIC_NACK;
        for (size_t i = 12; nack && i + 4 <= size; i += 4) {
            uint32_t media = get32(compound + at + 8);
            uint16_t first = get16(compound + at + i), more = get16(compound + at + i + 2);
            found(context, media, first);
            for (int bit = 0; bit < 16; bit++)
                if (more >> bit & 1) found(context, media, (uint16_t)(first + 1 + bit));
        }
        at += size;
    }
}

/* An empty receiver report comes first: not everybody takes a lone NACK (RFC 5506). */
size_t rtcp_nack(uint8_t *out, uint32_t sender, uint32_t media, const uint16_t *lost, int count) {
    uint8_t *nack = out + 8;
    size_t size = 12;
    for (int i = 0; i < count;) {
        uint16_t first = lost[i++], more = 0;
        for (; i < count && (uint16_t)(lost[i] - first - 1) < 16; i++)
            more |= (uint16_t)(1u << (uint16_t)(lost[i] - first - 1));
        put16(nack + size, first);
        put16(nack + size + 2, more);
        size += 4;
    }
    put32(out, 0x80u << 24 | RECEIVER_REPORT << 16 | 1);
    put32(out + 4, sender);
    nack[0] = 0x80 | GENERIC_NACK;
    nack[1] = RTPFB;
    put16(nack + 2, (uint32_t)(size / 4 - 1));
    put32(nack + 4, sender);
    put32(nack + 8, media);
    return 8 + size;
}
