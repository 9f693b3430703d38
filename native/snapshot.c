/* The numbers of one instant, copied between two batches; see engine.h for the layout. */
#include <string.h>

#include "core.h"

static uint32_t log_rows(const struct log *log) {
    return log->count < LOG_ROWS ? log->count : LOG_ROWS;
}

static uint8_t *put(uint8_t *at, const void *row, size_t size) {
    memcpy(at, row, size);
    return at + size;
}

static uint8_t *put_source(uint8_t *at, struct source *source) {
    struct sfu_source_row *row = &source->row;
    row->transport = source->transport->node.id;
    row->ssrc = source->begun ? source->ssrc : 0;
    row->lost = source_lost(source);
    row->highest_sequence = source->begun ? source->cycles + source->highest : 0;
    row->jitter = source->jitter >> 4;
    at = put(at, row, sizeof *row);
    row->level_dbov = 127;
    return at;
}

static uint8_t *put_sink(uint8_t *at, struct sink *sink) {
    struct sfu_sink_row *row = &sink->row;
    row->transport = sink->transport->node.id;
    row->source = sink->source ? sink->source->node.id : 0;
    row->waiting = sink->pending != NULL;
    row->ssrc = sink->asked.ssrc;
    row->last_timestamp = sink->last_timestamp;
    row->timestamp_offset = sink->timestamp_offset;
    return put(at, row, sizeof *row);
}

static uint8_t *put_log(uint8_t *at, struct log *log) {
    uint32_t rows = log_rows(log);
    for (uint32_t i = log->count - rows; i != log->count; i++)
        at = put(at, &log->rows[i % LOG_ROWS], sizeof *log->rows);
    log->count = 0;
    return at;
}

/* What an alias has counted is its socket's. */
static uint8_t *put_socket(uint8_t *at, const struct house *house, const struct socket *socket) {
    struct sfu_socket_row row = socket->row;
    for (int i = 0; i < house->count; i++) {
        const struct socket *alias = table_find(&house->cores[i]->sockets, socket->node.id);
        if (!alias || !alias->alias) continue;
        row.received_packets += alias->row.received_packets;
        row.received_bytes += alias->row.received_bytes;
        row.sent_packets += alias->row.sent_packets;
        row.sent_bytes += alias->row.sent_bytes;
        row.unknown_packets += alias->row.unknown_packets;
        row.send_errors += alias->row.send_errors;
        row.gso_packets += alias->row.gso_packets;
    }
    return put(at, &row, sizeof row);
}

/* A line is on every core. */
static uint8_t *put_line(uint8_t *at, const struct house *house, uint32_t id) {
    struct sfu_line_row sum = {.line = id};
    for (int i = 0; i < house->count; i++) {
        struct line *line = table_find(&house->cores[i]->lines, id);
        if (!line) continue;
        sum.sent_bytes += line->row.sent_bytes;
        sum.sound_bytes += line->row.sound_bytes;
        sum.received_bytes += line->row.received_bytes;
        sum.waiting_packets += line->count;
        sum.waiting_bytes += line->row.waiting_bytes;
        sum.dropped_packets += line->row.dropped_packets;
        sum.probe_bytes += line->row.probe_bytes;
        if (line->row.worst_wait_us > sum.worst_wait_us) sum.worst_wait_us = line->row.worst_wait_us;
        line->row.worst_wait_us = 0;
    }
    return put(at, &sum, sizeof sum);
}

static void count(const struct house *house, struct sfu_snapshot_head *head) {
    head->sockets = head->transports = head->sources = head->sinks = 0;
    head->arrivals = head->departures = 0;
    head->events_lost = head->handed_lost = 0;
    head->threads = (uint32_t)house->count;
    head->lines = house->cores[0]->lines.count;
    for (int i = 0; i < house->count; i++) {
        const struct core *core = house->cores[i];
        head->sockets += core->sockets.count - core->aliases;
        head->transports += core->transports.count;
        head->sources += core->sources.count - core->ghost_count;
        head->sinks += core->sinks.count;
        head->arrivals += log_rows(&core->arrivals);
        head->departures += log_rows(&core->departures);
        head->events_lost += core->ring.lost;
        head->handed_lost += core->hand_lost;
    }
}

size_t house_snapshot_size(const struct house *house) {
    struct sfu_snapshot_head head;
    count(house, &head);
    return sizeof head + head.sockets * sizeof(struct sfu_socket_row) +
           head.transports * sizeof(struct sfu_transport_row) +
           head.sources * sizeof(struct sfu_source_row) +
           head.sinks * sizeof(struct sfu_sink_row) + head.lines * sizeof(struct sfu_line_row) +
           (head.arrivals + head.departures) * sizeof(struct sfu_log_row);
}

#define EACH_CORE(house, core)                                                  \
    for (int core_ = 0; core_ < (house)->count; core_++)                        \
        for (struct core *core = (house)->cores[core_]; core; core = NULL)

void house_snapshot(const struct house *house, struct sfu_snapshot_head *head, uint8_t *rows) {
    count(house, head);
    EACH_CORE(house, core)
        TABLE_EACH(&core->sockets, struct socket, it)
            if (!it->alias) rows = put_socket(rows, house, it);
    EACH_CORE(house, core)
        TABLE_EACH(&core->transports, struct transport, it)
            rows = put(rows, &it->row, sizeof it->row);
    EACH_CORE(house, core)
        TABLE_EACH(&core->sources, struct source, it)
            if (!it->ghost) rows = put_source(rows, it);
    EACH_CORE(house, core)
        TABLE_EACH(&core->sinks, struct sink, it) rows = put_sink(rows, it);
    TABLE_EACH(&house->cores[0]->lines, struct line, it) rows = put_line(rows, house, it->node.id);
    EACH_CORE(house, core) rows = put_log(rows, &core->arrivals);
    EACH_CORE(house, core) rows = put_log(rows, &core->departures);
}
