/* Commands out of their bytes: what is too short, or unknown, is refused with all behind it. */
#include <string.h>

#include "commands.h"

static void set_marks(struct core *core, const struct sfu_set_marks *command) {
    core->marks[FOR_SOUND] = command->sound & 63;
    core->marks[FOR_PICTURE] = command->picture & 63;
    core->marks[FOR_SLIDES] = command->slides & 63;
    core->marks[FOR_OTHER] = command->other & 63;
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
        if (it) kind##_close(it, core);                            \
        return true;                                               \
    } while (0)

static bool apply_set_source(struct core *core, const uint8_t *body, size_t length) {
    TAKE(sfu_set_source, command);
    if (command.payload_count > SFU_PAYLOADS_MAX || command.rtx_count > SFU_PAYLOADS_MAX)
        return false;
    source_set(core, &command, body + sizeof command, length - sizeof command);
    return true;
}

static bool apply_set_sink(struct core *core, const uint8_t *body, size_t length) {
    TAKE(sfu_set_sink, command);
    if (command.payload_count > SFU_PAYLOADS_MAX || command.rtx_count > SFU_PAYLOADS_MAX ||
        command.mid_length > SFU_MID_MAX)
        return false;
    sink_set(core, &command);
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
        socket_open(core, &command);
        return true;
    }
    TAKE(sfu_open_transport, command);
    transport_open(core, &command);
    return true;
}

bool core_apply_one(struct core *core, uint32_t kind, const uint8_t *body, size_t length) {
    switch (kind) {
    case COMMAND_OPEN_SOCKET:
    case COMMAND_OPEN_TRANSPORT:
        return apply_open(core, kind, body, length);
    case COMMAND_SET_KEYS: {
        TAKE(sfu_set_keys, command);
        transport_set_keys(core, &command);
        return true;
    }
    case COMMAND_SET_SOURCE:
        return apply_set_source(core, body, length);
    case COMMAND_SET_SINK:
        return apply_set_sink(core, body, length);
    case COMMAND_SET_ROUTE: {
        TAKE(sfu_set_route, command);
        sink_route(core, &command);
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
        line_set(core, &command);
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

int commands_each(const uint8_t *commands, size_t length, take_command *take, void *context) {
    for (size_t at = 0; at < length;) {
        struct sfu_record record;
        if (length - at < sizeof record) return -1;
        memcpy(&record, commands + at, sizeof record);
        if (record.size < sizeof record || record.size > length - at) return -1;
        if (!take(context, record.kind, commands + at + sizeof record,
                  record.size - sizeof record))
            return -1;
        at += record.size;
    }
    return 0;
}

static bool take_one(void *context, uint32_t kind, const uint8_t *body, size_t length) {
    return core_apply_one(context, kind, body, length);
}

int core_apply(struct core *core, const uint8_t *commands, size_t length) {
    return commands_each(commands, length, take_one, core);
}
