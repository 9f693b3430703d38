/* libFuzzer target for demux.c, rtcp.c and payload.c: any datagram, read in every way. */
#include <stdlib.h>
#include <string.h>

#include "packet.h"

static void found(void *context, uint32_t media, uint16_t sequence) {
    *(uint32_t *)context += media ^ sequence;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
    struct packet packet;
    uint32_t sum = 0;
    memcpy(exact, data, size);
    demux(exact, size);
    if (packet_parse(&packet, exact, size)) {
        if (packet.payload < exact || packet.payload + packet.length > exact + size) abort();
        for (int id = 0; id < 16; id++)
            for (size_t i = 0; i < packet.extension[id].length; i++)
                sum += packet.extension[id].bytes[i];
    }
    if (rtcp_valid(exact, size) && size < 8) abort();
    rtcp_each_nack(exact, size, found, &sum);
    struct look h264 = h264_look(exact, size), vp8 = vp8_look(exact, size);
    if (vp8.picture_bytes && vp8.picture_at + vp8.picture_bytes > size) abort();
    if (vp8.tl0_at && vp8.tl0_at >= size) abort();
    if (size) stap_count(exact, size);
    volatile uint32_t keep = sum + h264.sets;
    (void)keep;
    free(exact);
    return 0;
}
