/* The pacer of each line: pictures wait, sound never does; media/engine/pacer.py says why and how.
 *
 *   pictures, repairs --> a queue for each sink, by class --(the line is idle)--> sink_deliver
 *       a repair first, never two in a row; slides > main > thumbnail; sinks of a class by turns
 *
 * What waits is the packet as it came from its source (docs/decisions/0009): numbers, history and
 * stamps are made when it leaves, so what is dropped leaves no hole.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define KEY_PATIENCE 3 /* times as long: to drop a key frame only asks for the next one */
#define PROBE_US_MAX 500000

static const int64_t patience_us[CLASS_COUNT] = {1500000, 1000000, 400000, 250000};

struct held {
    uint32_t waiting; /* for so many sinks */
    struct passing passing;
    struct packet packet;
    uint8_t payload[];
};

/* Blocks let go are taken again: nothing is allocated while packets flow. */
#define POOL_MAX 2048

static void *pool_take(struct pool *pool, size_t size) {
    void **block = pool->first;
    if (!block) return malloc(size);
    pool->first = *block;
    pool->count--;
    return block;
}

static void pool_give(struct pool *pool, void *block) {
    if (pool->count == POOL_MAX) {
        free(block);
        return;
    }
    *(void **)block = pool->first;
    pool->first = block;
    pool->count++;
}

void pool_free(struct pool *pool) {
    while (pool->count) free(pool_take(pool, 0));
}

#define HELD_BYTES (sizeof(struct held) + PACKET_CAP)

static struct held *hold(struct core *core, const struct passing *passing) {
    const struct packet *packet = passing->packet;
    if (packet->length > PACKET_CAP) return NULL;
    struct held *held = pool_take(&core->held, HELD_BYTES);
    if (!held) return NULL;
    held->waiting = 0;
    held->packet = (struct packet){.marker = packet->marker, .payload_type = packet->payload_type,
                                   .timestamp = packet->timestamp, .payload = held->payload,
                                   .length = packet->length};
    memcpy(held->payload, packet->payload, packet->length);
    held->passing = *passing;
    held->passing.packet = &held->packet;
    held->passing.waited = true;
    return held;
}

static struct waiting *new_waiting(struct core *core) {
    struct waiting *waiting = pool_take(&core->waiting, sizeof *waiting);
    if (waiting) memset(waiting, 0, sizeof *waiting);
    return waiting;
}

static void let_go(struct core *core, struct waiting *waiting) {
    if (waiting->held && --waiting->held->waiting == 0) pool_give(&core->held, waiting->held);
    pool_give(&core->waiting, waiting);
}

static void add_turn(struct turns *turns, struct queue *queue) {
    queue->next = NULL;
    if (turns->last)
        turns->last->next = queue;
    else
        turns->first = queue;
    turns->last = queue;
}

static void remove_turn(struct turns *turns, struct queue *queue) {
    struct queue *before = NULL, *at = turns->first;
    for (; at != queue; at = at->next) before = at;
    if (before)
        before->next = queue->next;
    else
        turns->first = queue->next;
    if (turns->last == queue) turns->last = before;
}

/* Out of its queue, still counted as waiting. */
static struct waiting *unlink_first(struct queue *queue) {
    struct waiting *waiting = queue->first;
    queue->first = waiting->next;
    if (!queue->first) queue->last = NULL;
    queue->count--;
    queue->bytes -= waiting->line_bytes;
    return waiting;
}

static void uncount(struct line *line, const struct waiting *waiting) {
    line->count--;
    line->row.waiting_bytes -= waiting->line_bytes;
}

static void make_busy(struct core *core, struct line *line) {
    if (line->busy) return;
    line->busy = true;
    line->next_busy = core->busy;
    core->busy = line;
}

static void enqueue(struct core *core, struct line *line, struct queue *queue,
                    struct waiting *waiting) {
    if (queue->last)
        queue->last->next = waiting;
    else
        queue->first = waiting;
    queue->last = waiting;
    if (queue->count++ == 0) add_turn(&line->classes[queue->class], queue);
    queue->bytes += waiting->line_bytes;
    line->row.waiting_bytes += waiting->line_bytes;
    if (++line->count > WAITING_MAX) core->overfull = true;
    make_busy(core, line);
}

/* What a payload will be on the line; the sink's header and cipher are yet to come. */
static uint32_t reckon(const struct line *line, const struct sink *sink, size_t length) {
    const uint8_t *ids = sink->transport->extensions;
    size_t extensions = 0;
    if (ids[EXT_MID] && sink->asked.mid_length) extensions += sink->asked.mid_length + 1u;
    if (ids[EXT_ABS_SEND_TIME]) extensions += 4;
    if (ids[EXT_TRANSPORT_CC]) extensions += 3;
    if (extensions) extensions = 4 + (extensions + 3) / 4 * 4;
    size_t cipher = sink->transport->secure ? 10 : 0;
    size_t ip = sink->transport->rtp.remote.family == 6 ? 48 : 28;
    return line_bytes(line, ip + 12 + extensions + length + cipher);
}

bool pacer_holds(const struct core *core, const struct sink *sink) {
    const struct line *line = sink->transport->line;
    if (line->rate_bps == 0 || sink->asked.kind != KIND_VIDEO) return false;
    return line->count > 0 || line->free_at_us > core->now_us;
}

void pacer_put(struct core *core, struct sink *sink, const struct passing *passing,
               struct held **held) {
    struct line *line = sink->transport->line;
    struct waiting *waiting = new_waiting(core);
    if (waiting && !*held) *held = hold(core, passing);
    if (!waiting || !*held) {
        if (waiting) pool_give(&core->waiting, waiting);
        return; /* a hole, as if it had been lost before us */
    }
    (*held)->waiting++;
    waiting->held = *held;
    waiting->key = sink->has_key && sink->key_timestamp == passing->packet->timestamp;
    if (!passing->skip) waiting->line_bytes = reckon(line, sink, passing->packet->length);
    waiting->since_us = core->now_us;
    enqueue(core, line, &sink->pictures, waiting);
}

void pacer_put_repair(struct core *core, struct sink *sink, uint16_t sequence) {
    struct again again;
    struct waiting *at = sink->repairs.first;
    while (at && at->sequence != sequence) at = at->next;
    if (at || !sink_recall(sink, sequence, &again)) return; /* asked for again while it waits, or gone */
    struct waiting *waiting = new_waiting(core);
    if (!waiting) return;
    waiting->sequence = sequence;
    waiting->line_bytes = reckon(sink->transport->line, sink, again.length);
    waiting->since_us = core->now_us;
    enqueue(core, sink->transport->line, &sink->repairs, waiting);
    if (core->overfull) pacer_trim(core);
}

static uint32_t empty(struct core *core, struct line *line, struct queue *queue) {
    uint32_t packets = queue->count;
    if (packets == 0) return 0;
    remove_turn(&line->classes[queue->class], queue);
    while (queue->count) {
        struct waiting *waiting = unlink_first(queue);
        uncount(line, waiting);
        let_go(core, waiting);
    }
    return packets;
}

void pacer_forget(struct core *core, struct line *line, struct queue *queue) {
    empty(core, line, queue);
}

/* The sink's pictures were too old or too many: half a picture helps nobody. */
static void drop(struct core *core, struct line *line, struct queue *queue) {
    struct sink *sink = queue->sink;
    uint32_t packets = empty(core, line, queue);
    line->row.dropped_packets += packets;
    if (queue->class == CLASS_REPAIR) return;
    if (sink->pending)
        source_unlink(sink->source, sink);
    else
        sink->pending = sink->source;
    sink->source = NULL;
    sink->rebase = true;
    struct sfu_sink_starved event = {sink->node.id, packets, core->now_us};
    ring_put(&core->ring, EVENT_SINK_STARVED, &event, sizeof event, NULL, 0);
}

static void drop_stalest(struct core *core, struct line *line) {
    int class = CLASS_COUNT - 1;
    while (!line->classes[class].first) class--;
    struct queue *stalest = line->classes[class].first;
    for (struct queue *at = stalest; at; at = at->next)
        if (at->first->since_us < stalest->first->since_us) stalest = at;
    drop(core, line, stalest);
}

void pacer_trim(struct core *core) {
    core->overfull = false;
    for (struct line *line = core->busy; line; line = line->next_busy)
        while (line->count > WAITING_MAX) drop_stalest(core, line);
}

static bool too_old(const struct core *core, const struct queue *queue) {
    int64_t patience = patience_us[queue->class] * (queue->first->key ? KEY_PATIENCE : 1);
    return core->now_us - queue->first->since_us > patience;
}

/* A repair that comes too late to be played is not sent, and nobody asks for a key frame. */
static void expire_repairs(struct core *core, struct line *line, struct queue *queue) {
    while (queue->count && too_old(core, queue)) {
        if (queue->count == 1) {
            drop(core, line, queue);
            return;
        }
        struct waiting *waiting = unlink_first(queue);
        uncount(line, waiting);
        let_go(core, waiting);
        line->row.dropped_packets++;
    }
}

static void expire(struct core *core, struct line *line) {
    for (int class = 0; class < CLASS_COUNT; class++)
        for (struct queue *at = line->classes[class].first, *next; at; at = next) {
            next = at->next;
            if (class == CLASS_REPAIR)
                expire_repairs(core, line, at);
            else if (too_old(core, at))
                drop(core, line, at);
        }
}

static struct queue *whose_turn(struct line *line) {
    struct queue *repair = line->classes[CLASS_REPAIR].first, *other = NULL;
    for (int class = 0; class < CLASS_REPAIR && !other; class++) other = line->classes[class].first;
    line->repaired = repair && (!line->repaired || !other);
    return line->repaired ? repair : other;
}

static void depart(struct core *core, struct line *line) {
    struct queue *queue = whose_turn(line);
    struct turns *turns = &line->classes[queue->class];
    struct waiting *waiting = unlink_first(queue);
    turns->first = queue->next;
    if (!turns->first) turns->last = NULL;
    if (queue->count) add_turn(turns, queue);
    int64_t waited_us = core->now_us - waiting->since_us;
    if (waited_us > line->row.worst_wait_us) line->row.worst_wait_us = waited_us;
    if (waiting->held)
        sink_deliver(core, queue->sink, &waiting->held->passing);
    else
        sink_resend(core, queue->sink, waiting->sequence);
    uncount(line, waiting);
    let_go(core, waiting);
}

static void fill(struct core *core, struct line *line) {
    struct probe *probe = &line->probe;
    if (probe->sink && core->now_us >= probe->until_us) probe->sink = NULL;
    while (probe->sink && line->count == 0 && line->free_at_us <= core->now_us &&
           probe->free_at_us <= core->now_us) {
        probe->sending = true;
        bool sent = sink_fill(core, probe->sink);
        probe->sending = false;
        if (!sent) probe->sink = NULL;
    }
}

void core_release(struct core *core) {
    for (struct line **at = &core->busy; *at;) {
        struct line *line = *at;
        expire(core, line);
        while (line->count && (!line->rate_bps || line->free_at_us <= core->now_us))
            depart(core, line);
        fill(core, line);
        if (line->count || line->probe.sink) {
            at = &line->next_busy;
        } else {
            line->busy = false;
            *at = line->next_busy;
        }
    }
}

int64_t core_deadline(const struct core *core) {
    int64_t deadline_us = core->deadline_us;
    for (const struct line *line = core->busy; line; line = line->next_busy) {
        int64_t next_us = line->free_at_us;
        if (line->count == 0 && !line->probe.sink) continue;
        if (line->rate_bps == 0) next_us = 0;
        if (line->count == 0 && line->probe.free_at_us > next_us) next_us = line->probe.free_at_us;
        if (next_us < deadline_us) deadline_us = next_us;
    }
    return deadline_us;
}

void pacer_move(struct sink *sink, uint8_t class) {
    struct queue *queue = &sink->pictures;
    if (class >= CLASS_REPAIR) class = CLASS_MAIN;
    if (queue->count && queue->class != class) {
        struct line *line = sink->transport->line;
        remove_turn(&line->classes[queue->class], queue);
        add_turn(&line->classes[class], queue);
    }
    queue->class = class;
}

static uint64_t most_bps(const struct line *line) { return line->rate_bps * 5 / 4; }

/* A probe under way keeps to a new pace too; without a pace nothing would ever hold it back. */
void pacer_bound_probe(struct line *line) {
    struct probe *probe = &line->probe;
    if (probe->rate_bps > most_bps(line)) probe->rate_bps = most_bps(line);
    if (!probe->rate_bps) probe->sink = NULL;
}

void pacer_start_probe(struct core *core, struct line *line, struct sink *sink,
                       const struct sfu_probe *asked) {
    uint64_t most = most_bps(line);
    int64_t duration_us = asked->duration_us < PROBE_US_MAX ? asked->duration_us : PROBE_US_MAX;
    line->probe.sink = NULL;
    if (!asked->rate_bps || !most || !sink || sink->transport->line != line) return;
    line->probe = (struct probe){
        .sink = sink,
        .rate_bps = asked->rate_bps < most ? asked->rate_bps : most,
        .until_us = core->now_us + duration_us,
        .free_at_us = core->now_us,
    };
    make_busy(core, line);
}

/* At once, by whoever carries the transport now. */
static void drain(struct core *core, struct queue *queue) {
    while (queue->count) {
        struct waiting *waiting = unlink_first(queue);
        if (waiting->held)
            sink_deliver(core, queue->sink, &waiting->held->passing);
        else
            sink_resend(core, queue->sink, waiting->sequence);
        let_go(core, waiting);
    }
}

static void change(struct core *core, struct line *before, struct line *line,
                   struct queue *queue) {
    if (queue->count == 0) return;
    remove_turn(&before->classes[queue->class], queue);
    before->count -= queue->count;
    before->row.waiting_bytes -= queue->bytes;
    if (!line) {
        drain(core, queue);
        return;
    }
    if (line->count == 0 && line->free_at_us < core->now_us) line->free_at_us = core->now_us;
    add_turn(&line->classes[queue->class], queue);
    line->count += queue->count;
    line->row.waiting_bytes += queue->bytes;
    make_busy(core, line);
    if (line->count > WAITING_MAX) core->overfull = true;
}

void pacer_change(struct core *core, struct transport *transport, struct line *line) {
    struct line *before = transport->line;
    transport->line = line;
    if (!before || before == line) return;
    if (before->probe.sink && before->probe.sink->transport == transport)
        before->probe.sink = NULL;
    for (struct sink *sink = transport->sinks; sink; sink = sink->next_on_transport) {
        change(core, before, line, &sink->pictures);
        change(core, before, line, &sink->repairs);
    }
    if (core->overfull) pacer_trim(core);
}
