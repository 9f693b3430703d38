/* The legs of all lines, by the ids Python chose: who stands behind which, what was sent and told. */
#include <stdlib.h>
#include <string.h>

#include "legs.h"

#define TOGETHER_US 300000    /* legs whose latest packets are farther apart are counted apart */
#define LEAST_BUSY_US 60000

struct sfu_legs {
    struct table lines, legs;
};

sfu_legs *sfu_legs_open(void) { return calloc(1, sizeof(sfu_legs)); }

static void leg_free(sfu_legs *legs, struct leg *leg) {
    struct leg **at = &leg->line->legs;
    while (*at != leg) at = &(*at)->next;
    *at = leg->next;
    table_remove(&legs->legs, &leg->node);
    free(leg->arrived);
    free(leg->ring);
    free(leg);
}

static void line_free(sfu_legs *legs, struct line_legs *line) {
    while (line->legs) leg_free(legs, line->legs);
    table_remove(&legs->lines, &line->node);
    free(line);
}

void sfu_legs_close(sfu_legs *legs) {
    TABLE_EACH(&legs->lines, struct line_legs, line) line_free(legs, line);
    free(legs);
}

int sfu_legs_line(sfu_legs *legs, uint32_t id, int framing, uint32_t overhead_bytes) {
    sfu_legs_forget_line(legs, id);
    struct line_legs *line = calloc(1, sizeof *line);
    if (!line) return -1;
    line->node.id = id;
    line->framing = framing;
    line->overhead_bytes = overhead_bytes;
    line->probe_ends_s = -1; /* none */
    delays_begin(&line->delays);
    table_add(&legs->lines, &line->node);
    return 0;
}

void sfu_legs_forget_line(sfu_legs *legs, uint32_t id) {
    struct line_legs *line = table_find(&legs->lines, id);
    if (line) line_free(legs, line);
}

int sfu_legs_put(sfu_legs *legs, uint32_t transport, uint32_t id, int ipv6) {
    struct line_legs *line = table_find(&legs->lines, id);
    struct leg *leg = table_find(&legs->legs, transport);
    if (!line) return 0;
    if (leg && leg->line != line) {
        leg_free(legs, leg);
        leg = NULL;
    }
    if (!leg) {
        if (!(leg = calloc(1, sizeof *leg))) return -1;
        leg->node.id = transport;
        leg->line = line;
        leg->next = line->legs;
        line->legs = leg;
        table_add(&legs->legs, &leg->node);
    }
    leg->ipv6 = ipv6;
    return 0;
}

void sfu_legs_forget(sfu_legs *legs, uint32_t transport) {
    struct leg *leg = table_find(&legs->legs, transport);
    if (leg) leg_free(legs, leg);
}

/* ---- departures */

/* Sums up what is sent while a probe runs, from its second packet on. */
static void count_probe(struct line_legs *line, int64_t at_us, uint32_t line_bytes) {
    double at_s = (double)at_us / 1e6;
    if (at_s < line->probe_began_s || at_s > line->probe_ends_s) return;
    if (!line->probed) {
        line->probed = true;
        line->probed_first_us = line->probed_last_us = at_us;
        return;
    }
    if (at_us > line->probed_last_us) line->probed_last_us = at_us;
    line->probed_bytes += line_bytes;
}

static void take_row(sfu_legs *legs, const struct sfu_log_row *row) {
    struct leg *leg = table_find(&legs->legs, row->transport);
    if (!leg) return;
    struct line_legs *line = leg->line;
    size_t ip_bytes = row->size + (size_t)(leg->ipv6 ? IPV6_UDP_BYTES : IPV4_UDP_BYTES);
    uint32_t bytes = wrapped_bytes(line->framing, line->overhead_bytes, ip_bytes);
    leg_sent(leg, row->sequence, row->at_us, bytes);
    line->sent_bytes += bytes;
    count_probe(line, row->at_us, bytes);
}

void sfu_legs_sent(sfu_legs *legs, const uint8_t *rows, size_t count) {
    struct sfu_log_row row;
    for (size_t i = 0; i < count; i++) {
        memcpy(&row, rows + i * sizeof row, sizeof row);
        take_row(legs, &row);
    }
}

uint64_t sfu_legs_take_sent(sfu_legs *legs, uint32_t id) {
    struct line_legs *line = table_find(&legs->lines, id);
    if (!line) return 0;
    uint64_t bytes = line->sent_bytes;
    line->sent_bytes = 0;
    return bytes;
}

int sfu_legs_count(const sfu_legs *legs, uint32_t id) {
    const struct line_legs *line = table_find(&legs->lines, id);
    int count = 0;
    for (const struct leg *leg = line ? line->legs : NULL; leg; leg = leg->next)
        count += leg->ring != NULL;
    return count;
}

void sfu_legs_probe(sfu_legs *legs, uint32_t id, double began_s, double ends_s) {
    struct line_legs *line = table_find(&legs->lines, id);
    if (!line) return;
    line->probe_began_s = began_s;
    line->probe_ends_s = ends_s;
    line->probed = false;
    line->probed_bytes = 0;
}

int sfu_legs_probed(const sfu_legs *legs, uint32_t id, int64_t *first_last_bytes) {
    const struct line_legs *line = table_find(&legs->lines, id);
    if (!line || !line->probed) return 0;
    first_last_bytes[0] = line->probed_first_us;
    first_last_bytes[1] = line->probed_last_us;
    first_last_bytes[2] = line->probed_bytes;
    return 1;
}

/* ---- feedback */

static struct leg *begun_leg(const sfu_legs *legs, uint32_t transport, uint32_t line) {
    struct leg *leg = table_find(&legs->legs, transport);
    return leg && leg->ring && leg->line->node.id == line ? leg : NULL;
}

int sfu_legs_know(const sfu_legs *legs, uint32_t line, uint32_t transport, uint32_t sequence) {
    const struct leg *leg = begun_leg(legs, transport, line);
    return leg && (uint16_t)(leg->newest - sequence) < 0x8000;
}

int sfu_legs_told(sfu_legs *legs, uint32_t line, uint32_t transport, const uint8_t *message,
                  size_t length, double standing_us, sfu_told *told) {
    struct feedback feedback;
    if (!feedback_open(&feedback, message, length)) return -1;
    struct leg *leg = begun_leg(legs, transport, line);
    if (!leg) return 0;
    leg_told(leg, &feedback, standing_us, told);
    return 1;
}

void sfu_legs_pool(sfu_legs *legs, uint32_t id, int64_t departed_us, double queue_us) {
    struct line_legs *line = table_find(&legs->lines, id);
    if (line) delays_pool(&line->delays, delays_bin(departed_us), queue_us);
}

int sfu_legs_judge(sfu_legs *legs, uint32_t id, sfu_queue *queue) {
    struct line_legs *line = table_find(&legs->lines, id);
    if (!line) return 0;
    delays_judge(&line->delays);
    *queue = line->delays.queue;
    return 1;
}

double sfu_legs_floor(sfu_legs *legs, uint32_t id, int64_t at_us) {
    struct line_legs *line = table_find(&legs->lines, id);
    return line ? delays_floor(&line->delays, at_us) : 0;
}

/* Up to when all of them have told: the earliest of the latest packets of those that go together. */
static int64_t told_until(const struct line_legs *line, int64_t newest_us) {
    int64_t end_us = newest_us;
    for (const struct leg *leg = line->legs; leg; leg = leg->next) {
        int64_t latest_us = leg_latest_us(leg);
        if (latest_us && newest_us - latest_us < TOGETHER_US && latest_us < end_us)
            end_us = latest_us;
    }
    return end_us;
}

double sfu_legs_carried(const sfu_legs *legs, uint32_t id, int64_t window_us, int busy) {
    const struct line_legs *line = table_find(&legs->lines, id);
    int64_t newest_us = 0, idle_us = INT64_MIN, bytes = 0;
    if (!line) return -1;
    for (const struct leg *leg = line->legs; leg; leg = leg->next)
        if (leg_latest_us(leg) > newest_us) newest_us = leg_latest_us(leg);
    if (!newest_us) return -1;
    int64_t end_us = told_until(line, newest_us), start_us = end_us - window_us;
    for (const struct leg *leg = line->legs; busy && leg; leg = leg->next) {
        int64_t latest_us = leg_latest_us(leg);
        if (!latest_us || newest_us - latest_us >= TOGETHER_US) continue;
        int64_t at_us = leg_idle_us(leg, end_us);
        if (at_us > idle_us) idle_us = at_us;
    }
    if (busy && idle_us > start_us) start_us = idle_us;
    if (busy && end_us - start_us < LEAST_BUSY_US) return -1;
    for (const struct leg *leg = line->legs; leg; leg = leg->next) {
        int64_t latest_us = leg_latest_us(leg);
        if (latest_us && newest_us - latest_us < TOGETHER_US)
            bytes += leg_bytes_between(leg, start_us, end_us);
    }
    return (double)bytes * 8e6 / (double)(end_us - start_us);
}
