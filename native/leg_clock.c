/* The clock of one leg against ours: which part of a delay is queue.
 *
 *   delay = arrival (their clock) - departure (ours) = offset + skew * t + queue
 *   base  = the least delay of the last minute; what is above it is queue
 *
 * A clock that runs fast lets the least of each span rise in a straight line, which no queue does
 * for a minute; that line is taken out.
 */
#include <string.h>

#include "legs.h"

#define SPAN_US 10000000
#define LEAST_SPANS 4          /* that make a line */
#define LARGEST_SKEW 500e-6    /* NTP never slews faster */
#define STRAIGHT_US 2000       /* the least delays of a clock's line are this close to it */
#define STEP_US 3000000        /* a delay that moves by more is a clock set anew, not a queue */
#define PROVISIONAL_US 5000000 /* so long another leg's queue dates the first packets */

static double lesser(double a, double b) { return b < a ? b : a; }

/* The slope of a straight line, 0 for any other shape. */
static double slope_of(const struct clock_span *spans, int count) {
    int64_t sum_x = 0, sum_y = 0;
    double spread = 0, product = 0, off = 0;
    for (int i = 0; i < count; i++) {
        sum_x += spans[i].at_us - spans[0].at_us;
        sum_y += spans[i].least_us;
    }
    double mean_x = (double)sum_x / count, mean_y = (double)sum_y / count;
    for (int i = 0; i < count; i++) {
        double x = (double)(spans[i].at_us - spans[0].at_us) - mean_x;
        spread += x * x;
        product += x * ((double)spans[i].least_us - mean_y);
    }
    if (spread == 0) return 0;
    double slope = product / spread;
    if (slope > LARGEST_SKEW || slope < -LARGEST_SKEW) return 0;
    for (int i = 0; i < count; i++) {
        double x = (double)(spans[i].at_us - spans[0].at_us) - mean_x;
        double above = (double)spans[i].least_us - mean_y - slope * x;
        if (above > off || -above > off) off = above < 0 ? -above : above;
    }
    return off <= STRAIGHT_US ? slope : 0;
}

/* Begins another span; what rose in a straight line was the clock. */
static void turn(struct leg_clock *clock, int64_t delay_us, int64_t at_us) {
    struct clock_span *spans = clock->spans;
    if (clock->count == SPANS) memmove(spans, spans + 1, (size_t)--clock->count * sizeof *spans);
    int past = clock->count;
    spans[clock->count++] = (struct clock_span){at_us, at_us, delay_us};
    clock->skew = past >= LEAST_SPANS ? slope_of(spans, past) : 0;
    clock->past = true;
    for (int i = 0; i < past; i++) {
        double base = (double)spans[i].least_us - clock->skew * (double)spans[i].at_us;
        clock->older = i ? lesser(clock->older, base) : base;
    }
}

double clock_queue_us(struct leg_clock *clock, int64_t delay_us, int64_t at_us,
                      double standing_us) {
    if (clock->count) {
        int64_t moved_us = delay_us - clock->spans[clock->count - 1].least_us;
        if (moved_us > STEP_US || moved_us < -STEP_US) memset(clock, 0, sizeof *clock);
    }
    if (!clock->count) {
        clock->assumed = (double)delay_us - standing_us;
        clock->assumed_until_us = at_us + PROVISIONAL_US;
        clock->spans[clock->count++] = (struct clock_span){at_us, at_us, delay_us};
    } else if (at_us - clock->spans[clock->count - 1].since_us >= SPAN_US) {
        turn(clock, delay_us, at_us);
    }
    struct clock_span *newest = &clock->spans[clock->count - 1];
    double delay = (double)delay_us, skew = clock->skew;
    double base = (double)newest->least_us + skew * (double)(at_us - newest->at_us);
    if (delay < base) {
        newest->least_us = delay_us;
        newest->at_us = at_us;
        base = delay;
    }
    if (clock->past) base = lesser(base, clock->older + skew * (double)at_us);
    if (at_us < clock->assumed_until_us) base = lesser(base, clock->assumed);
    return delay > base ? delay - base : 0;
}
