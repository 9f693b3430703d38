/* SRTCP: compound packets of RTCP protected and opened.  What stands behind the header (| joins, E
 * is the encrypted bit):
 *
 *     CM    ciphertext | E,index | MKI | tag   tag over all before the MKI
 *     GCM   ciphertext | tag | E,index | MKI   AAD: 8 bytes of header, E,index
 */
#include "srtp_state.h"

#include <limits.h>

#include <openssl/crypto.h>

static int cm_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t index)
{
    uint8_t mac[SHA1_BYTES];
    struct half *half = &srtp->rtcp;
    if (!srtp_cm_crypt(half, get32(packet + 4), index, packet + RTCP_HEADER, packet + RTCP_HEADER,
                       len - RTCP_HEADER))
        return SRTP_EAUTH;
    put32(packet + len, ENCRYPTED | index);
    len += INDEX_BYTES;
    if (!srtp_cm_mac(half, packet, len, NULL, mac))
        return SRTP_EAUTH;
    len += srtp_mki_put(srtp, packet + len);
    memcpy(packet + len, mac, half->tag);
    return (int)(len + half->tag);
}

static int gcm_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t index)
{
    uint8_t iv[GCM_IV], *trailer = packet + len + GCM_TAG;
    struct aad aad = {packet, RTCP_HEADER, trailer};
    put32(trailer, ENCRYPTED | index);
    srtp_gcm_iv(&srtp->rtcp, get32(packet + 4), index, iv);
    if (!srtp_gcm_seal(&srtp->rtcp, iv, &aad, packet + RTCP_HEADER, packet + RTCP_HEADER,
                       len - RTCP_HEADER))
        return SRTP_EAUTH;
    len += GCM_TAG + INDEX_BYTES;
    return (int)(len + srtp_mki_put(srtp, packet + len));
}

int srtp_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, size_t cap)
{
    size_t behind = srtp->rtcp.tag + INDEX_BYTES + srtp->mki_len;
    if (len < RTCP_HEADER || cap > INT_MAX || len > cap || behind > cap - len)
        return SRTP_EMALFORMED;
    struct stream *stream = srtp_stream_get(srtp, get32(packet + 4));
    struct replay *sent = stream ? srtp_stream_rtcp(stream) : NULL;
    if (!sent)
        return SRTP_EFULL;
    uint64_t index = sent->highest + 1;
    if (index > RTCP_INDEX_MAX)
        return SRTP_EFULL;
    replay_mark(sent, index);
    return srtp->gcm ? gcm_protect_rtcp(srtp, packet, len, (uint32_t)index)
                     : cm_protect_rtcp(srtp, packet, len, (uint32_t)index);
}

/* `len` is that of the RTCP packet itself, without what protects it. */
static bool cm_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t trailer)
{
    uint8_t mac[SHA1_BYTES];
    const uint8_t *mki = packet + len + INDEX_BYTES, *tag = mki + srtp->mki_len;
    if (CRYPTO_memcmp(mki, srtp->mki, srtp->mki_len) != 0 ||
        !srtp_cm_mac(&srtp->rtcp, packet, len + INDEX_BYTES, NULL, mac) ||
        CRYPTO_memcmp(tag, mac, srtp->rtcp.tag) != 0)
        return false;
    return !(trailer & ENCRYPTED) ||
           srtp_cm_crypt(&srtp->rtcp, get32(packet + 4), trailer & ~ENCRYPTED, packet + RTCP_HEADER,
                         packet + RTCP_HEADER, len - RTCP_HEADER);
}

static bool gcm_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, uint32_t trailer)
{
    uint8_t iv[GCM_IV], *tag = packet + len;
    bool encrypted = trailer & ENCRYPTED;
    size_t open = encrypted ? RTCP_HEADER : len; /* RFC 7714 section 9.3: else all of it is AAD */
    struct aad aad = {packet, open, tag + GCM_TAG};
    srtp_gcm_iv(&srtp->rtcp, get32(packet + 4), trailer & ~ENCRYPTED, iv);
    return CRYPTO_memcmp(tag + GCM_TAG + INDEX_BYTES, srtp->mki, srtp->mki_len) == 0 &&
           srtp_gcm_open(&srtp->rtcp, iv, &aad, packet + open, len - open, tag);
}

int srtp_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len)
{
    size_t behind = srtp->rtcp.tag + INDEX_BYTES + srtp->mki_len;
    if (len > INT_MAX || len < RTCP_HEADER + behind || packet[0] >> 6 != 2)
        return SRTP_EMALFORMED;
    len -= behind;
    uint32_t trailer = get32(packet + len + (srtp->gcm ? GCM_TAG : 0));
    uint32_t ssrc = get32(packet + 4);
    struct stream *stream = srtp_stream_find(srtp, ssrc);
    if (stream && stream->rtcp && !replay_fresh(stream->rtcp, trailer & ~ENCRYPTED))
        return SRTP_EREPLAY;
    if (!(srtp->gcm ? gcm_unprotect_rtcp(srtp, packet, len, trailer)
                    : cm_unprotect_rtcp(srtp, packet, len, trailer)))
        return SRTP_EAUTH;
    stream = srtp_stream_get(srtp, ssrc);
    struct replay *seen = stream ? srtp_stream_rtcp(stream) : NULL;
    if (!seen)
        return SRTP_EFULL;
    replay_mark(seen, trailer & ~ENCRYPTED);
    return (int)len;
}
