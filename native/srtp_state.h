/* What the files of SRTP share: keys and streams of one direction, and the calls between them.
 *
 *     srtp.c, srtcp.c --> srtp_transform.c    what is done to one packet's bytes
 *                     --> srtp_streams.c      which index it has
 *                         srtp_keys.c         where the session keys come from
 *
 * No part of the engine includes this: `srtp.h` is the door.
 */
#ifndef SFU_SRTP_STATE_H
#define SFU_SRTP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>

#include "replay.h"
#include "srtp.h"

#define RTP_HEADER 12
#define RTCP_HEADER 8
#define INDEX_BYTES 4
#define ENCRYPTED UINT32_C(0x80000000)
#define RTCP_INDEX_MAX UINT32_C(0x7fffffff)
#define RTP_INDEX_MAX UINT64_C(0xffffffffffff)
#define SHA1_BYTES 20
#define GCM_TAG 16
#define GCM_IV 12
#define SALT_MAX 14

struct stream {
    uint32_t ssrc;
    struct replay rtp;
    struct replay *rtcp; /* NULL before the first packet of SRTCP */
};

struct half { /* session keys of SRTP, or of SRTCP */
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac; /* NULL under GCM */
    uint8_t salt[SALT_MAX];
    size_t tag;
};

struct srtp {
    bool gcm;
    size_t mki_len;
    uint8_t mki[SRTP_MKI_MAX];
    struct half rtp;
    struct half rtcp;
    struct stream **table; /* open addressing, at most half full */
    size_t slots, streams;
    struct stream *latest;
};

struct aad {
    const uint8_t *head;
    size_t head_len;
    const uint8_t *trailer; /* E and index, or NULL */
};

static inline uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* ---- srtp_streams.c */

/* The stream of this SSRC, NULL for none. */
struct stream *srtp_stream_find(struct srtp *srtp, uint32_t ssrc);

/* The stream of this SSRC, made if need be; NULL when there are too many. */
struct stream *srtp_stream_get(struct srtp *srtp, uint32_t ssrc);

/* What was seen of its SRTCP, made if need be; NULL without memory. */
struct replay *srtp_stream_rtcp(struct stream *stream);

/* RFC 3711 appendix A: the index whose ROC puts `sequence` nearest to the highest one so far. */
uint64_t srtp_index_guess(const struct stream *stream, uint16_t sequence);

/* ---- srtp_keys.c */

bool srtp_derive(const EVP_CIPHER *prf, const uint8_t *key, const uint8_t *salt, int label,
                 uint8_t *out, size_t len);

/* ---- srtp_transform.c */

bool srtp_cm_crypt(struct half *half, uint32_t ssrc, uint64_t index, uint8_t *out,
                   const uint8_t *in, size_t len);
bool srtp_cm_mac(struct half *half, const uint8_t *packet, size_t len, const uint8_t *roc,
                 uint8_t mac[SHA1_BYTES]);
void srtp_gcm_iv(const struct half *half, uint32_t ssrc, uint64_t index, uint8_t iv[GCM_IV]);
bool srtp_gcm_seal(struct half *half, const uint8_t iv[GCM_IV], const struct aad *aad,
                   uint8_t *out, const uint8_t *in, size_t len);
bool srtp_gcm_open(struct half *half, const uint8_t iv[GCM_IV], const struct aad *aad,
                   uint8_t *text, size_t len, uint8_t *tag);

static inline size_t srtp_mki_put(const struct srtp *srtp, uint8_t *at)
{
    memcpy(at, srtp->mki, srtp->mki_len);
    return srtp->mki_len;
}

#endif
