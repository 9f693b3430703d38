/* A look into H.264 (RFC 6184), VP8 (RFC 7741), H.263 (RFC 2190, RFC 4629) and H.261 (RFC 4587)
 * payloads, never decoding. */
#include "packet.h"

#define STAP_UNITS_MAX 32

bool stap_next(const uint8_t *payload, size_t length, size_t *at, struct span *nal) {
    if (*at + 2 > length) return false;
    size_t size = get16(payload + *at);
    if (size == 0 || *at + 2 + size > length) return false;
    *nal = (struct span){payload + *at + 2, size};
    *at += 2 + size;
    return true;
}

int stap_count(const uint8_t *payload, size_t length) {
    size_t at = 1;
    int count = 0;
    struct span nal;
    while (stap_next(payload, length, &at, &nal)) count++;
    return at == length && count <= STAP_UNITS_MAX ? count : 0;
}

/* The first slice of an IDR picture: first_mb_in_slice is ue(v), so zero is a leading one bit. */
static void look_at_nal(struct look *look, unsigned type, const uint8_t *body, size_t length) {
    if (type == NAL_IDR && length > 0 && body[0] & 0x80) look->keyframe = true;
    if (type == NAL_SPS) look->sets |= SETS_SPS;
    if (type == NAL_PPS) look->sets |= SETS_PPS;
}

struct look h264_look(const uint8_t *payload, size_t length) {
    struct look look = {0};
    if (length == 0) return look;
    unsigned type = payload[0] & 31;
    if (type == NAL_STAP_A) {
        size_t at = 1;
        struct span nal;
        while (stap_next(payload, length, &at, &nal))
            look_at_nal(&look, nal.bytes[0] & 31, nal.bytes + 1, nal.length - 1);
    } else if (type == NAL_FU_A) {
        if (length > 2 && payload[1] & 0x80) /* S: the NAL begins here */
            look_at_nal(&look, payload[1] & 31, payload + 2, length - 2);
    } else {
        look_at_nal(&look, type, payload + 1, length - 1);
    }
    unsigned slice = type == NAL_FU_A && length > 1 ? payload[1] & 31 : type;
    bool disposable = (payload[0] & 0x60) == 0; /* nal_ref_idc; of a STAP-A the highest in it */
    if (disposable && (slice == NAL_SLICE || slice == NAL_STAP_A)) look.temporal = 1;
    return look;
}

/*  X R N S R PID | I L T K RSV | M PictureID (7 or 15) | TL0PICIDX | TID Y KEYIDX | header  */
struct look vp8_look(const uint8_t *payload, size_t length) {
    struct look look = {0};
    if (length == 0) return look;
    size_t at = 1;
    uint8_t has = 0;
    if (payload[0] & 0x80) {
        if (at >= length) return look;
        has = payload[at++];
    }
    if (has & 0x80) {
        if (at >= length) return look;
        look.picture_bytes = payload[at] & 0x80 ? 2 : 1;
        if (at + look.picture_bytes > length) return (struct look){0};
        look.picture_at = (uint8_t)at;
        look.picture = look.picture_bytes == 2 ? get16(payload + at) & 0x7fff : payload[at];
        at += look.picture_bytes;
    }
    if (has & 0x40) {
        if (at >= length) return (struct look){0};
        look.tl0_at = (uint8_t)at;
        look.tl0 = payload[at++];
    }
    if (has & 0x20 && at < length) {
        look.temporal = payload[at] >> 6;
        look.sync = payload[at] & 0x20;
    }
    if (has & 0x30) at++;
    bool begins = (payload[0] & 0x10) && (payload[0] & 7) == 0;
    look.keyframe = begins && at < length && (payload[at] & 1) == 0;
    return look;
}

/* `count` bits, up to 24, from bit `at` on; all ones, which no start code is, beyond the end. */
static uint32_t bits_at(const uint8_t *payload, size_t length, size_t at, unsigned count) {
    uint32_t value = 0;
    if (at + count > 8 * length) return UINT32_MAX;
    for (size_t bit = at; bit < at + count; bit++)
        value = value << 1 | ((uint32_t)payload[bit / 8] >> (7 - bit % 8) & 1);
    return value;
}

/* H.263 5.1.3 and 5.1.4: PTYPE follows the 8 bits of TR, PLUSPTYPE where its format is 7. */
static bool h263_intra(const uint8_t *payload, size_t length, size_t reference) {
    size_t ptype = reference + 8;
    if (bits_at(payload, length, ptype + 5, 3) != 7)
        return bits_at(payload, length, ptype + 8, 1) == 0;
    uint32_t updates = bits_at(payload, length, ptype + 8, 3);
    if (updates > 1) return false;
    return bits_at(payload, length, ptype + 11 + 18 * updates, 3) == 0;
}

/*  F P SBIT EBIT | ...   4 bytes of header in mode A, 8 in B, 12 in C  */
struct look h263_look(const uint8_t *payload, size_t length) {
    struct look look = {0};
    if (length == 0) return look;
    size_t header = !(payload[0] & 0x80) ? 4 : payload[0] & 0x40 ? 12 : 8;
    size_t start = 8 * header + ((size_t)payload[0] >> 3 & 7);
    look.keyframe = bits_at(payload, length, start, 22) == 0x20 &&
                    h263_intra(payload, length, start + 22);
    return look;
}

/*  RR P V PLEN PEBIT | VRC? | PLEN bytes |    P: two zero bytes of the start code are left out  */
struct look h263_1998_look(const uint8_t *payload, size_t length) {
    struct look look = {0};
    if (length < 2 || !(payload[0] & 4)) return look;
    size_t extra = ((size_t)payload[0] & 1) << 5 | (size_t)payload[1] >> 3;
    size_t start = 8 * (2 + ((size_t)payload[0] >> 1 & 1) + extra);
    look.keyframe =
        bits_at(payload, length, start, 6) == 0x20 && h263_intra(payload, length, start + 6);
    return look;
}

/*  SBIT EBIT I V | ... 4 bytes |    no picture is intra by name: released freeze, or all intra  */
struct look h261_look(const uint8_t *payload, size_t length) {
    struct look look = {0};
    if (length == 0) return look;
    size_t start = 32 + ((size_t)payload[0] >> 5);
    look.begins = bits_at(payload, length, start, 20) == 0x10;
    look.keyframe =
        look.begins && (payload[0] & 2 || bits_at(payload, length, start + 27, 1) == 1);
    return look;
}
