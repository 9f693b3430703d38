/* A peer: which datagrams are its own (latch, RFC 4961), and the way through its keys.
 *
 *   datagram -> path by (socket, address), else a path that may latch
 *            -> authenticated, or well-formed where there are no keys -> latched
 *            -> RTCP: NACKs answered, all of it goes up     RTP: its source, else SourceAppeared
 */
#include <string.h>

#include "core.h"

struct ask {
    struct core *core;
    struct transport *transport;
};

static void answer_nack(void *context, uint32_t media_ssrc, uint16_t sequence) {
    struct ask *ask = context;
    struct sink *sink = transport_sink(ask->transport, media_ssrc);
    if (!sink) return;
    sink->row.nacks_received++;
    if (sink->transport->line && pacer_holds(ask->core, sink))
        pacer_put_repair(ask->core, sink, sequence);
    else
        sink_resend(ask->core, sink, sequence);
}

bool transport_ready(const struct transport *transport) {
    if (transport->secure && !transport->sending.srtp) return false;
    return transport->latch == LATCH_CONNECTED || transport->rtp.remote.family != 0;
}

struct path *transport_rtcp_path(struct transport *transport) {
    return transport->mux ? &transport->rtp : &transport->rtcp;
}

struct srtp *transport_rtcp_srtp(const struct transport *transport, bool sending) {
    if (transport->keys_apart)
        return sending ? transport->rtcp_sending.srtp : transport->rtcp_receiving.srtp;
    return sending ? transport->sending.srtp : transport->receiving.srtp;
}

void transport_send_rtcp(struct core *core, struct transport *transport, const uint8_t *plain,
                         size_t length) {
    struct path *path = transport_rtcp_path(transport);
    struct srtp *srtp = transport_rtcp_srtp(transport, true);
    if (transport->secure && !srtp) return;
    if (transport->latch != LATCH_CONNECTED && path->remote.family == 0) return;
    if (length > PACKET_CAP - SRTP_OVERHEAD) return;
    uint8_t *out = batch_reserve(core->batch);
    memcpy(out, plain, length);
    int size = (int)length;
    if (transport->secure) size = srtp_protect_rtcp(srtp, out, length, PACKET_CAP);
    if (size < 0) return;
    path_send(core, path, out, (size_t)size, 0, FOR_OTHER);
    transport->row.sent_rtcp++;
    transport->row.sent_packets++;
    transport->row.sent_bytes += (uint64_t)size;
}

struct sink *transport_sink(struct transport *transport, uint32_t ssrc) {
    struct sink *sink = transport->sinks;
    while (sink && sink->asked.ssrc != ssrc) sink = sink->next_on_transport;
    return sink;
}

struct source *transport_source(struct transport *transport, const struct packet *packet,
                                bool *repair) {
    struct source *by_payload = NULL;
    *repair = false;
    for (struct source *source = transport->sources; source; source = source->next_on_transport) {
        bool any = !source->asked.has_ssrc;
        if (!any && source->asked.ssrc == packet->ssrc) return source;
        bool repairs = source->repairs[packet->payload_type] != 0;
        if (any ? repairs : source->asked.has_rtx && source->asked.rtx_ssrc == packet->ssrc) {
            *repair = true;
            return source;
        }
        if (!any || !source->codecs[packet->payload_type]) continue;
        if (source->begun && source->ssrc == packet->ssrc) return source;
        if (!by_payload) by_payload = source;
    }
    return by_payload;
}

static uint8_t copy_text(uint8_t *out, const struct packet *packet, uint8_t id) {
    if (id == 0 || id > 15 || !packet->extension[id].bytes) return 0;
    size_t length = packet->extension[id].length;
    if (length > SFU_MID_MAX) return 0;
    memcpy(out, packet->extension[id].bytes, length);
    return (uint8_t)length;
}

/* Told once, and once more when a later packet names its mid or rid. */
static bool news(struct transport *transport, uint32_t ssrc, uint8_t has) {
    for (int i = 0; i < transport->told_count; i++) {
        struct told *told = &transport->told[i];
        if (told->ssrc != ssrc) continue;
        if ((has & ~told->had) == 0) return false;
        told->had |= has;
        return true;
    }
    if (transport->told_count == TOLD_MAX) return false;
    transport->told[transport->told_count++] = (struct told){ssrc, has};
    return true;
}

static void tell_source(struct core *core, struct transport *transport,
                        const struct packet *packet) {
    const uint8_t *ids = transport->extensions;
    struct sfu_source_appeared event = {transport->node.id, packet->ssrc, packet->payload_type,
                                        0, 0, 0, {0}, {0}, {0}, 0};
    event.mid_length = copy_text(event.mid, packet, ids[EXT_MID]);
    event.rid_length = copy_text(event.rid, packet, ids[EXT_RID]);
    event.repaired_rid_length = copy_text(event.repaired_rid, packet, ids[EXT_REPAIRED_RID]);
    uint8_t has = event.mid_length ? 1 : 0;
    if (event.rid_length || event.repaired_rid_length) has |= 2;
    if (news(transport, packet->ssrc, has))
        ring_put(&core->ring, EVENT_SOURCE_APPEARED, &event, sizeof event, NULL, 0);
}

static const struct span *extension(const struct transport *transport, const struct packet *packet,
                                    enum sfu_extension which) {
    static const struct span none;
    uint8_t id = transport->extensions[which];
    return id && id < 16 ? &packet->extension[id] : &none;
}

/* RFC 4588: the original sequence number stands before the payload. */
static bool unwrap_repair(struct source *source, struct packet *packet) {
    uint8_t original = source->repairs[packet->payload_type];
    if (!source->begun || original == 0 || packet->length <= 2) return false;
    packet->sequence = get16(packet->payload);
    packet->payload_type = original;
    packet->ssrc = source->ssrc;
    packet->payload += 2;
    packet->length -= 2;
    return true;
}

static void tell_digit(struct core *core, const struct source *source,
                       const struct packet *packet) {
    if (packet->length < 4) return;
    const uint8_t *at = packet->payload;
    struct sfu_telephone_event event = {source->node.id, at[0], at[1] >> 7, get16(at + 2),
                                        packet->timestamp, 0};
    ring_put(&core->ring, EVENT_TELEPHONE_EVENT_RECEIVED, &event, sizeof event, NULL, 0);
}

static void tell_keyframe(struct core *core, struct source *source, uint32_t timestamp) {
    if (source->had_keyframe && source->keyframe_timestamp == timestamp) return;
    source->had_keyframe = true;
    source->keyframe_timestamp = timestamp;
    source->row.keyframes++;
    struct sfu_keyframe_passed event = {source->node.id, 0, core->received_us};
    ring_put(&core->ring, EVENT_KEYFRAME_PASSED, &event, sizeof event, NULL, 0);
}

static struct look look_at(uint8_t codec, const struct packet *packet) {
    if (codec == CODEC_H264) return h264_look(packet->payload, packet->length);
    if (codec == CODEC_VP8) return vp8_look(packet->payload, packet->length);
    if (codec == CODEC_H263) return h263_look(packet->payload, packet->length);
    if (codec == CODEC_H263_1998) return h263_1998_look(packet->payload, packet->length);
    if (codec == CODEC_H261) return h261_look(packet->payload, packet->length);
    return (struct look){.begins = true}; /* nothing to wait for */
}

static void note_level(struct passing *passing, const struct span *level) {
    if (level->length == 0) return;
    passing->has_level = true;
    passing->level = level->bytes[0];
    uint32_t dbov = passing->level & 127;
    if (dbov < passing->source->row.level_dbov) passing->source->row.level_dbov = dbov;
}

static void note_packet(struct core *core, const struct passing *passing, bool repaired) {
    struct source *source = passing->source;
    const struct packet *packet = passing->packet;
    bool digit = passing->codec == CODEC_TELEPHONE_EVENT; /* its timestamp stands still */
    if (repaired) {
        source->row.repaired++;
    } else {
        source->row.packets++;
        source->row.bytes += packet->length;
        if (!digit) source_arrival(source, packet, core->received_us);
        if (!digit && passing->codec != CODEC_CN) source->row.codec = passing->codec;
    }
    if (passing->late) {
        source_found(source, passing->extended);
    } else {
        if (!digit) source->row.last_timestamp = packet->timestamp;
        if (!digit) source->row.last_arrival_us = core->received_us;
        source_missing(core, source, passing->extended - source->gap, passing->extended);
    }
}

/* Takes the sound out of a packet that holds it beside earlier ones; false where it holds none. */
static bool unfold(struct passing *passing, struct red *red) {
    struct packet *packet = passing->packet;
    if (!red_parse(red, packet->payload, packet->length)) return false;
    passing->codec = passing->source->codecs[red->payload_type];
    packet->payload += red->at;
    packet->length -= red->at;
    return passing->codec == CODEC_OPUS;
}

/* What was lost just before goes on in its place and in order, out of the packet behind it.
 * What is not newer than the sound before (`newest`) was no sound, a digit say, or was sent. */
static void recover(struct core *core, const struct passing *passing, const struct red *red,
                    uint32_t newest) {
    struct source *source = passing->source;
    int back = source->gap < red->count ? source->gap : red->count;
    for (; back > 0; back--) {
        const struct red_block *block = &red->blocks[red->count - back];
        uint32_t timestamp = passing->packet->timestamp - block->offset;
        if (source->codecs[block->payload_type] != CODEC_OPUS || block->length == 0) continue;
        if (block->offset == 0 || (int32_t)(timestamp - newest) <= 0) continue;
        newest = timestamp;
        struct packet packet = {
            .payload_type = block->payload_type,
            .sequence = (uint16_t)(passing->packet->sequence - back),
            .timestamp = timestamp,
            .ssrc = passing->packet->ssrc,
            .payload = (uint8_t *)block->bytes,
            .length = block->length,
        };
        struct passing lost = {
            .source = source, .packet = &packet, .extended = passing->extended - (uint32_t)back,
            .received_us = passing->received_us, .codec = CODEC_OPUS, .look.begins = true,
        };
        source_found(source, lost.extended);
        source->row.recovered++;
        forward(core, &lost);
    }
}

/* One packet of a source: counted, looked at, and on to its sinks. */
static void pass(struct core *core, struct transport *transport, struct source *source,
                 struct packet *packet, bool repair) {
    struct span level = *extension(transport, packet, EXT_AUDIO_LEVEL);
    if (repair && !unwrap_repair(source, packet)) return;
    struct passing passing = {.source = source, .packet = packet, .received_us = core->received_us};
    passing.codec = source->codecs[packet->payload_type];
    struct red red;
    red.count = 0;
    if (passing.codec == CODEC_RED && !unfold(&passing, &red)) {
        transport->row.refused++;
        return;
    }
    bool digit = passing.codec == CODEC_TELEPHONE_EVENT;
    if (passing.codec == 0) return;
    if (source->begun && packet->ssrc != source->ssrc && (digit || passing.codec == CODEC_CN)) {
        if (digit) tell_digit(core, source, packet); /* some send digits under another SSRC */
        return;
    }
    if (!source_count(source, packet, repair, &passing.extended, &passing.late)) return;
    passing.restarted = source->restarted;
    uint32_t before = source->row.last_timestamp;
    note_packet(core, &passing, repair);
    note_level(&passing, &level);
    if (digit) tell_digit(core, source, packet);
    passing.skip = digit || packet->length == 0;
    if (!passing.skip) passing.look = look_at(passing.codec, packet);
    if (passing.codec == CODEC_H264) source_keep_sets(source, packet->payload, packet->length);
    passing.look.begins |= passing.look.keyframe;
    if (red.count && !passing.late) recover(core, &passing, &red, before);
    if (passing.look.keyframe) tell_keyframe(core, source, packet->timestamp);
    forward(core, &passing);
}

static void receive_packet(struct core *core, struct transport *transport, struct packet *packet) {
    const struct span *wide = extension(transport, packet, EXT_TRANSPORT_CC);
    if (wide->length >= 2)
        log_add(&core->arrivals, transport->node.id, get16(wide->bytes), 0, core->received_us);
    if (transport_pass(core, transport, packet)) return;
    tell_source(core, transport, packet);
    early_keep(core, transport, packet);
}

bool transport_pass(struct core *core, struct transport *transport, struct packet *packet) {
    bool repair;
    struct source *source = transport_source(transport, packet, &repair);
    if (source) pass(core, transport, source, packet, repair);
    return source != NULL;
}

static void latch(struct core *core, struct path *path, const struct sfu_address *remote) {
    struct transport *transport = path->transport;
    if (!remote || (path->latched && address_equal(&path->remote, remote))) return;
    path->latched = true;
    if (address_equal(&path->remote, remote)) return;
    path_set(core, path, remote);
    struct sfu_transport_latched event = {transport->node.id, path->rtcp, *remote};
    ring_put(&core->ring, EVENT_TRANSPORT_LATCHED, &event, sizeof event, NULL, 0);
}

/* A negative error of srtp.h counted; true when the bytes are in the clear. */
static bool unprotected(struct transport *transport, int *length) {
    if (*length >= 0) return true;
    if (*length == SRTP_EREPLAY)
        transport->row.replayed++;
    else if (*length == SRTP_EAUTH)
        transport->row.auth_failed++;
    else
        transport->row.refused++;
    return false;
}

static void receive_rtcp(struct core *core, struct path *path, const struct sfu_address *remote,
                         uint8_t *datagram, size_t size) {
    struct transport *transport = path->transport;
    int length = (int)size;
    if (transport->secure)
        length = srtp_unprotect_rtcp(transport_rtcp_srtp(transport, false), datagram, size);
    if (!unprotected(transport, &length)) return;
    if (!rtcp_valid(datagram, (size_t)length)) {
        transport->row.refused++;
        return;
    }
    if (path->rtcp) latch(core, path, remote); /* RTCP moves no RTP */
    transport->row.received_rtcp++;
    transport->row.last_received_us = core->received_us;
    struct sfu_received event = {transport->node.id, (uint32_t)length, core->received_us, {0}};
    if (rtcp_only_tells(datagram, (size_t)length))
        ring_put_calm(&core->ring, EVENT_RTCP_RECEIVED, &event, sizeof event, datagram,
                      (size_t)length);
    else
        ring_put(&core->ring, EVENT_RTCP_RECEIVED, &event, sizeof event, datagram, (size_t)length);
    struct ask ask = {core, transport};
    rtcp_each_nack(datagram, (size_t)length, answer_nack, &ask);
}

/* Where nothing is authenticated, a packet that moves our path must at least be one we await. */
static bool awaited(struct transport *transport, const struct packet *packet) {
    bool repair;
    return transport->secure || transport_source(transport, packet, &repair) != NULL;
}

static void receive_rtp(struct core *core, struct path *path, const struct sfu_address *remote,
                        uint8_t *datagram, size_t size) {
    struct transport *transport = path->transport;
    struct packet packet;
    int length = (int)size;
    if (transport->secure) length = srtp_unprotect(transport->receiving.srtp, datagram, size);
    if (!unprotected(transport, &length)) return;
    bool moves = remote && !address_equal(&path->remote, remote);
    if (path->rtcp || !packet_parse(&packet, datagram, (size_t)length) ||
        (moves && !awaited(transport, &packet))) {
        transport->row.refused++;
        return;
    }
    latch(core, path, remote);
    transport->row.last_received_us = core->received_us;
    receive_packet(core, transport, &packet);
}

static bool has_keys(const struct transport *transport, enum protocol protocol) {
    if (protocol == PROTOCOL_RTCP) return transport_rtcp_srtp(transport, false) != NULL;
    return transport->receiving.srtp != NULL;
}

void transport_receive(struct core *core, struct path *path, const struct sfu_address *remote,
                       uint8_t *datagram, size_t length, enum protocol protocol) {
    struct transport *transport = path->transport;
    transport->row.received_packets++;
    transport->row.received_bytes += length;
    if (transport->line) line_received(transport->line, &path->remote, length);
    if (transport->secure && !has_keys(transport, protocol))
        transport->row.refused++;
    else if (protocol == PROTOCOL_RTCP)
        receive_rtcp(core, path, remote, datagram, length);
    else
        receive_rtp(core, path, remote, datagram, length);
}

static bool may_latch(const struct path *path, const struct sfu_address *remote) {
    const struct path *rtp = &path->transport->rtp;
    switch (path->transport->latch) {
    case LATCH_SAME_HOST:
        return host_equal(path->asked.family ? &path->asked : &rtp->remote, remote);
    case LATCH_FIRST_VALID:
        if (path->latched) return false;
        return !path->rtcp || host_equal(&rtp->remote, remote);
    default:
        return false;
    }
}

static void receive_stranger(struct core *core, struct socket *socket,
                             const struct sfu_address *remote, uint8_t *datagram, size_t length,
                             enum protocol protocol) {
    struct path *waiting = NULL;
    for (struct path *path = socket->paths; path; path = path->same_socket) {
        if (path->transport->latch == LATCH_FIXED) continue;
        waiting = path;
        if (!may_latch(path, remote)) continue;
        if (protocol == PROTOCOL_RTCP && !path->rtcp && path->transport->latch != LATCH_SAME_HOST)
            continue; /* RTP goes first */
        transport_receive(core, path, remote, datagram, length, protocol);
        return;
    }
    if (waiting)
        waiting->transport->row.refused++;
    else
        socket->row.unknown_packets++;
}

static void tell_datagram(struct core *core, struct socket *socket, const struct path *known,
                          const struct sfu_address *remote, const uint8_t *datagram,
                          size_t length) {
    struct sfu_received event = {socket->node.id, (uint32_t)length, core->received_us, *remote};
    if (known && known->transport->line)
        line_received(known->transport->line, remote, length);
    if (known)
        ring_put(&core->ring, EVENT_DATAGRAM_RECEIVED, &event, sizeof event, datagram, length);
    else if (!ring_put_stranger(&core->ring, EVENT_DATAGRAM_RECEIVED, &event, sizeof event,
                                datagram, length))
        socket->row.unknown_packets++;
}

void core_receive(struct core *core, struct socket *socket, const struct sfu_address *remote,
                  uint8_t *datagram, size_t length) {
    struct path *path = remote ? path_find(core, socket, remote) : socket->paths;
    if (path && path->away) {
        hand_datagram(core, path->away - 1, socket, remote, datagram, length);
        return;
    }
    enum protocol protocol = demux(datagram, length);
    socket->row.received_packets++;
    socket->row.received_bytes += length;
    if (protocol == PROTOCOL_UNKNOWN || (!remote && protocol < PROTOCOL_RTP)) {
        socket->row.unknown_packets++;
        return;
    }
    if (protocol == PROTOCOL_STUN || protocol == PROTOCOL_DTLS) {
        tell_datagram(core, socket, path, remote, datagram, length);
        return;
    }
    if (path)
        transport_receive(core, path, remote, datagram, length, protocol);
    else if (remote)
        receive_stranger(core, socket, remote, datagram, length, protocol);
    else
        socket->row.unknown_packets++;
}
