/* SRTP: packets of RTP protected and opened.  What stands behind the header (| joins):
 *
 *     CM    ciphertext | MKI | tag             tag over header, ciphertext, ROC
 *     GCM   ciphertext | tag | MKI             AAD: the whole header
 *
 * The receiver moves the ROC (RFC 3711 section 3.3.1), and the replay window, only once the packet
 * has proved authentic.
 */
#include "srtp_state.h"

#include <limits.h>

#include <openssl/crypto.h>

static int cm_protect(struct srtp *srtp, uint8_t *packet, size_t header_len,
                      const uint8_t *payload, size_t payload_len, uint64_t index)
{
    uint8_t mac[SHA1_BYTES], roc[4];
    size_t len = header_len + payload_len;
    put32(roc, (uint32_t)(index >> 16));
    if (!srtp_cm_crypt(&srtp->rtp, get32(packet + 8), index, packet + header_len, payload,
                       payload_len) ||
        !srtp_cm_mac(&srtp->rtp, packet, len, roc, mac))
        return SRTP_EAUTH;
    len += srtp_mki_put(srtp, packet + len);
    memcpy(packet + len, mac, srtp->rtp.tag);
    return (int)(len + srtp->rtp.tag);
}

static int gcm_protect(struct srtp *srtp, uint8_t *packet, size_t header_len,
                       const uint8_t *payload, size_t payload_len, uint64_t index)
{
    uint8_t iv[GCM_IV];
    struct aad aad = {packet, header_len, NULL};
    srtp_gcm_iv(&srtp->rtp, get32(packet + 8), index, iv);
    if (!srtp_gcm_seal(&srtp->rtp, iv, &aad, packet + header_len, payload, payload_len))
        return SRTP_EAUTH;
    size_t len = header_len + payload_len + GCM_TAG;
    return (int)(len + srtp_mki_put(srtp, packet + len));
}

int srtp_protect(struct srtp *srtp, uint8_t *packet, size_t header_len, const uint8_t *payload,
                 size_t payload_len, size_t cap)
{
    if (header_len < RTP_HEADER || cap > INT_MAX || header_len > cap ||
        payload_len > cap - header_len ||
        srtp->rtp.tag + srtp->mki_len > cap - header_len - payload_len)
        return SRTP_EMALFORMED;
    struct stream *stream = srtp_stream_get(srtp, get32(packet + 8));
    if (!stream)
        return SRTP_EFULL;
    uint64_t index = srtp_index_guess(stream, get16(packet + 2));
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
           srtp_cm_mac(&srtp->rtp, packet, len, roc, mac) &&
           CRYPTO_memcmp(tag, mac, srtp->rtp.tag) == 0 &&
           srtp_cm_crypt(&srtp->rtp, get32(packet + 8), index, packet + header, packet + header,
                         len - header);
}

static bool gcm_unprotect(struct srtp *srtp, uint8_t *packet, size_t header, size_t len,
                          uint64_t index)
{
    uint8_t iv[GCM_IV], *tag = packet + len;
    struct aad aad = {packet, header, NULL};
    srtp_gcm_iv(&srtp->rtp, get32(packet + 8), index, iv);
    return CRYPTO_memcmp(tag + GCM_TAG, srtp->mki, srtp->mki_len) == 0 &&
           srtp_gcm_open(&srtp->rtp, iv, &aad, packet + header, len - header, tag);
}

int srtp_unprotect(struct srtp *srtp, uint8_t *packet, size_t len)
{
    size_t header = header_length(packet, len), behind = srtp->rtp.tag + srtp->mki_len;
    if (header == 0 || len > INT_MAX || len - header < behind)
        return SRTP_EMALFORMED;
    struct stream *stream = srtp_stream_find(srtp, get32(packet + 8));
    uint64_t index = srtp_index_guess(stream, get16(packet + 2));
    if (index > RTP_INDEX_MAX || (stream && !replay_fresh(&stream->rtp, index)))
        return SRTP_EREPLAY;
    len -= behind;
    if (!(srtp->gcm ? gcm_unprotect(srtp, packet, header, len, index)
                    : cm_unprotect(srtp, packet, header, len, index)))
        return SRTP_EAUTH;
    stream = srtp_stream_get(srtp, get32(packet + 8));
    if (!stream)
        return SRTP_EFULL;
    replay_mark(&stream->rtp, index);
    return (int)len;
}
