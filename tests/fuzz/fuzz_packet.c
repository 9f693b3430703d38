/* libFuzzer target for demux.c, rtcp.c, payload.c and red.c: any datagram, read in every way. */
#include <stdlib.h>
#include <string.h>

#include "packet.h"

static void found(void *context, uint32_t media, uint16_t sequence) {
    *(uint32_t *)context += media ^ sequence;
}

/* Every block lies within, and what we send twice ourselves is read as it was written. */
static void read_twice(const uint8_t *bytes, size_t size) {
    static uint8_t out[RED_PACKET_MAX];
    struct red red, again;
    if (!red_parse(&red, bytes, size)) return;
    if (red.at > size) abort();
    struct span sound = {bytes + red.at, size - red.at};
    for (int i = 0; i < red.count; i++) {
        struct red_block *block = &red.blocks[i];
        if (block->bytes < bytes || block->bytes + block->length > bytes + red.at) abort();
        struct span before = {block->bytes, block->length};
        size_t length = red_compose(out, red.payload_type, block->offset, before, sound);
        if (length && (!red_parse(&again, out, length) || again.count != 1 ||
                       again.blocks[0].offset != block->offset || length - again.at != sound.length))
            abort();
    }
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
    sum += rtcp_only_tells(exact, size);
    struct look h264 = h264_look(exact, size), vp8 = vp8_look(exact, size);
    if (vp8.picture_bytes && vp8.picture_at + vp8.picture_bytes > size) abort();
    if (vp8.tl0_at && vp8.tl0_at >= size) abort();
    if (size) stap_count(exact, size);
    read_twice(exact, size);
    volatile uint32_t keep = sum + h264.sets;
    (void)keep;
    free(exact);
    return 0;
}
