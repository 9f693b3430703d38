/* Commands: each states what shall be, so that saying one twice changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

uint64_t mix64(uint64_t value) { /* splitmix64 */
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* RFC 3711 section 3.3.1: the first sequence number stands below 2^15. An SSRC that was sent
 * before with these keys goes on where it was: one index never protects two plaintexts. */
static bool first_sequence(const struct core *core, const struct transport *transport,
                           uint32_t ssrc, uint16_t *sequence) {
    for (int i = 0; i < transport->spent_count; i++) {
        if (transport->spent[i].ssrc != ssrc) continue;
        *sequence = transport->spent[i].next;
        return true;
    }
    uint64_t dice = mix64(core->seed ^ ((uint64_t)transport->node.id << 32 | ssrc));
    *sequence = (uint16_t)(dice & 0x7fff);
    return transport->spent_count < SPENT_MAX;
}

static void spend(struct transport *transport, uint32_t ssrc, uint16_t next) {
    int i = 0;
    while (i < transport->spent_count && transport->spent[i].ssrc != ssrc) i++;
    if (i == transport->spent_count) {
        size_t size = (size_t)(i + 1) * sizeof(struct spent);
        struct spent *grown = i < SPENT_MAX ? realloc(transport->spent, size) : NULL;
        if (!grown) return;
        transport->spent = grown;
        transport->spent_count++;
    }
    transport->spent[i] = (struct spent){ssrc, next};
}

static void open_socket(struct core *core, const struct sfu_open_socket *command) {
    if (table_find(&core->sockets, command->socket)) return;
    struct socket *socket = calloc(1, sizeof *socket);
    if (!socket) return;
    socket->node.id = socket->row.socket = command->socket;
    socket->fd = command->fd;
    if (core->open_socket && !core->open_socket(core, socket)) {
        free(socket);
        return;
    }
    table_add(&core->sockets, &socket->node);
}

static void unlink_path(struct core *core, struct path *path) {
    path_unhash(core, path);
    if (!path->socket) return;
    struct path **at = &path->socket->paths;
    while (*at && *at != path) at = &(*at)->same_socket;
    if (*at) *at = path->same_socket;
    path->socket = NULL;
}

static void place_path(struct core *core, struct path *path, struct transport *transport,
                       uint32_t socket_id, const struct sfu_address *asked) {
    struct socket *socket = table_find(&core->sockets, socket_id);
    bool moved = path->socket != socket;
    if (moved) {
        unlink_path(core, path);
        path->transport = transport;
        path->socket = socket;
        path->same_socket = socket->paths;
        socket->paths = path;
        path->first = path->last = -1;
    }
    if (!moved && memcmp(&path->asked, asked, sizeof *asked) == 0) return; /* what was latched stays */
    path->asked = *asked;
    path->latched = false;
    path_set(core, path, asked);
}

static struct transport *new_transport(struct core *core, uint32_t id) {
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport) return NULL;
    transport->node.id = transport->row.transport = id;
    transport->rtcp.rtcp = true;
    table_add(&core->transports, &transport->node);
    return transport;
}

static void open_transport(struct core *core, const struct sfu_open_transport *command) {
    struct transport *transport = table_find(&core->transports, command->transport);
    if (!table_find(&core->sockets, command->rtp_socket) ||
        !table_find(&core->sockets, command->rtcp_socket))
        return;
    batch_flush(core->batch);
    if (!transport && !(transport = new_transport(core, command->transport))) return;
    transport->latch = command->latch;
    transport->secure = command->secure;
    transport->gso = command->gso;
    pacer_change(core, transport, table_find(&core->lines, command->line));
    transport->mux = command->rtp_socket == command->rtcp_socket;
    memcpy(transport->extensions, command->extensions, sizeof transport->extensions);
    for (int i = 0; i < EXT_COUNT; i++)
        if (transport->extensions[i] > 15) transport->extensions[i] = 0;
    place_path(core, &transport->rtp, transport, command->rtp_socket, &command->remote);
    if (transport->mux)
        unlink_path(core, &transport->rtcp);
    else
        place_path(core, &transport->rtcp, transport, command->rtcp_socket, &command->rtcp_remote);
}

static void forget_keys(struct keyed *keyed) {
    if (keyed->srtp) srtp_free(keyed->srtp);
    keyed->srtp = NULL;
}

static void forget_rtcp_keys(struct transport *transport) {
    forget_keys(&transport->rtcp_receiving);
    forget_keys(&transport->rtcp_sending);
}

static void set_keys(struct core *core, const struct sfu_set_keys *command) {
    struct transport *transport = table_find(&core->transports, command->transport);
    if (!transport || command->mki_length > SFU_MKI_MAX) return;
    bool apart = command->component != COMPONENT_BOTH;
    if (!apart) forget_rtcp_keys(transport);
    transport->keys_apart = apart;
    struct keyed *keyed = command->sending ? &transport->sending : &transport->receiving;
    if (command->component == COMPONENT_RTCP)
        keyed = command->sending ? &transport->rtcp_sending : &transport->rtcp_receiving;
    if (keyed->srtp && memcmp(&keyed->said, command, sizeof *command) == 0) return;
    struct srtp *fresh = srtp_new(command->suite, command->key, command->salt, command->mki,
                                  command->mki_length);
    if (!fresh) return;
    if (keyed->srtp) srtp_free(keyed->srtp);
    keyed->srtp = fresh;
    keyed->said = *command;
}

static void set_source(struct core *core, const struct sfu_set_source *command,
                       const uint8_t *sets, size_t length) {
    struct source *source = table_find(&core->sources, command->source);
    struct transport *transport = table_find(&core->transports, command->transport);
    if (!transport || (source && source->transport != transport)) return;
    if (!source) {
        if (!(source = calloc(1, sizeof *source))) return;
        source->node.id = source->row.source = command->source;
        source->row.level_dbov = 127;
        source->transport = transport;
        source->next_on_transport = transport->sources;
        transport->sources = source;
        table_add(&core->sources, &source->node);
    }
    source->asked = *command;
    memset(source->codecs, 0, sizeof source->codecs);
    memset(source->repairs, 0, sizeof source->repairs);
    for (int i = 0; i < command->payload_count; i++)
        if (command->payloads[i].other < CODEC_LIMIT)
            source->codecs[command->payloads[i].number & 127] = command->payloads[i].other;
    for (int i = 0; i < command->rtx_count; i++)
        source->repairs[command->rtx[i].number & 127] = command->rtx[i].other & 127;
    for (size_t at = 0, i = 0; i < command->set_count && at + 2 <= length; i++) {
        uint16_t size;
        memcpy(&size, sets + at, 2);
        at += 2;
        if (at + size > length) return;
        if (!source->begun) source_keep_set(source, sets + at, size); /* in band is newer */
        at += size;
    }
    for (int i = 0; i < transport->told_count; i++)
        if (command->has_ssrc && transport->told[i].ssrc == command->ssrc)
            transport->told[i--] = transport->told[--transport->told_count];
}

static struct sink *new_sink(struct core *core, struct transport *transport,
                             const struct sfu_set_sink *command) {
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink) return NULL;
    if (!first_sequence(core, transport, command->ssrc, &sink->next_sequence)) {
        free(sink);
        return NULL;
    }
    sink->node.id = sink->row.sink = command->sink;
    sink->transport = transport;
    sink->rebase = true;
    sink->temporal = sink->layers = 7;
    sink->pictures.sink = sink->repairs.sink = sink;
    sink->repairs.class = CLASS_REPAIR;
    sink->next_on_transport = transport->sinks;
    transport->sinks = sink;
    table_add(&core->sinks, &sink->node);
    return sink;
}

/* The SSRCs of a sink may change while it lives. */
static void renumber(struct core *core, struct sink *sink, const struct sfu_set_sink *command) {
    struct transport *transport = sink->transport;
    if (sink->asked.sink && sink->asked.ssrc != command->ssrc) {
        spend(transport, sink->asked.ssrc, sink->next_sequence);
        first_sequence(core, transport, command->ssrc, &sink->next_sequence);
    }
    bool had = sink->asked.has_rtx;
    if (had && (!command->has_rtx || sink->asked.rtx_ssrc != command->rtx_ssrc))
        spend(transport, sink->asked.rtx_ssrc, sink->next_rtx);
    if (command->has_rtx && (!had || sink->asked.rtx_ssrc != command->rtx_ssrc))
        first_sequence(core, transport, command->rtx_ssrc, &sink->next_rtx);
}

static void set_sink(struct core *core, const struct sfu_set_sink *command) {
    struct sink *sink = table_find(&core->sinks, command->sink);
    struct transport *transport = table_find(&core->transports, command->transport);
    if (!transport || (sink && sink->transport != transport)) return;
    if (!sink && !(sink = new_sink(core, transport, command))) return;
    renumber(core, sink, command);
    sink->asked = *command;
    memset(sink->payloads, 0, sizeof sink->payloads);
    memset(sink->rtx, 0, sizeof sink->rtx);
    for (int i = 0; i < command->payload_count; i++)
        if (command->payloads[i].number < CODEC_LIMIT)
            sink->payloads[command->payloads[i].number] = command->payloads[i].other & 127;
    for (int i = 0; command->has_rtx && i < command->rtx_count; i++)
        sink->rtx[command->rtx[i].number & 127] = command->rtx[i].other & 127;
    history_resize(&sink->history, command->history);
    pacer_move(sink, command->picture_class);
}

/* Of what it carries; what it sent may still be asked for again. */
static void forget_waiting(struct sink *sink) {
    if (sink->transport->line) pacer_forget(sink->transport->line, &sink->pictures);
}

static void let_go(struct sink *sink) {
    forget_waiting(sink);
    if (sink->source) source_unlink(sink->source, sink);
    if (sink->pending) source_unlink(sink->pending, sink);
    sink->source = sink->pending = NULL;
    sink->rebase = true;
}

static void set_route(struct core *core, const struct sfu_set_route *command) {
    struct sink *sink = table_find(&core->sinks, command->sink);
    struct source *source = table_find(&core->sources, command->source);
    if (!sink) return;
    sink->temporal = command->temporal < 7 ? (uint8_t)command->temporal : 7;
    if (!source) {
        let_go(sink);
        return;
    }
    if (sink->pending == source || (sink->source == source && !sink->pending)) return;
    if (sink->pending) source_unlink(sink->pending, sink);
    sink->pending = NULL;
    if (sink->source == source) return;
    if (sink->asked.kind == KIND_VIDEO) {
        sink->pending = source;
    } else {
        let_go(sink);
        sink->source = source;
    }
    source_link(source, sink);
}

static void close_sink(struct sink *sink, struct core *core) {
    struct sink **at = &sink->transport->sinks;
    while (*at != sink) at = &(*at)->next_on_transport;
    *at = sink->next_on_transport;
    spend(sink->transport, sink->asked.ssrc, sink->next_sequence);
    if (sink->asked.has_rtx) spend(sink->transport, sink->asked.rtx_ssrc, sink->next_rtx);
    let_go(sink);
    struct line *line = sink->transport->line;
    if (line) pacer_forget(line, &sink->repairs);
    if (line && line->probe.sink == sink) line->probe.sink = NULL;
    history_free(&sink->history);
    table_remove(&core->sinks, &sink->node);
    free(sink);
}

static void close_source(struct source *source, struct core *core) {
    struct source **at = &source->transport->sources;
    while (*at != source) at = &(*at)->next_on_transport;
    *at = source->next_on_transport;
    for (int i = 0; i < source->sink_count; i++) {
        struct sink *sink = source->sinks[i];
        if (sink->source == source) {
            forget_waiting(sink);
            sink->source = NULL;
        }
        if (sink->pending == source) sink->pending = NULL;
        sink->rebase = true;
    }
    table_remove(&core->sources, &source->node);
    free(source->sinks);
    free(source);
}

static void close_transport(struct transport *transport, struct core *core) {
    batch_flush(core->batch);
    while (transport->sinks) close_sink(transport->sinks, core);
    while (transport->sources) close_source(transport->sources, core);
    unlink_path(core, &transport->rtp);
    unlink_path(core, &transport->rtcp);
    forget_keys(&transport->receiving);
    forget_keys(&transport->sending);
    forget_rtcp_keys(transport);
    table_remove(&core->transports, &transport->node);
    free(transport->spent);
    free(transport);
}

static void close_socket(struct socket *socket, struct core *core) {
    if (socket->paths) return; /* its transports go first */
    batch_flush(core->batch);
    table_remove(&core->sockets, &socket->node);
    if (core->close_socket) core->close_socket(core, socket);
    free(socket);
}

static void set_line(struct core *core, const struct sfu_set_line *command) {
    struct line *line = table_find(&core->lines, command->line);
    if (!line) {
        if (!(line = calloc(1, sizeof *line))) return;
        line->node.id = line->row.line = command->line;
        table_add(&core->lines, &line->node);
    }
    line->asked = *command;
    pacer_bound_probe(line);
}

static void set_marks(struct core *core, const struct sfu_set_marks *command) {
    core->marks[FOR_SOUND] = command->sound & 63;
    core->marks[FOR_PICTURE] = command->picture & 63;
    core->marks[FOR_SLIDES] = command->slides & 63;
    core->marks[FOR_OTHER] = command->other & 63;
}

static void close_line(struct line *line, struct core *core) {
    TABLE_EACH(&core->transports, struct transport, transport)
        if (transport->line == line) pacer_change(core, transport, NULL);
    struct line **at = &core->busy;
    while (*at && *at != line) at = &(*at)->next_busy;
    if (*at) *at = line->next_busy;
    table_remove(&core->lines, &line->node);
    free(line);
}

static void transmit(struct core *core, const struct sfu_transmit *command, const uint8_t *bytes) {
    struct socket *socket = table_find(&core->sockets, command->id);
    if (!socket || !core->transmit) return;
    core->transmit(core, socket, &command->remote, bytes, command->length, core->marks[FOR_OTHER]);
    struct path *path = path_find(core, socket, &command->remote);
    if (path && path->transport->line)
        line_sent(core, path->transport->line, &command->remote, command->length, FOR_OTHER);
}

static void transmit_rtcp(struct core *core, const struct sfu_transmit *command,
                          const uint8_t *bytes) {
    struct transport *transport = table_find(&core->transports, command->id);
    if (transport) transport_send_rtcp(core, transport, bytes, command->length);
}

/* The fixed part of a command; what it is too short for is refused. */
#define TAKE(type, name)                     \
    struct type name;                        \
    if (length < sizeof name) return false;  \
    memcpy(&name, body, sizeof name)

#define CLOSE(kind)                                                \
    do {                                                           \
        TAKE(sfu_close, command);                                  \
        struct kind *it = table_find(&core->kind##s, command.id);  \
        if (it) close_##kind(it, core);                            \
        return true;                                               \
    } while (0)

static bool apply_set_source(struct core *core, const uint8_t *body, size_t length) {
    TAKE(sfu_set_source, command);
    if (command.payload_count > SFU_PAYLOADS_MAX || command.rtx_count > SFU_PAYLOADS_MAX)
        return false;
    set_source(core, &command, body + sizeof command, length - sizeof command);
    return true;
}

static bool apply_set_sink(struct core *core, const uint8_t *body, size_t length) {
    TAKE(sfu_set_sink, command);
    if (command.payload_count > SFU_PAYLOADS_MAX || command.rtx_count > SFU_PAYLOADS_MAX ||
        command.mid_length > SFU_MID_MAX)
        return false;
    set_sink(core, &command);
    return true;
}

static bool apply_transmit(struct core *core, uint32_t kind, const uint8_t *body, size_t length) {
    TAKE(sfu_transmit, command);
    if (command.length > length - sizeof command) return false;
    if (kind == COMMAND_TRANSMIT)
        transmit(core, &command, body + sizeof command);
    else
        transmit_rtcp(core, &command, body + sizeof command);
    return true;
}

static bool apply_open(struct core *core, uint32_t kind, const uint8_t *body, size_t length) {
    if (kind == COMMAND_OPEN_SOCKET) {
        TAKE(sfu_open_socket, command);
        open_socket(core, &command);
        return true;
    }
    TAKE(sfu_open_transport, command);
    open_transport(core, &command);
    return true;
}

static bool apply_one(struct core *core, uint32_t kind, const uint8_t *body, size_t length) {
    switch (kind) {
    case COMMAND_OPEN_SOCKET:
    case COMMAND_OPEN_TRANSPORT:
        return apply_open(core, kind, body, length);
    case COMMAND_SET_KEYS: {
        TAKE(sfu_set_keys, command);
        set_keys(core, &command);
        return true;
    }
    case COMMAND_SET_SOURCE:
        return apply_set_source(core, body, length);
    case COMMAND_SET_SINK:
        return apply_set_sink(core, body, length);
    case COMMAND_SET_ROUTE: {
        TAKE(sfu_set_route, command);
        set_route(core, &command);
        return true;
    }
    case COMMAND_CLOSE_SOCKET:
        CLOSE(socket);
    case COMMAND_CLOSE_TRANSPORT:
        CLOSE(transport);
    case COMMAND_CLOSE_SOURCE:
        CLOSE(source);
    case COMMAND_CLOSE_SINK:
        CLOSE(sink);
    case COMMAND_SET_LINE: {
        TAKE(sfu_set_line, command);
        set_line(core, &command);
        return true;
    }
    case COMMAND_CLOSE_LINE:
        CLOSE(line);
    case COMMAND_SET_MARKS: {
        TAKE(sfu_set_marks, command);
        set_marks(core, &command);
        return true;
    }
    case COMMAND_PROBE: {
        TAKE(sfu_probe, command);
        struct line *line = table_find(&core->lines, command.line);
        if (line) pacer_start_probe(core, line, table_find(&core->sinks, command.sink), &command);
        return true;
    }
    case COMMAND_TRANSMIT:
    case COMMAND_TRANSMIT_RTCP:
        return apply_transmit(core, kind, body, length);
    default:
        return false;
    }
}

int core_apply(struct core *core, const uint8_t *commands, size_t length) {
    for (size_t at = 0; at < length;) {
        struct sfu_record record;
        if (length - at < sizeof record) return -1;
        memcpy(&record, commands + at, sizeof record);
        if (record.size < sizeof record || record.size > length - at) return -1;
        if (!apply_one(core, record.kind, commands + at + sizeof record,
                       record.size - sizeof record))
            return -1;
        at += record.size;
    }
    return 0;
}

struct core *core_new(uint64_t seed, struct batch *batch) {
    struct core *core = calloc(1, sizeof *core);
    if (!core) return NULL;
    core->seed = seed;
    core->batch = batch;
    core->deadline_us = INT64_MAX;
    return core;
}

void core_free(struct core *core) {
    TABLE_EACH(&core->transports, struct transport, transport) close_transport(transport, core);
    TABLE_EACH(&core->sockets, struct socket, socket) close_socket(socket, core);
    TABLE_EACH(&core->lines, struct line, line) close_line(line, core);
    free(core);
}

void core_timer(struct core *core) {
    if (core->now_us < core->deadline_us) return;
    core->deadline_us = INT64_MAX;
    TABLE_EACH(&core->sources, struct source, source) source_ask(core, source);
}
