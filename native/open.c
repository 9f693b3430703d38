/* Sockets, transports and their keys: opened and closed as commands say. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"

void socket_open(struct core *core, const struct sfu_open_socket *command) {
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
    path_unmirror(path);
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

void transport_open(struct core *core, const struct sfu_open_transport *command) {
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

void transport_set_keys(struct core *core, const struct sfu_set_keys *command) {
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

void transport_close(struct transport *transport, struct core *core) {
    batch_flush(core->batch);
    while (transport->sinks) sink_close(transport->sinks, core);
    while (transport->sources) source_close(transport->sources, core);
    unlink_path(core, &transport->rtp);
    unlink_path(core, &transport->rtcp);
    forget_keys(&transport->receiving);
    forget_keys(&transport->sending);
    forget_rtcp_keys(transport);
    table_remove(&core->transports, &transport->node);
    early_free(transport);
    free(transport->spent);
    free(transport);
}

void socket_close(struct socket *socket, struct core *core) {
    if (socket->paths) return; /* its transports go first */
    batch_flush(core->batch);
    table_remove(&core->sockets, &socket->node);
    if (core->close_socket) core->close_socket(core, socket);
    free(socket);
}
