/* libFuzzer target for native/srtp*.c: hostile datagrams, and round trips of whatever fits.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -I native \
 *         tests/fuzz/fuzz_srtp.c native/srt*.c -lcrypto -o fuzz_srtp && ./fuzz_srtp -max_len=2000
 *
 * Input: a byte for the suite, a byte for what to do, then the packet.
 */
#include <stdlib.h>
#include <string.h>

#include "srtp.h"

static const int suites[] = {1, 2, 7, 8};
static const uint8_t master[46] = "a master key and salt nobody else knows";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    int suite = suites[data[0] & 3];
    size_t mki_len = data[0] >> 2 & 7, len = size - 2, cap = len + SRTP_OVERHEAD;
    struct srtp *sender = srtp_new(suite, master, master + 32, master, mki_len);
    struct srtp *receiver = srtp_new(suite, master, master + 32, master, mki_len);
    uint8_t *packet = malloc(cap), *hostile = malloc(len ? len : 1);
    if (!sender || !receiver || !packet || !hostile)
        abort();

    memcpy(hostile, data + 2, len); /* of its exact size, so that a byte too far is seen */
    srtp_unprotect(receiver, hostile, len);
    memcpy(hostile, data + 2, len);
    srtp_unprotect_rtcp(receiver, hostile, len);

    memcpy(packet, data + 2, len);
    if (data[1] & 1) {
        int sealed = srtp_protect_rtcp(sender, packet, len, cap);
        int opened = sealed < 0 ? sealed : srtp_unprotect_rtcp(receiver, packet, (size_t)sealed);
        if (opened >= 0 && ((size_t)opened != len || memcmp(packet, data + 2, len)))
            abort();
    } else if (len >= 12) {
        packet[0] = 0x80;
        int sealed = srtp_protect(sender, packet, 12, packet + 12, len - 12, cap);
        int opened = sealed < 0 ? sealed : srtp_unprotect(receiver, packet, (size_t)sealed);
        if (opened != (int)len || memcmp(packet + 1, data + 3, len - 1))
            abort();
    }
    free(packet);
    free(hostile);
    srtp_free(sender);
    srtp_free(receiver);
    return 0;
}
