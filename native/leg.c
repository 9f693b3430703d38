/* One leg with transport-wide feedback: departures matched with arrivals. */
#include <stdlib.h>
#include <string.h>

#include "legs.h"

#define KEPT_US 1000000
#define BUSY_US 8000                    /* a packet that waited longer found the line at work */
#define FARTHEST_US ((int64_t)1 << 50)  /* a clock led farther begins anew: 36 years */

void leg_sent(struct leg *leg, uint16_t sequence, int64_t at_us, uint32_t line_bytes) {
    if (!leg->ring && !(leg->ring = calloc(RING, sizeof *leg->ring))) return;
    leg->newest = sequence;
    leg->ring[sequence % RING] = (struct departure){at_us, line_bytes, sequence, IN_FLIGHT};
}

static const struct arrival *arrival_at(const struct leg *leg, uint32_t index) {
    return &leg->arrived[(leg->first + index) & (leg->cap - 1)];
}

/* Makes room for one more; where there is none to be had, the oldest goes. */
static bool make_room(struct leg *leg) {
    if (leg->count < leg->cap) return true;
    uint32_t cap = leg->cap ? 2 * leg->cap : ARRIVED_LEAST;
    struct arrival *more = cap <= ARRIVED_MOST ? malloc(cap * sizeof *more) : NULL;
    if (!more) {
        if (!leg->cap) return false;
        leg->first = (leg->first + 1) & (leg->cap - 1);
        leg->count--;
        return true;
    }
    for (uint32_t i = 0; i < leg->count; i++) more[i] = *arrival_at(leg, i);
    free(leg->arrived);
    leg->arrived = more;
    leg->cap = cap;
    leg->first = 0;
    return true;
}

static void arrive(struct leg *leg, int64_t left_us, uint32_t line_bytes, bool waited) {
    if (!make_room(leg)) return;
    leg->arrived[(leg->first + leg->count++) & (leg->cap - 1)] =
        (struct arrival){left_us, line_bytes, waited};
}

static void forget(struct leg *leg) {
    if (!leg->count) return;
    int64_t oldest_us = leg_latest_us(leg) - KEPT_US;
    while (arrival_at(leg, 0)->left_us < oldest_us) {
        leg->first = (leg->first + 1) & (leg->cap - 1);
        leg->count--;
    }
}

/* The arrival without the wrap of twelve days: the nearest to the one before. */
static int64_t unwrapped(struct leg *leg, int64_t arrival_us) {
    int64_t at_us = arrival_us;
    if (leg->heard) {
        int64_t ahead = (arrival_us - leg->latest_us + WRAP_US / 2) % WRAP_US;
        if (ahead < 0) ahead += WRAP_US;
        at_us = leg->latest_us + ahead - WRAP_US / 2;
        if (at_us > FARTHEST_US || at_us < -FARTHEST_US) at_us = arrival_us;
    }
    leg->heard = true;
    return leg->latest_us = at_us;
}

static void match(struct leg *leg, struct departure *departure, int64_t ticks, double standing_us,
                  sfu_told *told) {
    if (ticks < 0) {
        told->lost += departure->state == IN_FLIGHT;
        departure->state = MISSED;
        return;
    }
    told->lost -= departure->state == MISSED;
    told->received++;
    departure->state = NOBODY;
    int64_t at_us = departure->at_us;
    int64_t delay_us = unwrapped(leg, ticks * TICK_US) - at_us;
    double queue_us = clock_queue_us(&leg->clock, delay_us, at_us, standing_us);
    arrive(leg, at_us + (int64_t)queue_us, departure->line_bytes, queue_us >= BUSY_US);
    delays_pool(&leg->line->delays, delays_bin(at_us), queue_us);
}

void leg_told(struct leg *leg, struct feedback *feedback, double standing_us, sfu_told *told) {
    uint16_t sequence;
    int64_t ticks;
    *told = (sfu_told){0};
    while (feedback_next(feedback, &sequence, &ticks)) {
        struct departure *departure = &leg->ring[sequence % RING];
        if (departure->state != NOBODY && departure->sequence == sequence)
            match(leg, departure, ticks, standing_us, told);
    }
    forget(leg);
}

int64_t leg_latest_us(const struct leg *leg) {
    return leg->count ? arrival_at(leg, leg->count - 1)->left_us : 0;
}

/* When, up to an instant, a packet last found no queue; 0 for never lately. */
int64_t leg_idle_us(const struct leg *leg, int64_t end_us) {
    for (uint32_t i = leg->count; i-- > 0;) {
        const struct arrival *it = arrival_at(leg, i);
        if (!it->waited && it->left_us <= end_us) return it->left_us;
    }
    return 0;
}

/* The line bytes that left the queue after the start, up to the end. */
int64_t leg_bytes_between(const struct leg *leg, int64_t start_us, int64_t end_us) {
    int64_t total = 0;
    for (uint32_t i = leg->count; i-- > 0;) {
        const struct arrival *it = arrival_at(leg, i);
        if (it->left_us <= start_us) break;
        if (it->left_us <= end_us) total += it->line_bytes;
    }
    return total;
}
