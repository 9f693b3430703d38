/* What an access line carries: every datagram of its transports, headers and cells counted.
 *
 *   plain  L = n + c      efm  L = (n + c) * 65 / 64      atm  L = 53 * ceil((n + c) / 48)
 *
 * The model of the line is one number: when it will have carried all that was sent (docs/line.md).
 * src/sfu/media/allocation/encapsulation.py and media/engine/pacer.py reckon the same.
 */
#include <stdlib.h>

#include "commands.h"

#define MICRO 1000000

uint32_t wrapped_bytes(int framing, uint32_t overhead_bytes, size_t ip_bytes) {
    uint32_t size = (uint32_t)ip_bytes + overhead_bytes;
    switch (framing) {
    case FRAMING_EFM:
        return (uint32_t)(((uint64_t)size * 65 + 63) / 64);
    case FRAMING_ATM:
        return 53 * ((size + 47) / 48);
    default:
        return size;
    }
}

uint32_t line_bytes(const struct line *line, size_t ip_bytes) {
    return wrapped_bytes(line->asked.framing, line->asked.overhead_bytes, ip_bytes);
}

static uint32_t datagram_bytes(const struct line *line, const struct sfu_address *remote,
                               size_t size) {
    return line_bytes(line, size + (remote->family == 6 ? IPV6_UDP_BYTES : IPV4_UDP_BYTES));
}

static int64_t time_us(uint64_t bytes, uint64_t rate_bps) {
    return (int64_t)((bytes * 8 * MICRO + rate_bps - 1) / rate_bps);
}

uint64_t line_rate(const struct line *line, int64_t now_us) {
    bool probing = line->probe.sink && now_us < line->probe.until_us;
    return probing && line->probe.rate_bps > line->rate_bps ? line->probe.rate_bps
                                                            : line->rate_bps;
}

/* Speech is never held back, so it may be more than the pace: what it owes is forgotten beyond
 * this, or pictures would wait for minutes after the pace has risen. */
#define OWED_MAX_US 250000

static int64_t carried_at(int64_t free_at_us, int64_t now_us, uint64_t bytes, uint64_t rate_bps,
                          bool late) {
    int64_t took_us = time_us(bytes, rate_bps);
    int64_t earliest_us = late ? now_us - took_us : now_us;
    if (free_at_us > now_us + OWED_MAX_US) free_at_us = now_us + OWED_MAX_US;
    return (free_at_us > earliest_us ? free_at_us : earliest_us) + took_us;
}

/* A line with nothing to send earns no credit; where something waited, a late wake-up does not
 * cost its time, up to one packet. */
static void charge(struct line *line, uint32_t bytes, int64_t now_us) {
    if (line->rate_bps == 0) return;
    line->free_at_us =
        carried_at(line->free_at_us, now_us, bytes, line_rate(line, now_us), line->count > 0);
    if (line->probe.sink)
        line->probe.free_at_us =
            carried_at(line->probe.free_at_us, now_us, bytes, line->probe.rate_bps, true);
}

void line_sent(struct core *core, struct line *line, const struct sfu_address *remote, size_t size,
               enum purpose purpose) {
    uint32_t bytes = datagram_bytes(line, remote, size);
    line->row.sent_bytes += bytes;
    if (purpose == FOR_SOUND) line->row.sound_bytes += bytes;
    if (line->probe.sending) line->row.probe_bytes += bytes;
    charge(line, bytes, core->now_us);
}

void line_received(struct line *line, const struct sfu_address *remote, size_t size) {
    line->row.received_bytes += datagram_bytes(line, remote, size);
}

enum purpose sink_purpose(const struct sink *sink) {
    if (sink->asked.kind == KIND_AUDIO) return FOR_SOUND;
    if (sink->asked.kind != KIND_VIDEO) return FOR_OTHER;
    return sink->asked.picture_class == CLASS_SLIDES ? FOR_SLIDES : FOR_PICTURE;
}

void path_send(struct core *core, struct path *path, uint8_t *wire, size_t size,
               int64_t received_us, enum purpose purpose) {
    struct line *line = path->transport->line;
    batch_commit(core->batch, path, wire, size, received_us, core->marks[purpose]);
    if (line) line_sent(core, line, &path->remote, size, purpose);
}

/* What a line is told to be. */

void line_set(struct core *core, const struct sfu_set_line *command) {
    struct line *line = table_find(&core->lines, command->line);
    if (!line) {
        if (!(line = calloc(1, sizeof *line))) return;
        line->node.id = line->row.line = command->line;
        table_add(&core->lines, &line->node);
    }
    line->asked = *command;
    line->rate_bps = command->rate_bps; /* a house shares it out among its cores */
    pacer_bound_probe(line);
}

void line_close(struct line *line, struct core *core) {
    TABLE_EACH(&core->transports, struct transport, transport)
        if (transport->line == line) pacer_change(core, transport, NULL);
    struct line **at = &core->busy;
    while (*at && *at != line) at = &(*at)->next_busy;
    if (*at) *at = line->next_busy;
    table_remove(&core->lines, &line->node);
    free(line);
}
