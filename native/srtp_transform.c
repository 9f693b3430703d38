/* The transforms: what AES-CM with HMAC-SHA1 (RFC 3711 section 4) and AES-GCM (RFC 7714) do to the
 * bytes of one packet, under an index that the caller knows.
 */
#include "srtp_state.h"

/* AES-CM: IV = salt x 2^16 xor SSRC x 2^64 xor index x 2^16; encrypting is decrypting. */
bool srtp_cm_crypt(struct half *half, uint32_t ssrc, uint64_t index, uint8_t *out,
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
bool srtp_cm_mac(struct half *half, const uint8_t *packet, size_t len, const uint8_t *roc,
                 uint8_t mac[SHA1_BYTES])
{
    size_t written;
    return EVP_MAC_init(half->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(half->mac, packet, len) == 1 &&
           (!roc || EVP_MAC_update(half->mac, roc, 4) == 1) &&
           EVP_MAC_final(half->mac, mac, &written, SHA1_BYTES) == 1;
}

/* RFC 7714 section 8.1: 0x0000 | SSRC | ROC | sequence, xor salt; section 9.1 for SRTCP. */
void srtp_gcm_iv(const struct half *half, uint32_t ssrc, uint64_t index, uint8_t iv[GCM_IV])
{
    iv[0] = iv[1] = 0;
    put32(iv + 2, ssrc);
    iv[6] = (uint8_t)(index >> 40);
    iv[7] = (uint8_t)(index >> 32);
    put32(iv + 8, (uint32_t)index);
    for (int i = 0; i < GCM_IV; i++)
        iv[i] ^= half->salt[i];
}

static bool gcm_aad(EVP_CIPHER_CTX *ctx, const struct aad *aad)
{
    int written;
    return EVP_CipherUpdate(ctx, NULL, &written, aad->head, (int)aad->head_len) == 1 &&
           (!aad->trailer ||
            EVP_CipherUpdate(ctx, NULL, &written, aad->trailer, INDEX_BYTES) == 1);
}

bool srtp_gcm_seal(struct half *half, const uint8_t iv[GCM_IV], const struct aad *aad,
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

bool srtp_gcm_open(struct half *half, const uint8_t iv[GCM_IV], const struct aad *aad,
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
