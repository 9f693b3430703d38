/* One engine's state: begun, ended, and what is due by the clock. */
#include <stdlib.h>

#include "commands.h"

struct core *core_new(uint64_t seed, struct batch *batch) {
    struct core *core = calloc(1, sizeof *core);
    if (!core) return NULL;
    core->seed = seed;
    core->batch = batch;
    core->deadline_us = INT64_MAX;
    return core;
}

void core_free(struct core *core) {
    TABLE_EACH(&core->transports, struct transport, transport) transport_close(transport, core);
    TABLE_EACH(&core->sockets, struct socket, socket) socket_close(socket, core);
    TABLE_EACH(&core->lines, struct line, line) line_close(line, core);
    pool_free(&core->held);
    pool_free(&core->waiting);
    free(core);
}

void core_timer(struct core *core) {
    if (core->now_us < core->deadline_us) return;
    core->deadline_us = INT64_MAX;
    TABLE_EACH(&core->sources, struct source, source) source_ask(core, source);
}
