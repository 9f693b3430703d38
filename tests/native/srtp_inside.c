/* Lets the tests reach below the interface: session keys as the RFC vectors give them. */
#include "srtp_state.h"

int inside_derive(const uint8_t *key, const uint8_t *salt, int label, uint8_t *out, size_t len)
{
    return srtp_derive(EVP_aes_128_ctr(), key, salt, label, out, len);
}

int inside_derive_256(const uint8_t *key, const uint8_t *salt, int label, uint8_t *out, size_t len)
{
    return srtp_derive(EVP_aes_256_ctr(), key, salt, label, out, len);
}

/* Replace the session keys of both halves and let SRTCP go on behind `rtcp_index`. */
int inside_rekey(struct srtp *srtp, const uint8_t *key, const uint8_t *salt, uint32_t ssrc,
                 uint32_t rtcp_index)
{
    size_t len = srtp->gcm ? 12 : 14;
    memcpy(srtp->rtp.salt, salt, len);
    memcpy(srtp->rtcp.salt, salt, len);
    struct stream *stream = srtp_stream_get(srtp, ssrc);
    struct replay *sent = stream ? srtp_stream_rtcp(stream) : NULL;
    if (!sent)
        return 0;
    replay_mark(sent, rtcp_index);
    return EVP_EncryptInit_ex(srtp->rtp.cipher, NULL, NULL, key, NULL) == 1 &&
           EVP_EncryptInit_ex(srtp->rtcp.cipher, NULL, NULL, key, NULL) == 1;
}

size_t inside_streams(const struct srtp *srtp)
{
    return srtp->streams;
}
