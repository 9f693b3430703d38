/* Paths by the address behind them. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

bool host_equal(const struct sfu_address *one, const struct sfu_address *other) {
    size_t size = one->family == 4 ? 4 : 16;
    return one->family && one->family == other->family && memcmp(one->host, other->host, size) == 0;
}

bool address_equal(const struct sfu_address *one, const struct sfu_address *other) {
    return host_equal(one, other) && one->port == other->port;
}

/* FNV-1a over what address_equal compares. */
static struct path **slot(struct core *core, const struct socket *socket,
                          const struct sfu_address *remote) {
    uint32_t hash = 2166136261u ^ socket->node.id;
    size_t size = remote->family == 4 ? 4 : 16;
    for (size_t i = 0; i < size; i++) hash = (hash ^ remote->host[i]) * 16777619u;
    hash = (hash ^ remote->port) * 16777619u;
    return &core->paths[(hash ^ hash >> 15) % PATH_SLOTS];
}

struct path *path_find(struct core *core, struct socket *socket, const struct sfu_address *remote) {
    struct path *path = *slot(core, socket, remote);
    while (path && !(path->socket == socket && address_equal(&path->remote, remote)))
        path = path->same_hash;
    return path;
}

void path_unhash(struct core *core, struct path *path) {
    if (!path->hashed) return;
    struct path **at = slot(core, path->socket, &path->remote);
    while (*at != path) at = &(*at)->same_hash;
    *at = path->same_hash;
    path->hashed = false;
}

void path_unmirror(struct path *path) {
    if (!path->mirror) return;
    path_unhash(path->mirror->home, path->mirror);
    free(path->mirror);
    path->mirror = NULL;
}

void path_set(struct core *core, struct path *path, const struct sfu_address *remote) {
    path_unhash(core, path);
    path->remote = *remote;
    if (remote->family == 0) return;
    struct path **at = slot(core, path->socket, remote);
    path->same_hash = *at; /* the newest claim to an address comes first */
    *at = path;
    path->hashed = true;
}
