/* Arrivals of all transports, by the ids Python chose, and when to tell of them. */
#include <stdlib.h>
#include <string.h>

#include "arrivals.h"

#define INTERVAL_US 95000 /* about 100 ms, so that a tick of 50 or 100 ms is not missed by a hair */
#define FORGET_US 500000  /* how far back a message may reach */

struct sfu_arrivals {
    struct table transports;
};

sfu_arrivals *sfu_arrivals_open(void) { return calloc(1, sizeof(sfu_arrivals)); }

void sfu_arrivals_forget(sfu_arrivals *all, uint32_t transport) {
    struct arrivals *it = table_find(&all->transports, transport);
    if (!it) return;
    table_remove(&all->transports, &it->node);
    free(it->at_us);
    free(it);
}

void sfu_arrivals_close(sfu_arrivals *all) {
    TABLE_EACH(&all->transports, struct arrivals, it) sfu_arrivals_forget(all, it->node.id);
    free(all);
}

int sfu_arrivals_put(sfu_arrivals *all, uint32_t transport) {
    if (table_find(&all->transports, transport)) return 0;
    struct arrivals *it = calloc(1, sizeof *it);
    if (!it) return -1;
    it->node.id = transport;
    table_add(&all->transports, &it->node);
    return 0;
}

static int64_t *slot(const struct arrivals *it, int64_t number) {
    return &it->at_us[number & (KEPT - 1)];
}

/* ---- what arrives */

static void begin(struct arrivals *it, int64_t number) {
    for (int i = 0; i < KEPT; i++) it->at_us[i] = NOTHING;
    it->untold = false;
    it->highest = number;
}

static void take(struct arrivals *it, uint16_t sequence, int64_t at_us) {
    if (at_us < 0) return; /* no time of the engine's */
    int64_t number = it->at_us ? it->highest + (int16_t)(sequence - it->highest) : sequence;
    if (!it->at_us) {
        if (!(it->at_us = malloc(KEPT * sizeof *it->at_us))) return;
        begin(it, number);
    }
    if (number - it->highest >= KEPT || it->highest - number >= KEPT) begin(it, number);
    while (it->highest < number) *slot(it, ++it->highest) = NOTHING;
    if (*slot(it, number) == NOTHING) *slot(it, number) = at_us;
    if (!it->untold || number < it->earliest) it->earliest = number;
    it->untold = true;
}

void sfu_arrivals_add(sfu_arrivals *all, const uint8_t *rows, size_t count) {
    struct sfu_log_row row;
    for (size_t i = 0; i < count; i++) {
        memcpy(&row, rows + i * sizeof row, sizeof row);
        struct arrivals *it = table_find(&all->transports, row.transport);
        if (it) take(it, row.sequence, row.at_us);
    }
}

/* ---- what is told of it */

/* The next number at or after this one that arrived; beyond the highest for none. */
static int64_t next_arrival(const struct arrivals *it, int64_t number) {
    if (number <= it->highest - KEPT) number = it->highest - KEPT + 1;
    while (number <= it->highest && *slot(it, number) == NOTHING) number++;
    return number;
}

/* Gathers from `base`, which arrived, to an arrival no delta can reach or the end. */
static uint32_t gather(const struct arrivals *it, int64_t base, int64_t *ticks) {
    int64_t before = *slot(it, base) / TICK_US;
    uint32_t count = 0;
    for (int64_t at = base; at <= it->highest && count < STATUSES_MAX; at++) {
        int64_t at_us = *slot(it, at), now = at_us / TICK_US;
        if (at_us == NOTHING) {
            ticks[count++] = NOTHING;
            continue;
        }
        if (now - before > LARGEST_DELTA || before - now > LARGEST_DELTA) break;
        ticks[count++] = before = now;
    }
    return count;
}

static void all_told(struct arrivals *it, int64_t now_us) {
    it->untold = false;
    it->told_us = now_us;
    for (int i = 0; i < KEPT; i++)
        if (it->at_us[i] < now_us - FORGET_US) it->at_us[i] = NOTHING;
}

size_t sfu_arrivals_tell(sfu_arrivals *all, uint32_t transport, int64_t now_us, uint8_t *message) {
    struct arrivals *it = table_find(&all->transports, transport);
    if (!it || !it->untold || now_us - it->told_us < INTERVAL_US) return 0;
    int64_t ticks[STATUSES_MAX], base = next_arrival(it, it->earliest);
    uint32_t count = gather(it, base, ticks);
    it->earliest = next_arrival(it, base + count);
    if (it->earliest > it->highest) all_told(it, now_us);
    return feedback_write(message, (uint16_t)base, it->messages++, ticks, count);
}
