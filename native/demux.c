/* From bytes to a packet: RFC 7983 by the first byte, RFC 5761 by the second, RFC 3550, RFC 8285.
 *
 *      0..3 STUN     20..63 DTLS     128..191 RTP, or RTCP where the second byte is 192..223
 */
#include <string.h>

#include "packet.h"

#define PROFILE_ONE_BYTE 0xBEDE
#define PROFILE_TWO_BYTE 0x1000 /* its low four bits are "appbits" */

enum protocol demux(const uint8_t *datagram, size_t length) {
    if (length < 2) return PROTOCOL_UNKNOWN;
    if (datagram[0] <= 3) return PROTOCOL_STUN;
    if (datagram[0] >= 20 && datagram[0] <= 63) return PROTOCOL_DTLS;
    if (datagram[0] < 128 || datagram[0] > 191) return PROTOCOL_UNKNOWN;
    return datagram[1] >= 192 && datagram[1] <= 223 ? PROTOCOL_RTCP : PROTOCOL_RTP;
}

static bool parse_one_byte(struct packet *packet, const uint8_t *at, size_t length) {
    for (size_t i = 0; i < length;) {
        unsigned id = at[i] >> 4;
        size_t size = (at[i] & 15u) + 1;
        i++;
        if (id == 15) return true; /* section 4.2: nothing behind it is read */
        if (id == 0) continue;     /* padding */
        if (i + size > length) return false;
        packet->extension[id] = (struct span){at + i, size};
        i += size;
    }
    return true;
}

static bool parse_two_byte(struct packet *packet, const uint8_t *at, size_t length) {
    for (size_t i = 0; i < length;) {
        unsigned id = at[i++];
        if (id == 0) continue;
        if (i == length) return false;
        size_t size = at[i++];
        if (i + size > length) return false;
        if (id < 16) packet->extension[id] = (struct span){at + i, size};
        i += size;
    }
    return true;
}

static bool parse_extension(struct packet *packet, unsigned profile, const uint8_t *at,
                            size_t length) {
    if (profile == PROFILE_ONE_BYTE) return parse_one_byte(packet, at, length);
    if ((profile & 0xfff0) == PROFILE_TWO_BYTE) return parse_two_byte(packet, at, length);
    return true;
}

bool packet_parse(struct packet *packet, uint8_t *datagram, size_t length) {
    if (length < 12 || datagram[0] >> 6 != 2) return false;
    memset(packet, 0, sizeof *packet);
    packet->marker = datagram[1] >> 7;
    packet->payload_type = datagram[1] & 0x7f;
    packet->sequence = get16(datagram + 2);
    packet->timestamp = get32(datagram + 4);
    packet->ssrc = get32(datagram + 8);
    size_t at = 12 + 4 * (size_t)(datagram[0] & 15);
    if (at > length) return false;
    if (datagram[0] & 0x10) {
        if (at + 4 > length) return false;
        unsigned profile = get16(datagram + at);
        size_t words = get16(datagram + at + 2);
        at += 4;
        if (at + 4 * words > length) return false;
        if (!parse_extension(packet, profile, datagram + at, 4 * words)) return false;
        at += 4 * words;
    }
    size_t padding = 0;
    if (datagram[0] & 0x20) {
        padding = datagram[length - 1];
        if (padding == 0 || at + padding > length) return false;
    }
    packet->payload = datagram + at;
    packet->length = length - at - padding;
    return true;
}
