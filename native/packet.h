/* What the first bytes of a datagram say: its protocol, the RTP header, a look at the payload. */
#ifndef SFU_PACKET_H
#define SFU_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"

enum protocol { PROTOCOL_UNKNOWN, PROTOCOL_STUN, PROTOCOL_DTLS, PROTOCOL_RTP, PROTOCOL_RTCP };

struct span {
    const uint8_t *bytes;
    size_t length;
};

/* One RTP packet (RFC 3550 section 5.1); pointers lead into the datagram. */
struct packet {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    struct span extension[16]; /* RFC 8285 elements by id; longer ids are of no use to us */
    uint8_t *payload;
    size_t length;
};

/* H.264 parameter sets an access unit has shown. */
#define SETS_SPS 1
#define SETS_PPS 2

/* What forwarding has to know of a payload; all zero for sound. */
struct look {
    bool keyframe;         /* the first packet of a key frame */
    bool begins;           /* a receiver may begin here: that, sound, any picture of H.261 */
    uint8_t sets;          /* H.264: parameter sets in here */
    uint8_t picture_bytes; /* VP8: 0, 1 or 2 bytes of picture id at picture_at */
    uint8_t picture_at, tl0_at; /* VP8: offsets in the payload, 0 for absent */
    uint16_t picture;
    uint8_t tl0;
    uint8_t temporal; /* layer; H.264: 1 where no other picture refers to this one */
    bool sync;        /* VP8: refers to the base layer only */
};

#define NAL_SLICE 1
#define NAL_IDR 5
#define NAL_SPS 7
#define NAL_PPS 8
#define NAL_STAP_A 24
#define NAL_FU_A 28

static inline uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }
static inline void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
}

enum protocol demux(const uint8_t *datagram, size_t length);
bool packet_parse(struct packet *packet, uint8_t *datagram, size_t length);

struct look h264_look(const uint8_t *payload, size_t length);
struct look vp8_look(const uint8_t *payload, size_t length);
struct look h263_look(const uint8_t *payload, size_t length);      /* RFC 2190 */
struct look h263_1998_look(const uint8_t *payload, size_t length); /* RFC 4629 */
struct look h261_look(const uint8_t *payload, size_t length);

/* Walks over a STAP-A; `at` starts at 1.  False at its end or where it is malformed. */
bool stap_next(const uint8_t *payload, size_t length, size_t *at, struct span *nal);
/* NAL units in a STAP-A, 0 when it is malformed or longer than anybody needs. */
int stap_count(const uint8_t *payload, size_t length);

/* RFC 2198: what a payload holds beside its own sound. */
#define RED_BLOCKS_MAX 3
#define RED_BYTES_MAX 480   /* of the sound before, as it is sent again: Opus at 192 kbit/s */
#define RED_PACKET_MAX 1200 /* what is larger goes alone */
struct red_block {
    uint8_t payload_type;
    uint16_t offset, length; /* of its timestamp, back from the packet's; in bytes */
    const uint8_t *bytes;
};
struct red {
    struct red_block blocks[RED_BLOCKS_MAX]; /* oldest first */
    int count;
    uint8_t payload_type; /* of the sound itself, */
    size_t at;            /* which begins there and goes to the end */
};
/* False for lengths beyond the payload, and for more blocks than anybody sends. */
bool red_parse(struct red *red, const uint8_t *payload, size_t length);
/* Writes one sound before and one now; 0 where the one before is too old or both are too large. */
size_t red_compose(uint8_t *out, uint8_t payload_type, uint32_t offset, struct span before,
                   struct span sound);

/* Calls `found` for each generic NACK entry (RFC 4585 section 6.2.1) in a compound packet. */
typedef void nack_found(void *context, uint32_t media_ssrc, uint16_t sequence);
/* Whether nothing in it is a wish: it may wait until somebody takes a look. */
bool rtcp_only_tells(const uint8_t *compound, size_t length);
void rtcp_each_nack(const uint8_t *compound, size_t length, nack_found *found, void *context);
bool rtcp_valid(const uint8_t *compound, size_t length);
/* Writes a generic NACK for `count` sequence numbers in ascending order; returns its length. */
size_t rtcp_nack(uint8_t *out, uint32_t sender, uint32_t media, const uint16_t *lost, int count);

#endif
