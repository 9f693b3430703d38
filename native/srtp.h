/* SRTP and SRTCP of one direction (RFC 3711, RFC 6188, RFC 7714) on libcrypto.
 *
 * A `struct srtp` belongs to one thread.  Suites have the numbers of sfu.model.SrtpSuite, which are
 * those of the DTLS profiles; AES-256-CM has none, it takes numbers nobody was given.  Rollover
 * counters, replay windows and SRTCP counters of an SSRC live as long as the key, so that no (key,
 * SSRC, index) ever protects two plaintexts.
 */
#ifndef SFU_SRTP_H
#define SFU_SRTP_H

#include <stddef.h>
#include <stdint.h>

#define SRTP_AES_CM_128_HMAC_SHA1_80 1
#define SRTP_AES_CM_128_HMAC_SHA1_32 2
#define SRTP_AES_256_CM_HMAC_SHA1_80 3
#define SRTP_AES_256_CM_HMAC_SHA1_32 4
#define SRTP_AEAD_AES_128_GCM 7
#define SRTP_AEAD_AES_256_GCM 8

#define SRTP_EAUTH (-1)      /* tag or MKI wrong: forged, damaged, or of another key */
#define SRTP_EREPLAY (-2)    /* index seen before or too old; on send: used before */
#define SRTP_EMALFORMED (-3) /* too short, too long for the buffer, not RTP or RTCP */
#define SRTP_EFULL (-4)      /* more SSRCs than SRTP_STREAMS, or the key is used up */

#define SRTP_MKI_MAX 128  /* RFC 4568 section 6.1 */
#define SRTP_STREAMS 1024 /* SSRCs per direction */
#define SRTP_OVERHEAD (16 + 4 + SRTP_MKI_MAX)

struct srtp;

/* Key and salt as long as the suite wants; NULL for an unknown suite, a long MKI, no memory. */
struct srtp *srtp_new(int suite, const uint8_t *key, const uint8_t *salt, const uint8_t *mki,
                      size_t mki_len);
void srtp_free(struct srtp *srtp);

/* The RTP header, CSRCs and extensions included, stands in `packet`; the ciphertext, MKI and tag
 * are written behind it.  `payload` may be packet + header_len.  Returns the length or an error. */
int srtp_protect(struct srtp *srtp, uint8_t *packet, size_t header_len, const uint8_t *payload,
                 size_t payload_len, size_t cap);

/* In place; returns the plain length or an error, after which the bytes are worth nothing. */
int srtp_unprotect(struct srtp *srtp, uint8_t *packet, size_t len);

int srtp_protect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len, size_t cap);
int srtp_unprotect_rtcp(struct srtp *srtp, uint8_t *packet, size_t len);

#endif
