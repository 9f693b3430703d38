/* libFuzzer target for the whole state machine: packets of two peers through three sinks.
 *
 * Input: steps of an operation byte, a length byte and that many bytes of datagram. What comes out
 * must be RTP or RTCP that our own parser takes.
 */
#include <stdlib.h>
#include <string.h>

#include "packet.h"

static uint8_t commands[4096], out[1 << 20];
static size_t used;

static void add(uint32_t kind, const void *body, size_t size) {
    struct sfu_record record = {(uint32_t)(sizeof record + size), kind};
    memcpy(commands + used, &record, sizeof record);
    memcpy(commands + used + sizeof record, body, size);
    used += record.size;
}

/* Without an SSRC it takes any; with one, others wait until they are named. */
static void add_source(uint32_t id, uint32_t ssrc) {
    struct sfu_set_source source = {.source = id, .transport = id, .clock_hz = 90000};
    source.kind = KIND_VIDEO;
    source.nack = 1;
    source.has_ssrc = ssrc != 0;
    source.ssrc = ssrc;
    source.payload_count = 8;
    source.payloads[0] = (struct sfu_payload){97, CODEC_H264};
    source.payloads[1] = (struct sfu_payload){98, CODEC_VP8};
    source.payloads[2] = (struct sfu_payload){101, CODEC_TELEPHONE_EVENT};
    source.payloads[3] = (struct sfu_payload){34, CODEC_H263};
    source.payloads[4] = (struct sfu_payload){96, CODEC_H263_1998};
    source.payloads[5] = (struct sfu_payload){31, CODEC_H261};
    source.payloads[6] = (struct sfu_payload){111, CODEC_OPUS};
    source.payloads[7] = (struct sfu_payload){63, CODEC_RED};
    source.rtx_count = 1;
    source.rtx[0] = (struct sfu_payload){99, 97};
    add(COMMAND_SET_SOURCE, &source, sizeof source);
}

static void add_peer(uint32_t id) {
    struct sfu_open_transport transport = {.transport = id, .rtp_socket = 1, .rtcp_socket = 1};
    transport.latch = LATCH_FIRST_VALID;
    for (uint8_t i = 0; i < 6; i++) transport.extensions[i] = (uint8_t)(i + 1);
    transport.line = id > 2; /* who receives stands behind line 1 */
    transport.remote = (struct sfu_address){.family = 4, .port = (uint16_t)(1000 + id)};
    add(COMMAND_OPEN_TRANSPORT, &transport, sizeof transport);
    add_source(id, 0);
}

static void add_line(uint32_t rate_bps) {
    struct sfu_set_line line = {.line = 1, .overhead_bytes = 10, .rate_bps = rate_bps};
    line.framing = FRAMING_ATM;
    add(COMMAND_SET_LINE, &line, sizeof line);
}

static void add_sink(uint32_t id, uint32_t transport, uint8_t single_nal, uint8_t class) {
    struct sfu_set_sink sink = {.sink = id, .transport = transport, .ssrc = id, .clock_hz = 90000};
    sink.kind = KIND_VIDEO;
    sink.single_nal = single_nal;
    sink.history = 16;
    sink.picture_class = class;
    sink.has_rtx = !single_nal;
    sink.rtx_ssrc = id + 100;
    sink.payload_count = single_nal ? 6 : 7;
    sink.payloads[0] = (struct sfu_payload){CODEC_H264, 107};
    sink.payloads[1] = (struct sfu_payload){CODEC_VP8, 108};
    sink.payloads[2] = (struct sfu_payload){CODEC_H263, 34};
    sink.payloads[3] = (struct sfu_payload){CODEC_H263_1998, 96};
    sink.payloads[4] = (struct sfu_payload){CODEC_H261, 31};
    sink.payloads[5] = (struct sfu_payload){CODEC_OPUS, 111};
    sink.payloads[6] = (struct sfu_payload){CODEC_RED, 63};
    sink.rtx_count = 1;
    sink.rtx[0] = (struct sfu_payload){107, 109};
    if (class) /* all of it: what it sends again stands with its source */
        for (sink.rtx_count = 0; sink.rtx_count < sink.payload_count; sink.rtx_count++)
            sink.rtx[sink.rtx_count] =
                (struct sfu_payload){sink.payloads[sink.rtx_count].other, (uint8_t)(70 + sink.rtx_count)};
    sink.mid_length = 1;
    add(COMMAND_SET_SINK, &sink, sizeof sink);
}

static void check(long size) {
    if (size < 0) abort();
    for (size_t at = 0; at < (size_t)size;) {
        uint32_t head[2];
        memcpy(head, out + at, sizeof head);
        struct packet packet;
        uint8_t *datagram = out + at + sizeof head;
        if (demux(datagram, head[1]) == PROTOCOL_RTCP ? !rtcp_valid(datagram, head[1])
                                                      : !packet_parse(&packet, datagram, head[1]))
            abort();
        at += sizeof head + head[1];
    }
}

/* What was added; what leaves at once is looked at as well. */
static void tell(sfu_stage *stage, int64_t now_us) {
    check(sfu_stage_apply(stage, commands, used, now_us, out, sizeof out));
}

static void set_route(sfu_stage *stage, uint32_t sink, uint32_t source, uint32_t temporal,
                      int64_t now_us) {
    struct sfu_set_route route = {sink, source, temporal, 0};
    used = 0;
    add(COMMAND_SET_ROUTE, &route, sizeof route);
    tell(stage, now_us);
}

/* What lines and their pacers are told, by the low bits of a step. */
static void command(sfu_stage *stage, uint8_t step, size_t number, int64_t now_us) {
    struct sfu_probe probe = {1, 3, number * 10000, (int64_t)number * 3000};
    struct sfu_close line = {1, 0};
    used = 0;
    if ((step & 7) == 1) add_line((uint32_t)number * 10000);
    if ((step & 7) == 2) add(COMMAND_PROBE, &probe, sizeof probe);
    if ((step & 7) == 3) add_sink(3, 3, 0, number & 3);
    if ((step & 7) == 4) add(COMMAND_CLOSE_LINE, &line, sizeof line);
    if ((step & 7) == 5) add_peer(3 + (step >> 3 & 1));
    if ((step & 7) == 6) add_source(1 + (step >> 3 & 1), (uint32_t)number & 3);
    tell(stage, now_us);
}

/* One stage for all inputs, as its buffers are large; closing the peers leaves nothing behind. */
static sfu_stage *open_stage(void) {
    static sfu_stage *stage;
    struct sfu_open_socket socket = {1, -1};
    if (stage) return stage;
    stage = sfu_stage_open(1);
    used = 0;
    add(COMMAND_OPEN_SOCKET, &socket, sizeof socket);
    tell(stage, 0);
    return stage;
}

static void close_peers(sfu_stage *stage) {
    used = 0;
    for (uint32_t id = 1; id <= 4; id++)
        add(COMMAND_CLOSE_TRANSPORT, &(struct sfu_close){id, 0}, sizeof(struct sfu_close));
    tell(stage, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int64_t now_us = 1000000;
    sfu_stage *stage = open_stage();
    used = 0;
    add_line(300000);
    for (uint32_t id = 1; id <= 4; id++) add_peer(id);
    add_sink(3, 3, 0, CLASS_MAIN);
    add_sink(4, 4, 1, CLASS_THUMBNAIL);
    tell(stage, 0);
    set_route(stage, 3, 1, 7, now_us);
    set_route(stage, 4, 1, 7, now_us);
    for (size_t at = 0; at + 2 <= size;) {
        uint8_t step = data[at];
        size_t length = data[at + 1];
        at += 2;
        if (length > size - at) length = size - at;
        now_us += step * 100;
        if (step & 0x80) set_route(stage, 3 + (step & 1), step >> 1 & 3, length & 7, now_us);
        if (length > 200) now_us += (int64_t)(length - 200) * 20000;
        if ((step & 0x40) && length < 64) command(stage, step, length, now_us);
        check(sfu_stage_receive(stage, 1 + (step >> 3 & 3), data + at, length, now_us, out,
                                sizeof out));
        check(sfu_stage_timer(stage, now_us, out, sizeof out));
        at += length;
    }
    sfu_stage_poll(stage, out, sizeof out);
    sfu_stage_snapshot(stage, out, sizeof out, now_us);
    close_peers(stage);
    return 0;
}
