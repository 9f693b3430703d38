/* The numbers of one instant, copied between two batches; see engine.h for the layout. */
#include <string.h>

#include "core.h"

static uint32_t log_rows(const struct log *log) {
    return log->count < LOG_ROWS ? log->count : LOG_ROWS;
}

size_t core_snapshot_size(const struct core *core) {
    return sizeof(struct sfu_snapshot_head) + core->sockets.count * sizeof(struct sfu_socket_row) +
           core->transports.count * sizeof(struct sfu_transport_row) +
           core->sources.count * sizeof(struct sfu_source_row) +
           core->sinks.count * sizeof(struct sfu_sink_row) +
           core->lines.count * sizeof(struct sfu_line_row) +
           (log_rows(&core->arrivals) + log_rows(&core->departures)) * sizeof(struct sfu_log_row);
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

static uint8_t *put_line(uint8_t *at, struct line *line) {
    line->row.waiting_packets = line->count;
    at = put(at, &line->row, sizeof line->row);
    line->row.worst_wait_us = 0;
    return at;
}

static uint8_t *put_log(uint8_t *at, struct log *log) {
    uint32_t rows = log_rows(log);
    for (uint32_t i = log->count - rows; i != log->count; i++)
        at = put(at, &log->rows[i % LOG_ROWS], sizeof *log->rows);
    log->count = 0;
    return at;
}

void core_snapshot(struct core *core, struct sfu_snapshot_head *head, uint8_t *rows) {
    head->sockets = core->sockets.count;
    head->transports = core->transports.count;
    head->sources = core->sources.count;
    head->sinks = core->sinks.count;
    head->lines = core->lines.count;
    head->arrivals = log_rows(&core->arrivals);
    head->departures = log_rows(&core->departures);
    head->events_lost = core->ring.lost;
    TABLE_EACH(&core->sockets, struct socket, it) rows = put(rows, &it->row, sizeof it->row);
    TABLE_EACH(&core->transports, struct transport, it) rows = put(rows, &it->row, sizeof it->row);
    TABLE_EACH(&core->sources, struct source, it) rows = put_source(rows, it);
    TABLE_EACH(&core->sinks, struct sink, it) rows = put_sink(rows, it);
    TABLE_EACH(&core->lines, struct line, it) rows = put_line(rows, it);
    rows = put_log(rows, &core->arrivals);
    put_log(rows, &core->departures);
}
