/* SRTP and SRTCP.  What stands behind the header, by suite (| joins, E is the encrypted bit):
 *
 *     RTP   CM   ciphertext | MKI | tag             tag over header, ciphertext, ROC
 *     RTP   GCM  ciphertext | tag | MKI             AAD: the whole header
 *     RTCP  CM   ciphertext | E,index | MKI | tag   tag over all before the MKI
 *     RTCP  GCM  ciphertext | tag | E,index | MKI   AAD: 8 bytes of header, E,index
 *
 * An index is 48 bits, ROC and sequence number; the receiver guesses the ROC (RFC 3711 section
 * 3.3.1) and moves it, and the replay window, only once the packet has proved authentic.
 */
#include "srtp.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "replay.h"

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

/* Key derivation labels, RFC 3711 section 4.3.2; those of SRTCP follow by adding 3. */
enum label { LABEL_KEY = 0, LABEL_AUTH = 1, LABEL_SALT = 2, LABELS = 3 };

struct stream {
    uint32_t ssrc;
    struct replay rtp;
    struct replay rtcp;
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

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* ---- Streams -------------------------------------------------------------------------------- */

static struct stream **stream_slot(struct stream **table, size_t slots, uint32_t ssrc)
{
    size_t at = (size_t)(ssrc * UINT32_C(2654435769)) >> 7;
    while (table[at % slots] && table[at % slots]->ssrc != ssrc)
        at++;
    return &table[at % slots];
}

static struct stream *stream_find(struct srtp *srtp, uint32_t ssrc)
{
    if (srtp->latest && srtp->latest->ssrc == ssrc)
        return srtp->latest;
    struct stream *stream = *stream_slot(srtp->table, srtp->slots, ssrc);
    if (stream)
        srtp->latest = stream;
    return stream;
}

static bool table_grow(struct srtp *srtp)
{
    size_t slots = srtp->slots * 2;
    struct stream **table = calloc(slots, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < srtp->slots; i++)
        if (srtp->table[i])
            *stream_slot(table, slots, srtp->table[i]->ssrc) = srtp->table[i];
    free(srtp->table);
    srtp->table = table;
    srtp->slots = slots;
    return true;
}

/* The stream of this SSRC, made if need be; NULL when there are too many. */
static struct stream *stream_get(struct srtp *srtp, uint32_t ssrc)
{
    struct stream *stream = stream_find(srtp, ssrc);
    if (stream)
        return stream;
    if (srtp->streams >= SRTP_STREAMS)
        return NULL;
    if (2 * (srtp->streams + 1) > srtp->slots && !table_grow(srtp))
        return NULL;
    stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->ssrc = ssrc;
    *stream_slot(srtp->table, srtp->slots, ssrc) = stream;
    srtp->streams++;
    return srtp->latest = stream;
}

/* RFC 3711 appendix A: the ROC that puts `sequence` nearest to the highest index so far. */
static uint64_t index_guess(const struct stream *stream, uint16_t sequence)
{
    if (!stream || !stream->rtp.started)
        return sequence;
    uint64_t roc = stream->rtp.highest >> 16;
    int32_t ahead = (int32_t)sequence - (int32_t)(stream->rtp.highest & 0xffff);
    if (ahead > 0x8000 && roc > 0)
        roc--;
    else if (ahead < -0x8000)
        roc++;
    return roc << 16 | sequence;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

/* AES-CM as pseudo-random function, key derivation rate 0 (RFC 3711 section 4.3.3). */
static bool derive(const EVP_CIPHER *prf, const uint8_t *key, const uint8_t *salt, int label,
                   uint8_t *out, size_t len)
{
    static const uint8_t zeros[32];
    uint8_t iv[16] = {0};
    int written = 0;
    memcpy(iv, salt, SALT_MAX);
    iv[7] ^= (uint8_t)label;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool done = ctx && EVP_EncryptInit_ex(ctx, prf, NULL, key, iv) == 1 &&
                EVP_EncryptUpdate(ctx, out, &written, zeros, (int)len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

static EVP_MAC_CTX *mac_new(const uint8_t *key)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA1"}, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_free(hmac);
    if (ctx && EVP_MAC_init(ctx, key, SHA1_BYTES, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

/* RFC 6188 section 3: a master key of 256 bits, and AES-256 for all that is made with it. */
static bool suite_wide(int suite)
{
    return suite == SRTP_AES_256_CM_HMAC_SHA1_80 || suite == SRTP_AES_256_CM_HMAC_SHA1_32 ||
           suite == SRTP_AEAD_AES_256_GCM;
}

static bool suite_short_tag(int suite)
{
    return suite == SRTP_AES_CM_128_HMAC_SHA1_32 || suite == SRTP_AES_256_CM_HMAC_SHA1_32;
}

static bool half_init(struct half *half, int suite, const uint8_t *key, const uint8_t *salt,
                      int first_label)
{
    bool gcm = suite >= SRTP_AEAD_AES_128_GCM, wide = suite_wide(suite);
    const EVP_CIPHER *prf = wide ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    const EVP_CIPHER *cipher = !gcm ? prf : wide ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    uint8_t session[32], auth[SHA1_BYTES];
    bool done = derive(prf, key, salt, first_label + LABEL_KEY, session, wide ? 32 : 16) &&
                derive(prf, key, salt, first_label + LABEL_AUTH, auth, sizeof auth) &&
                derive(prf, key, salt, first_label + LABEL_SALT, half->salt, gcm ? 12 : 14);
    half->cipher = EVP_CIPHER_CTX_new();
    done = done && half->cipher &&
           EVP_EncryptInit_ex(half->cipher, cipher, NULL, session, NULL) == 1;
    if (!gcm)
        half->mac = mac_new(auth);
    OPENSSL_cleanse(session, sizeof session);
    OPENSSL_cleanse(auth, sizeof auth);
    return done && (gcm || half->mac);
}

static void half_clear(struct half *half)
{
    EVP_CIPHER_CTX_free(half->cipher);
    EVP_MAC_CTX_free(half->mac);
}

static bool suite_known(int suite)
{
    return suite == SRTP_AES_CM_128_HMAC_SHA1_80 || suite == SRTP_AES_CM_128_HMAC_SHA1_32 ||
           suite == SRTP_AEAD_AES_128_GCM || suite_wide(suite);
}

struct srtp *srtp_new(int suite, const uint8_t *key, const uint8_t *salt, const uint8_t *mki,
                      size_t mki_len)
{
    if (!suite_known(suite) || mki_len > SRTP_MKI_MAX)
        return NULL;
    struct srtp *srtp = calloc(1, sizeof *srtp);
    if (!srtp)
        return NULL;
    uint8_t padded[SALT_MAX] = {0};
    srtp->gcm = suite >= SRTP_AEAD_AES_128_GCM;
    memcpy(padded, salt, srtp->gcm ? 12 : 14);
    srtp->mki_len = mki_len;
    if (mki_len)
        memcpy(srtp->mki, mki, mki_len);
    srtp->rtp.tag = srtp->gcm ? GCM_TAG : suite_short_tag(suite) ? 4 : 10;
    srtp->rtcp.tag = srtp->gcm ? GCM_TAG : 10; /* RFC 4568 section 6.2.2: 80 bits always */
    srtp->slots = 8;
    srtp->table = calloc(srtp->slots, sizeof(struct stream *));
    bool done = srtp->table && half_init(&srtp->rtp, suite, key, padded, 0) &&
                half_init(&srtp->rtcp, suite, key, padded, LABELS);
    OPENSSL_cleanse(padded, sizeof padded);
    if (!done) {
        srtp_free(srtp);
        return NULL;
    }
    return srtp;
}

void srtp_free(struct srtp *srtp)
{
    if (!srtp)
        return;
    for (size_t i = 0; srtp->table && i < srtp->slots; i++)
        free(srtp->table[i]);
    free(srtp->table);
    half_clear(&srtp->rtp);
    half_clear(&srtp->rtcp);
    OPENSSL_cleanse(srtp, sizeof *srtp);
    free(srtp);
}

/* ---- Ciphers -------------------------------------------------------------------------------- */

/* AES-CM: IV = salt x 2^16 xor SSRC x 2^64 xor index x 2^16; encrypting is decrypting. */
static bool cm_crypt(struct half *half, uint32_t ssrc, uint64_t index, uint8_t *out,
                     const uint8_t *in, size_t len)
{
    uint8_t iv[16] = {0}, mask[16] = {0};
    int written;
    memcpy(iv, half->salt, SALT_MAX);
    put32(mask + 4, ssrc);
    put32(mask + 8, (uint32_t)(index >> 16));
    mask[12] = (uint8_t)(index >> 8);
    mask[13] = (uint8_t)index;
    for (int i = 4; i < 14; i++)
        iv[i] ^= mask[i];
    return EVP_EncryptInit_ex(half->cipher, NULL, NULL, NULL, iv) == 1 &&
           (len == 0 || EVP_EncryptUpdate(half->cipher, out, &written, in, (int)len) == 1);
}

/* HMAC-SHA1 over `len` bytes and, unless NULL, four more; compared or copied by the caller. */
static bool cm_mac(struct half *half, const uint8_t *packet, size_t len, const uint8_t *roc,
                   uint8_t mac[SHA1_BYTES])
{
    size_t written;
    return EVP_MAC_init(half->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(half->mac, packet, len) == 1 &&
           (!roc || EVP_MAC_update(half->mac, roc, 4) == 1) &&
           EVP_MAC_final(half->mac, mac, &written, SHA1_BYTES) == 1;
}

/* RFC 7714 section 8.1: 0x0000 | SSRC | ROC | sequence, xor salt; section 9.1 for SRTCP. */
static void gcm_iv(const struct half *half, uint32_t ssrc, uint64_t index, uint8_t iv[GCM_IV])
{
    iv[0] = iv[1] = 0;
    put32(iv + 2, ssrc);
    iv[6] = (uint8_t)(index >> 40);
    iv[7] = (uint8_t)(index >> 32);
    put32(iv + 8, (uint32_t)index);
    for (int i = 0; i < GCM_IV; i++)
        iv[i] ^= half->salt[i];
}

struct aad {
    const uint8_t *head;
    size_t head_len;
    const uint8_t *trailer; /* E and index, or NULL */
};

static bool gcm_aad(EVP_CIPHER_CTX *ctx, const struct aad *aad)
{
    int written;
    return EVP_CipherUpdate(ctx, NULL, &written, aad->head, (int)aad->head_len) == 1 &&
           (!aad->trailer ||
            EVP_CipherUpdate(ctx, NULL, &written, aad->trailer, INDEX_BYTES) == 1);
}

static bool gcm_seal(struct half *half, const uint8_t iv[GCM_IV], const struct aad *aad,
                     uint8_t *out, const uint8_t *in, size_t len)
{
    EVP_CIPHER_CTX *ctx = half->cipher;
    uint8_t none[GCM_TAG];
    int written;
    return EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) == 1 && gcm_aad(ctx, aad) &&
           (len == 0 || EVP_EncryptUpdate(ctx, out, &written, in, (int)len) == 1) &&
           EVP_EncryptFinal_ex(ctx, none, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, out + len) == 1;
}

static bool gcm_open(struct half *half, const uint8_t iv[GCM_IV], const struct aad *aad,
                     uint8_t *text, size_t len, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = half->cipher;
    uint8_t none[GCM_TAG];
    int written;
    return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, iv) == 1 && gcm_aad(ctx, aad) &&
           (len == 0 || EVP_DecryptUpdate(ctx, text, &written, text, (int)len) == 1) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, none, &written) == 1;
}

static size_t mki_put(const struct srtp *srtp, uint8_t *at)
{
    memcpy(at, srtp->mki, srtp->mki_len);
    return srtp->mki_len;
}

/* ---- RTP ------------------------------------------------------------------------------------ */

static int cm_protect(struct srtp *srtp, uint8_t *packet, size_t header_len,
                      const uint8_t *payload, size_t payload_len, uint64_t index)
{
    uint8_t mac[SHA1_BYTES], roc[4];
    size_t len = header_len + payload_len;
    put32(roc, (uint32_t)(index >> 16));
    if (!cm_crypt(&srtp->rtp, get32(packet + 8), index, packet + header_len, payload,
                  payload_len) ||
        !cm_mac(&srtp->rtp, packet, len, roc, mac))
        return SRTP_EAUTH;
    len += mki_put(srtp, packet + len);
    memcpy(packet + len, mac, srtp->rtp.tag);
    return (int)(len + srtp->rtp.tag);
}

static int gcm_protect(struct srtp *srtp, uint8_t *packet, size_t header_len,
                       const uint8_t *payload, size_t payload_len, uint64_t index)
{
    uint8_t iv[GCM_IV];
    struct aad aad = {packet, header_len, NULL};
    gcm_iv(&srtp->rtp, get32(packet + 8), index, iv);
    if (!gcm_seal(&srtp->rtp, iv, &aad, packet + header_len, payload, payload_len))
        return SRTP_EAUTH;
    size_t len = header_len + payload_len + GCM_TAG;
    return (int)(len + mki_put(srtp, packet + len));
}

int srtp_protect(struct srtp *srtp, uint8_t *packet, size_t header_len, const uint8_t *payload,
                 size_t payload_len, size_t cap)
{
    if (header_len < RTP_HEADER || cap > INT_MAX || header_len > cap ||
        payload_len > cap - header_len ||
        srtp->rtp.tag + srtp->mki_len > cap - header_len - payload_len)
        return SRTP_EMALFORMED;
    struct stream *stream = stream_get(srtp, get32(packet + 8));
    if (!stream)
        return SRTP_EFULL;
    uint64_t index = index_guess(stream, get16(packet + 2));
    if (index > RTP_INDEX_MAX)
        return SRTP_EFULL;
    if (!replay_fresh(&stream->rtp, index))
        return SRTP_EREPLAY; /* a second plaintext under one index would give the key away */
    replay_mark(&stream->rtp, index);
    return srtp->gcm ? gcm_protect(srtp, packet, header_len, payload, payload_len, index)
                     : cm_protect(srtp, packet, header_len, payload, payload_len, index);
}

/* Length of header, CSRCs and extension, or 0 when they do not fit in `len`. */
static size_t header_length(const uint8_t *packet, size_t len)
{
    if (len < RTP_HEADER || packet[0] >> 6 != 2)
        return 0;
    size_t header = RTP_HEADER + 4 * (size_t)(packet[0] & 15);
    if (packet[0] & 0x10) {
        if (len < header + 4)
            return 0;
        header += 4 + 4 * (size_t)get16(packet + header + 2);
    }
    return header <= len ? header : 0;
}

static bool cm_unprotect(struct srtp *srtp, uint8_t *packet, size_t header, size_t len,
                         uint64_t index)
{
    uint8_t mac[SHA1_BYTES], roc[4];
    const uint8_t *mki = packet + len, *tag = mki + srtp->mki_len;
    put32(roc, (uint32_t)(index >> 16));
    return CRYPTO_memcmp(mki, srtp->mki, srtp->mki_len) == 0 &&
           cm_mac(&srtp->rtp, packet, len, roc, mac) &&
           CRYPTO_memcmp(tag, mac, srtp->rtp.tag) == 0 &&
           cm_crypt(&srtp->rtp, get32(packet + 8), index, packet + header, packet + header,
                    len - header);
}

static bool gcm_unprotect(struct srtp *srtp, uint8_t *packet, size_t header, size_t len,
                          uint64_t index)
{
    uint8_t iv[GCM_IV], *tag = packet + len;
    struct aad aad = {packet, header, NULL};
    gcm_iv(&srtp->rtp, get32(packet + 8), index, iv);
    return CRYPTO_memcmp(tag + GCM_TAG, srtp->mki, srtp->mki_len) == 0 &&
           gcm_open(&srtp->rtp, iv, &aad, packet + header, len - header, tag);
}

int srtp_unprotect(struct srtp *srtp, uint8_t *packet, size_t len)
{
    size_t header = header_length(packet, len), behind = srtp->rtp.tag + srtp->mki_len;
    if (header == 0 || len > INT_MAX || len - header < behind)
        return SRTP_EMALFORMED;
    struct stream *stream = stream_find(srtp, get32(packet + 8));
    uint64_t index = index_guess(stream, get16(packet + 2));
    if (index > RTP_INDEX_MAX || (stream && !replay_fresh(&stream->rtp, index)))
        return SRTP_EREPLAY;
    len -= behind;
    if (!(srtp->gcm ? gcm_unprotect(srtp, packet, header, len, index)
                    : cm_unprotect(srtp, packet, header, len, index)))
        return SRTP_EAUTH;
    stream = stream_get(srtp, get32(packet + 8));
    if (!stream)
        return SRTP_EFULL;
    replay_mark(&stream->rtp, index);
    return (int)len;
}

/* ---- RTCP ----------------------------------------------------------------------------------- */

static int cm_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t index)
{
    uint8_t mac[SHA1_BYTES];
    struct half *half = &srtp->rtcp;
    if (!cm_crypt(half, get32(packet + 4), index, packet + RTCP_HEADER, packet + RTCP_HEADER,
                  len - RTCP_HEADER))
        return SRTP_EAUTH;
    put32(packet + len, ENCRYPTED | index);
    len += INDEX_BYTES;
    if (!cm_mac(half, packet, len, NULL, mac))
        return SRTP_EAUTH;
    len += mki_put(srtp, packet + len);
    memcpy(packet + len, mac, half->tag);
    return (int)(len + half->tag);
}

static int gcm_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t index)
{
    uint8_t iv[GCM_IV], *trailer = packet + len + GCM_TAG;
    struct aad aad = {packet, RTCP_HEADER, trailer};
    put32(trailer, ENCRYPTED | index);
    gcm_iv(&srtp->rtcp, get32(packet + 4), index, iv);
    if (!gcm_seal(&srtp->rtcp, iv, &aad, packet + RTCP_HEADER, packet + RTCP_HEADER,
                  len - RTCP_HEADER))
        return SRTP_EAUTH;
    len += GCM_TAG + INDEX_BYTES;
    return (int)(len + mki_put(srtp, packet + len));
}

int srtp_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, size_t cap)
{
    size_t behind = srtp->rtcp.tag + INDEX_BYTES + srtp->mki_len;
    if (len < RTCP_HEADER || cap > INT_MAX || len > cap || behind > cap - len)
        return SRTP_EMALFORMED;
    struct stream *stream = stream_get(srtp, get32(packet + 4));
    if (!stream)
        return SRTP_EFULL;
    uint64_t index = stream->rtcp.highest + 1;
    if (index > RTCP_INDEX_MAX)
        return SRTP_EFULL;
    replay_mark(&stream->rtcp, index);
    return srtp->gcm ? gcm_protect_rtcp(srtp, packet, len, (uint32_t)index)
                     : cm_protect_rtcp(srtp, packet, len, (uint32_t)index);
}

/* `len` is that of the RTCP packet itself, without what protects it. */
static bool cm_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t trailer)
{
    uint8_t mac[SHA1_BYTES];
    const uint8_t *mki = packet + len + INDEX_BYTES, *tag = mki + srtp->mki_len;
    if (CRYPTO_memcmp(mki, srtp->mki, srtp->mki_len) != 0 ||
        !cm_mac(&srtp->rtcp, packet, len + INDEX_BYTES, NULL, mac) ||
        CRYPTO_memcmp(tag, mac, srtp->rtcp.tag) != 0)
        return false;
    return !(trailer & ENCRYPTED) ||
           cm_crypt(&srtp->rtcp, get32(packet + 4), trailer & ~ENCRYPTED, packet + RTCP_HEADER,
                    packet + RTCP_HEADER, len - RTCP_HEADER);
}

static bool gcm_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t trailer)
{
    uint8_t iv[GCM_IV], *tag = packet + len;
    bool encrypted = trailer & ENCRYPTED;
    size_t open = encrypted ? RTCP_HEADER : len; /* RFC 7714 section 9.3: else all of it is AAD */
    struct aad aad = {packet, open, tag + GCM_TAG};
    gcm_iv(&srtp->rtcp, get32(packet + 4), trailer & ~ENCRYPTED, iv);
    return CRYPTO_memcmp(tag + GCM_TAG + INDEX_BYTES, srtp->mki, srtp->mki_len) == 0 &&
           gcm_open(&srtp->rtcp, iv, &aad, packet + open, len - open, tag);
}

int srtp_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len)
{
    size_t behind = srtp->rtcp.tag + INDEX_BYTES + srtp->mki_len;
    if (len > INT_MAX || len < RTCP_HEADER + behind || packet[0] >> 6 != 2)
        return SRTP_EMALFORMED;
    len -= behind;
    uint32_t trailer = get32(packet + len + (srtp->gcm ? GCM_TAG : 0));
    uint32_t ssrc = get32(packet + 4);
    struct stream *stream = stream_find(srtp, ssrc);
    if (stream && !replay_fresh(&stream->rtcp, trailer & ~ENCRYPTED))
        return SRTP_EREPLAY;
    if (!(srtp->gcm ? gcm_unprotect_rtcp(srtp, packet, len, trailer)
                    : cm_unprotect_rtcp(srtp, packet, len, trailer)))
        return SRTP_EAUTH;
    stream = stream_get(srtp, ssrc);
    if (!stream)
        return SRTP_EFULL;
    replay_mark(&stream->rtcp, trailer & ~ENCRYPTED);
    return (int)len;
}
