/* The bare loop the engine is measured against: receive, unprotect once, rewrite the header for
 * each sink, encrypt, send in segments.  No statistics, no history, no routes, no replay window on
 * the way out.
 *
 *     bare gcm|cm|plain PORT...      prints its own port, then forwards until it is killed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srtp.h"
#include "srtp_state.h"

#define BATCH 64
#define SINKS 128
#define CAP 2048
#define RUN_BYTES 65507 /* of a segmented send */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct sink {
    struct sockaddr_in to;
    EVP_CIPHER_CTX *cipher;
    struct srtp *counter; /* of cm, whose encryption is the engine's own */
    uint32_t index; /* of the packet: ROC and sequence number (RFC 3711 section 3.3.1) */
    uint8_t out[BATCH][CAP];
    int length[BATCH];
};

static struct sink sinks[SINKS];
static const uint8_t key[16] = "bench master key", salt[SALT_MAX] = "bench  salt";
static uint8_t session_key[16], session_salt[SALT_MAX];
static bool gcm, cm;

static int rewrite(struct sink *sink, int number, const uint8_t *packet, int length, uint8_t *out) {
    uint16_t sequence = htons((uint16_t)sink->index);
    uint16_t rollover = htons((uint16_t)(sink->index++ >> 16));
    uint32_t ssrc = htonl((uint32_t)number + 1000);
    int size = length, rest;
    memcpy(out, packet, 12);
    memcpy(out + 2, &sequence, 2);
    memcpy(out + 8, &ssrc, 4);
    if (cm) return srtp_protect(sink->counter, out, 12, packet + 12, (size_t)length - 12, CAP);
    if (!gcm) {
        memcpy(out + 12, packet + 12, (size_t)length - 12);
        return length;
    }
    uint8_t iv[12];
    memcpy(iv, session_salt, 12);
    for (int i = 0; i < 4; i++) iv[2 + i] ^= out[8 + i];
    for (int i = 0; i < 2; i++) iv[8 + i] ^= ((const uint8_t *)&rollover)[i];
    for (int i = 0; i < 2; i++) iv[10 + i] ^= out[2 + i];
    EVP_EncryptInit_ex(sink->cipher, NULL, NULL, NULL, iv);
    EVP_EncryptUpdate(sink->cipher, NULL, &rest, out, 12);
    EVP_EncryptUpdate(sink->cipher, out + 12, &rest, packet + 12, length - 12);
    EVP_EncryptFinal_ex(sink->cipher, out + size, &rest);
    EVP_CIPHER_CTX_ctrl(sink->cipher, EVP_CTRL_AEAD_GET_TAG, 16, out + size);
    return size + 16;
}

static void send_runs(int fd, int count, int sink_count) {
    static struct mmsghdr messages[SINKS * BATCH];
    static struct iovec iov[SINKS * BATCH];
    static union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(2)];
    } controls[SINKS * BATCH];
    int runs = 0, vectors = 0;
    for (int s = 0; s < sink_count; s++) {
        for (int first = 0, i; first < count; first = i) {
            struct msghdr *message = &messages[runs].msg_hdr;
            *message = (struct msghdr){&sinks[s].to, sizeof sinks[s].to, &iov[vectors], 0, 0, 0, 0};
            int most = RUN_BYTES / sinks[s].length[first]; /* longer, the kernel takes none of it */
            for (i = first; i < count && i - first < most &&
                            sinks[s].length[i] == sinks[s].length[first]; i++)
                iov[vectors++] = (struct iovec){sinks[s].out[i], (size_t)sinks[s].length[i]};
            message->msg_iovlen = (size_t)(i - first);
            if (i - first > 1) {
                message->msg_control = &controls[runs];
                message->msg_controllen = sizeof controls[runs].bytes;
                struct cmsghdr *header = CMSG_FIRSTHDR(message);
                *header = (struct cmsghdr){CMSG_LEN(2), IPPROTO_UDP, UDP_SEGMENT};
                *(uint16_t *)CMSG_DATA(header) = (uint16_t)sinks[s].length[first];
            }
            runs++;
        }
    }
    for (int at = 0; at < runs;) {
        int sent = sendmmsg(fd, messages + at, (unsigned)(runs - at), 0);
        at += sent > 0 ? sent : 1;
    }
}

int main(int argc, char **argv) {
    int sink_count = argc - 2, size = 4 << 20;
    gcm = !strcmp(argv[1], "gcm");
    cm = !strcmp(argv[1], "cm");
    srtp_derive(EVP_aes_128_ctr(), key, salt, 0, session_key, 16);
    srtp_derive(EVP_aes_128_ctr(), key, salt, 2, session_salt, 12);
    for (int s = 0; s < sink_count; s++) {
        sinks[s].to = (struct sockaddr_in){AF_INET, htons((uint16_t)atoi(argv[s + 2])), {0}, {0}};
        sinks[s].to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sinks[s].cipher = EVP_CIPHER_CTX_new();
        EVP_EncryptInit_ex(sinks[s].cipher, EVP_aes_128_gcm(), NULL, session_key, NULL);
        sinks[s].counter = srtp_new(SRTP_AES_CM_128_HMAC_SHA1_80, key, salt, NULL, 0);
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t length = sizeof here;
    bind(fd, (struct sockaddr *)&here, length);
    getsockname(fd, (struct sockaddr *)&here, &length);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    int suite = cm ? SRTP_AES_CM_128_HMAC_SHA1_80 : SRTP_AEAD_AES_128_GCM;
    struct srtp *receiving = srtp_new(suite, key, salt, NULL, 0);
    static uint8_t in[BATCH][CAP];
    struct iovec iov[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){in[i], CAP};
        messages[i].msg_hdr.msg_iov = &iov[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL), kept = 0;
        for (int i = 0; i < count; i++) {
            int plain = (int)messages[i].msg_len;
            if (gcm || cm) plain = srtp_unprotect(receiving, in[i], (size_t)plain);
            if (plain < 12) continue;
            for (int s = 0; s < sink_count; s++)
                sinks[s].length[kept] = rewrite(&sinks[s], s, in[i], plain, sinks[s].out[kept]);
            kept++;
        }
        send_runs(fd, kept, sink_count);
    }
}
