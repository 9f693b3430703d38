/* Session keys from a master key and salt, for SRTP and SRTCP of one direction.
 *
 *     master key, salt --AES-CM, label 0..5 (RFC 3711 section 4.3)--> key, HMAC key, salt
 *
 * AES-256 derives with AES-256 (RFC 6188 section 3); GCM uses the same derivation, and no HMAC
 * (RFC 7714 section 11).
 */
#include "srtp_state.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>

/* Key derivation labels, RFC 3711 section 4.3.2; those of SRTCP follow by adding 3. */
enum label { LABEL_KEY = 0, LABEL_AUTH = 1, LABEL_SALT = 2, LABELS = 3 };

/* AES-CM as pseudo-random function, key derivation rate 0 (RFC 3711 section 4.3.3). */
bool srtp_derive(const EVP_CIPHER *prf, const uint8_t *key, const uint8_t *salt, int label,
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
    bool done = srtp_derive(prf, key, salt, first_label + LABEL_KEY, session, wide ? 32 : 16) &&
                srtp_derive(prf, key, salt, first_label + LABEL_AUTH, auth, sizeof auth) &&
                srtp_derive(prf, key, salt, first_label + LABEL_SALT, half->salt, gcm ? 12 : 14);
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
    for (size_t i = 0; srtp->table && i < srtp->slots; i++) {
        if (srtp->table[i])
            free(srtp->table[i]->rtcp);
        free(srtp->table[i]);
    }
    free(srtp->table);
    half_clear(&srtp->rtp);
    half_clear(&srtp->rtcp);
    OPENSSL_cleanse(srtp, sizeof *srtp);
    free(srtp);
}
