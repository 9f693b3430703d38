/* Several cores, one a thread, that act as one: which transport lives where, and who hands what to
 * whom.  Called with all threads standing still, between two batches.
 *
 *   transport   where its line's others are; else by its group (a room); else beside those opened
 *               just before, for they often meet, until a core has 16 more than another.
 *               It stays there, with its sources and sinks
 *   line        on every core; what it counts is summed
 *   socket      where its first transport is; lent to other cores by an alias that only sends, while the
 *               addresses of transports there are marked `away` and what they send is handed over
 *   source      where its transport is; on a core that has sinks of it only, a ghost
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static struct core *core_of(const struct house *house, size_t table, uint32_t id) {
    for (int i = 0; i < house->count; i++) {
        struct core *core = house->cores[i];
        if (table_find((const struct table *)((const char *)core + table), id)) return core;
    }
    return NULL;
}
#define CORE_OF(house, what, id) core_of(house, offsetof(struct core, what), id)

/* ---- sockets */

static struct socket *owned(const struct house *house, uint32_t id, struct core **owner) {
    for (int i = 0; i < house->count; i++) {
        struct socket *socket = table_find(&house->cores[i]->sockets, id);
        if (!socket || socket->alias) continue;
        if (owner) *owner = house->cores[i];
        return socket;
    }
    return NULL;
}

/* Whether a transport stands on it anywhere. */
static bool in_use(const struct house *house, uint32_t id) {
    for (int i = 0; i < house->count; i++) {
        const struct socket *socket = table_find(&house->cores[i]->sockets, id);
        if (socket && socket->paths) return true;
    }
    return false;
}

static void drop_aliases(const struct house *house, uint32_t id) {
    struct socket *lent = owned(house, id, NULL);
    if (lent) lent->lent = false;
    for (int i = 0; i < house->count; i++) {
        struct core *core = house->cores[i];
        struct socket *socket = table_find(&core->sockets, id);
        if (!socket || !socket->alias) continue;
        batch_flush(core->batch);
        table_remove(&core->sockets, &socket->node);
        core->aliases--;
        free(socket);
    }
}

static void move_socket(const struct house *house, struct core *from, struct core *to,
                        struct socket *socket) {
    drop_aliases(house, socket->node.id);
    batch_flush(from->batch);
    if (from->leave_socket) from->leave_socket(from, socket);
    table_remove(&from->sockets, &socket->node);
    table_add(&to->sockets, &socket->node);
    if (to->join_socket) to->join_socket(to, socket);
}

static void add_alias(struct core *core, struct socket *socket) {
    struct socket *alias = calloc(1, sizeof *alias);
    if (!alias) return;
    alias->node.id = alias->row.socket = socket->node.id;
    alias->fd = socket->fd;
    alias->inet6 = socket->inet6;
    alias->internet = socket->internet;
    alias->alias = socket->lent = true;
    table_add(&core->sockets, &alias->node);
    core->aliases++;
}

static void bring_socket(const struct house *house, struct core *core, uint32_t id) {
    struct core *owner;
    struct socket *socket = owned(house, id, &owner);
    if (!socket || owner == core || (in_use(house, id) && table_find(&core->sockets, id))) return;
    if (in_use(house, id) && socket->stream) return; /* its lanes belong to one thread */
    if (in_use(house, id))
        add_alias(core, socket);
    else
        move_socket(house, owner, core, socket);
}

static void close_socket(const struct house *house, const uint8_t *body, size_t length) {
    struct core *owner;
    uint32_t id;
    if (length < sizeof id) return;
    memcpy(&id, body, sizeof id);
    struct socket *socket = owned(house, id, &owner);
    if (!socket || in_use(house, id)) return;
    drop_aliases(house, id);
    socket_close(socket, owner);
}

/* ---- addresses behind a socket of another core */

static void mirror(const struct house *house, struct core *core, struct path *path) {
    bool away = path->socket && path->socket->alias;
    if (path->mirror && (!away || path->mirror->socket->node.id != path->socket->node.id))
        path_unmirror(path);
    if (!away) return;
    struct core *owner;
    struct socket *socket = owned(house, path->socket->node.id, &owner);
    if (!socket) return;
    if (!path->mirror) {
        if (!(path->mirror = calloc(1, sizeof *path->mirror))) return;
        path->mirror->socket = socket;
        path->mirror->home = owner;
        path->mirror->away = (uint8_t)(core->index + 1);
    }
    if (!path->mirror->hashed || !address_equal(&path->mirror->remote, &path->remote))
        path_set(owner, path->mirror, &path->remote);
}

/* ---- transports */

#define TOGETHER 16 /* so many more than the emptiest core has */

static struct core *emptiest(const struct house *house) {
    struct core *best = house->cores[0];
    for (int i = 1; i < house->count; i++)
        if (house->cores[i]->transports.count < best->transports.count) best = house->cores[i];
    return best;
}

/* Who comes at about the same time often meets: on one thread nothing has to be handed over. */
static struct core *beside_the_last(const struct house *house) {
    int *placing = &house->cores[0]->placing;
    const struct core *least = emptiest(house);
    if (house->cores[*placing]->transports.count >= least->transports.count + TOGETHER)
        *placing = least->index;
    return house->cores[*placing];
}

static struct core *core_of_line(const struct house *house, uint32_t line) {
    for (int i = 0; line && i < house->count; i++)
        TABLE_EACH(&house->cores[i]->transports, struct transport, transport)
            if (transport->line && transport->line->node.id == line) return house->cores[i];
    return NULL;
}

static struct core *choose(const struct house *house, const struct sfu_open_transport *command) {
    struct core *core = CORE_OF(house, transports, command->transport), *owner;
    if (core) return core;
    struct socket *socket = owned(house, command->rtp_socket, &owner);
    bool fixed = command->latch == LATCH_FIXED && socket && !socket->stream;
    if (socket && !fixed && in_use(house, command->rtp_socket)) return owner;
    if ((core = core_of_line(house, command->line))) return core;
    if (command->group) return house->cores[(command->group - 1) % house->count];
    return beside_the_last(house);
}

static bool open_transport(const struct house *house, const uint8_t *body, size_t length) {
    struct sfu_open_transport command;
    if (length < sizeof command) return false;
    memcpy(&command, body, sizeof command);
    struct core *core = choose(house, &command);
    bring_socket(house, core, command.rtp_socket);
    bring_socket(house, core, command.rtcp_socket);
    transport_open(core, &command);
    struct transport *transport = table_find(&core->transports, command.transport);
    if (!transport) return true;
    mirror(house, core, &transport->rtp);
    if (!transport->mux) mirror(house, core, &transport->rtcp);
    return true;
}

/* ---- sources */

static struct source *real(const struct house *house, uint32_t id, struct core **owner) {
    for (int i = 0; i < house->count; i++) {
        struct source *source = table_find(&house->cores[i]->sources, id);
        if (!source || source->ghost) continue;
        if (owner) *owner = house->cores[i];
        return source;
    }
    return NULL;
}

static void close_ghosts(const struct house *house, const struct source *source) {
    for (int i = 0; i < house->count; i++) {
        struct source *ghost = table_find(&house->cores[i]->sources, source->node.id);
        if (ghost && ghost->ghost) source_close(ghost, house->cores[i]);
    }
}

static void copy_sets(const struct house *house, uint32_t id) {
    const struct source *source = real(house, id, NULL);
    for (int i = 0; source && source->others && i < house->count; i++) {
        struct source *ghost = table_find(&house->cores[i]->sources, id);
        if (!ghost || !ghost->ghost) continue;
        memcpy(ghost->sets, source->sets, sizeof ghost->sets);
        ghost->set_count = source->set_count;
    }
}

/* A route may lead from one core to another. */
static void bring_source(const struct house *house, struct core *core, uint32_t id) {
    struct core *owner;
    struct source *source = id ? real(house, id, &owner) : NULL;
    if (!source || owner == core || table_find(&core->sources, id)) return;
    struct source *ghost = calloc(1, sizeof *ghost);
    if (!ghost) return;
    ghost->node.id = id;
    ghost->ghost = true;
    ghost->asked.transport = source->asked.transport; /* whose it is */
    ghost->begun = source->begun;
    ghost->ssrc = source->ssrc;
    ghost->next_on_transport = core->ghosts;
    core->ghosts = ghost;
    core->ghost_count++;
    table_add(&core->sources, &ghost->node);
    source->others |= 1u << core->index;
    copy_sets(house, id);
    source_lend(ghost, source, owner->now_us);
}

/* A ghost without sinks costs a copy of each packet for nothing. */
static void sweep(const struct house *house) {
    for (int i = 0; i < house->count; i++) {
        struct core *core = house->cores[i];
        for (struct source *ghost = core->ghosts, *next; ghost; ghost = next) {
            next = ghost->next_on_transport;
            if (ghost->sink_count) continue;
            struct source *source = real(house, ghost->node.id, NULL);
            if (source) source->others &= ~(1u << i);
            source_close(ghost, core);
        }
    }
}

/* ---- lines */

static void count_behind(const struct core *core) {
    TABLE_EACH(&core->lines, struct line, line) line->behind = 0;
    TABLE_EACH(&core->transports, struct transport, transport)
        if (transport->line) transport->line->behind++;
}

static void share_line(const struct house *house, uint32_t id) {
    uint64_t all = 0;
    for (int i = 0; i < house->count; i++) {
        const struct line *line = table_find(&house->cores[i]->lines, id);
        if (line) all += line->behind;
    }
    for (int i = 0; i < house->count; i++) {
        struct line *line = table_find(&house->cores[i]->lines, id);
        if (!line) continue;
        line->rate_bps = line->asked.rate_bps;
        if (line->behind) line->rate_bps = (line->rate_bps * line->behind + all - 1) / all;
        pacer_bound_probe(line);
    }
}

/* All transports of a line stand on one core, but those that came behind it while they were open:
 * then each core paces its part, or together they would send a multiple of what the line bears. */
static void share_lines(const struct house *house) {
    for (int i = 0; i < house->count; i++) count_behind(house->cores[i]);
    TABLE_EACH(&house->cores[0]->lines, struct line, line) share_line(house, line->node.id);
}

static bool moves_lines(uint32_t kind) {
    return kind == COMMAND_SET_LINE || kind == COMMAND_OPEN_TRANSPORT ||
           kind == COMMAND_CLOSE_TRANSPORT;
}

/* ---- commands */

static void before_closing(const struct house *house, uint32_t kind, uint32_t id) {
    if (kind == COMMAND_CLOSE_SOURCE) {
        const struct source *source = real(house, id, NULL);
        if (source) close_ghosts(house, source);
        return;
    }
    struct core *core = CORE_OF(house, transports, id);
    struct transport *transport = core ? table_find(&core->transports, id) : NULL;
    for (struct source *it = transport ? transport->sources : NULL; it; it = it->next_on_transport)
        close_ghosts(house, it);
}

struct core *house_addressee(const struct house *house, uint32_t kind, const uint8_t *body) {
    uint32_t ids[2];
    struct core *owner = NULL;
    memcpy(ids, body, sizeof ids);
    switch (kind) {
    case COMMAND_SET_KEYS:
    case COMMAND_CLOSE_TRANSPORT:
    case COMMAND_TRANSMIT_RTCP:
        return CORE_OF(house, transports, ids[0]);
    case COMMAND_SET_SOURCE:
    case COMMAND_SET_SINK:
        return CORE_OF(house, transports, ids[1]);
    case COMMAND_SET_ROUTE:
    case COMMAND_CLOSE_SINK:
        return CORE_OF(house, sinks, ids[0]);
    case COMMAND_PROBE:
        return CORE_OF(house, sinks, ids[1]);
    case COMMAND_CLOSE_SOURCE:
        real(house, ids[0], &owner);
        return owner;
    case COMMAND_TRANSMIT:
        owned(house, ids[0], &owner);
        return owner;
    default:
        return NULL;
    }
}

static bool for_all(uint32_t kind) {
    return kind == COMMAND_SET_LINE || kind == COMMAND_CLOSE_LINE || kind == COMMAND_SET_MARKS ||
           kind > COMMAND_LAST;
}

struct core *house_transmitter(const struct house *house, struct core *owner, const uint8_t *body,
                               size_t length) {
    struct sfu_transmit command;
    if (length < sizeof command) return owner;
    memcpy(&command, body, sizeof command);
    struct socket *socket = table_find(&owner->sockets, command.id);
    struct path *path = socket ? path_find(owner, socket, &command.remote) : NULL;
    return path && path->away ? house->cores[path->away - 1] : owner;
}

static bool apply_one(const struct house *house, uint32_t kind, const uint8_t *body,
                      size_t length) {
    bool fine = true;
    if (house->count == 1) return core_apply_one(house->cores[0], kind, body, length);
    if (kind == COMMAND_OPEN_SOCKET) {
        uint32_t id;
        if (length >= sizeof id && (memcpy(&id, body, sizeof id), owned(house, id, NULL)))
            return true;
        return core_apply_one(house->cores[0], kind, body, length);
    }
    if (kind == COMMAND_OPEN_TRANSPORT) return open_transport(house, body, length);
    if (for_all(kind)) {
        for (int i = 0; i < house->count; i++)
            fine &= core_apply_one(house->cores[i], kind, body, length);
        return fine;
    }
    if (length < 2 * sizeof(uint32_t)) return false;
    if (kind == COMMAND_CLOSE_SOCKET) {
        close_socket(house, body, length);
        return true;
    }
    struct core *core = house_addressee(house, kind, body);
    if (!core) core = house->cores[0]; /* it does nothing there, or is refused */
    uint32_t ids[2];
    memcpy(ids, body, sizeof ids);
    if (kind == COMMAND_CLOSE_SOURCE || kind == COMMAND_CLOSE_TRANSPORT)
        before_closing(house, kind, ids[0]);
    if (kind == COMMAND_SET_ROUTE) bring_source(house, core, ids[1]);
    if (kind == COMMAND_TRANSMIT) core = house_transmitter(house, core, body, length);
    fine = core_apply_one(core, kind, body, length);
    if (kind == COMMAND_SET_SOURCE) copy_sets(house, ids[0]);
    return fine;
}

struct turn {
    const struct house *house;
    bool lines; /* somebody came behind a line, or left it */
};

static bool take_one(void *context, uint32_t kind, const uint8_t *body, size_t length) {
    struct turn *turn = context;
    turn->lines |= moves_lines(kind);
    return apply_one(turn->house, kind, body, length);
}

int house_apply(const struct house *house, const uint8_t *commands, size_t length) {
    struct turn turn = {.house = house};
    for (int i = 0; i < house->count; i++) house->cores[i]->served_count = 0;
    int result = commands_each(commands, length, take_one, &turn);
    if (house->count > 1 && turn.lines) share_lines(house);
    if (house->count > 1) sweep(house);
    return result;
}

int house_served(const struct house *house, uint32_t *sinks, int cap) {
    int found = 0;
    for (int i = 0; i < house->count; i++)
        for (int k = 0; k < house->cores[i]->served_count && found < cap; k++)
            sinks[found++] = house->cores[i]->served[k];
    return found;
}

void house_free(struct house *house) {
    for (int i = 0; i < house->count; i++) { /* what leads from one to another goes first */
        struct core *core = house->cores[i];
        TABLE_EACH(&core->transports, struct transport, transport) {
            for (struct source *it = transport->sources; it; it = it->next_on_transport)
                close_ghosts(house, it);
            transport_close(transport, core);
        }
    }
    for (int i = 0; i < house->count; i++) {
        TABLE_EACH(&house->cores[i]->sockets, struct socket, socket)
            if (!socket->alias) drop_aliases(house, socket->node.id);
    }
    for (int i = 0; i < house->count; i++) core_free(house->cores[i]);
    house->count = 0;
}
