/* The queue of a line out of the delays of all its legs; what is read and why stands in the twin,
 * sfu.media.bwe.delays.
 *
 *   packets, by departure --> ring of bins of 10 ms, each with the least queue any of them met
 *                                 --judge--> floor, trend against its threshold, rise
 */
#include "legs.h"

#define WINDOW_BINS 25                 /* of the trend */
#define ENOUGH 10                      /* packets that make the floor of 30 ms sure */
#define SHORT_BINS 3
#define LONG_BINS 15
#define LONGEST_BINS 30
#define LEAST_BINS 3
#define GAIN (4.0 * 20 / 250)
#define THRESHOLD 12.5
#define LEAST_THRESHOLD 6.0
#define LARGEST_THRESHOLD 600.0
#define RAISE 0.0087
#define LOWER 0.039
#define SKIP 15.0
#define LONGEST_MS 100.0
#define RISEN_US 20000
#define PAST_US 30000
#define CALM_US 10000
#define LEAST_CALM_BINS 10
#define STRAIGHT_US 6000
#define RISES 3

static const struct {
    int bins;
    double least; /* seconds a second */
} rises[RISES] = {{5, 0.2}, {4, 0.4}, {3, 0.6}};

struct points { /* bins that have packets, by their place in a window */
    int count, place[WINDOW_BINS];
    double queue[WINDOW_BINS];
};

static double magnitude(double value) { return value < 0 ? -value : value; }

int64_t delays_bin(int64_t us) { return us / BIN_US - (us % BIN_US < 0); }

void delays_begin(struct delays *delays) {
    *delays = (struct delays){.threshold = THRESHOLD};
}

static struct delay_bin *bin_at(struct delays *delays, int64_t number) {
    return &delays->bins[(uint64_t)number % KEPT_BINS];
}

static bool is_kept(const struct delays *delays, int64_t number) {
    return delays->any && number <= delays->newest && delays->newest - number < KEPT_BINS;
}

void delays_pool(struct delays *delays, int64_t number, double queue_us) {
    if (!delays->any || number - delays->newest >= KEPT_BINS) {
        for (int i = 0; i < KEPT_BINS; i++) delays->bins[i].packets = 0;
        delays->newest = number;
        delays->any = true;
    }
    while (delays->newest < number) bin_at(delays, ++delays->newest)->packets = 0;
    if (!is_kept(delays, number)) return;
    struct delay_bin *bin = bin_at(delays, number);
    if (!bin->packets++ || queue_us < bin->least_us) bin->least_us = queue_us;
}

double delays_floor(struct delays *delays, int64_t at_us) {
    int64_t number = delays_bin(at_us), count = 0;
    double least_us = 0;
    for (int back = 0; back < LONGEST_BINS; back++, number--) {
        const struct delay_bin *bin = bin_at(delays, number);
        if (is_kept(delays, number) && bin->packets) {
            if (!count || bin->least_us < least_us) least_us = bin->least_us;
            count += bin->packets;
        }
        if (back >= SHORT_BINS && count >= ENOUGH) break;
        if (back >= LONG_BINS && count >= LEAST_BINS) break;
    }
    return least_us;
}

/* So many bins up to, and without, `end`. */
static struct points points_before(struct delays *delays, int64_t end, int bins) {
    struct points points = {0};
    for (int place = 0; place < bins; place++) {
        int64_t number = end - bins + place;
        if (!is_kept(delays, number) || !bin_at(delays, number)->packets) continue;
        points.place[points.count] = place;
        points.queue[points.count++] = bin_at(delays, number)->least_us;
    }
    return points;
}

/* The least-squares slope, in us a bin. */
static double slope_of(const struct points *points) {
    double sum = 0, spread = 0, risen = 0;
    for (int i = 0; i < points->count; i++) sum += points->place[i];
    double mean = sum / points->count;
    for (int i = 0; i < points->count; i++) {
        double away = points->place[i] - mean;
        spread += away * away;
        risen += away * points->queue[i];
    }
    return spread > 0 ? risen / spread : 0;
}

static bool is_straight(const struct points *points, double per_bin) {
    double sum = 0, mean_place = (points->count - 1) / 2.0;
    for (int i = 0; i < points->count; i++) sum += points->queue[i];
    double mean = sum / points->count;
    for (int i = 0; i < points->count; i++) {
        double off = points->queue[i] - mean - per_bin * (points->place[i] - mean_place);
        if (magnitude(off) > STRAIGHT_US) return false;
    }
    return true;
}

static bool was_calm(struct delays *delays, int64_t end, int bins) {
    struct points before = points_before(delays, end, bins);
    for (int i = 0; i < before.count; i++)
        if (before.queue[i] > CALM_US) return false;
    return before.count >= LEAST_CALM_BINS;
}

/* The slope of so many bins before `end`, 0 where they do not rise straight. */
static double rise_of(struct delays *delays, int64_t end, int count, double least) {
    struct points last = points_before(delays, end, count);
    if (last.count < count) return 0;
    for (int i = 1; i < count; i++)
        if (last.queue[i] <= last.queue[i - 1]) return 0;
    if (!was_calm(delays, end - count, WINDOW_BINS - count)) return 0;
    double per_bin = slope_of(&last), rise = per_bin / BIN_US;
    return rise >= least && is_straight(&last, per_bin) ? rise : 0;
}

/* The latest rise that was not judged yet. */
static double latest_rise(struct delays *delays) {
    int64_t judged = delays->judged < delays->newest ? delays->judged : delays->newest - 1;
    for (int64_t number = delays->newest; number > judged && is_kept(delays, number); number--) {
        const struct delay_bin *bin = bin_at(delays, number);
        if (!bin->packets || bin->least_us < (number == delays->newest ? RISEN_US : PAST_US)) continue;
        for (int i = 0; i < RISES; i++) {
            double rise = rise_of(delays, number + 1, rises[i].bins, rises[i].least);
            if (rise > 0) return rise;
        }
    }
    return 0;
}

static void learn(struct delays *delays, double rise, double elapsed_ms) {
    if (rise > delays->threshold + SKIP) return;
    double rate = rise < delays->threshold ? LOWER : RAISE;
    double threshold = delays->threshold + rate * (rise - delays->threshold) * elapsed_ms;
    if (threshold < LEAST_THRESHOLD) threshold = LEAST_THRESHOLD;
    if (threshold > LARGEST_THRESHOLD) threshold = LARGEST_THRESHOLD;
    delays->threshold = threshold;
}

/* Against a threshold that learns how much the line wobbles. */
static void judge_trend(struct delays *delays, double elapsed_ms) {
    struct sfu_queue *queue = &delays->queue;
    struct points points = points_before(delays, delays->newest + 1, WINDOW_BINS);
    queue->over = 0;
    queue->slope = 0;
    if (points.count < LEAST_BINS) return;
    double per_bin = slope_of(&points);
    int span = points.place[points.count - 1] - points.place[0];
    double rise = per_bin / 1000 * span * GAIN;
    queue->slope = per_bin / BIN_US;
    queue->over = rise > delays->threshold;
    learn(delays, magnitude(rise), elapsed_ms);
}

void delays_judge(struct delays *delays) {
    if (!delays->any) return;
    delays->queue.newest_us = delays->newest * BIN_US;
    delays->queue.floor_us = delays_floor(delays, delays->queue.newest_us);
    delays->queue.rise = latest_rise(delays);
    double elapsed_ms = (double)(delays->newest - delays->judged) * BIN_US / 1000;
    if (elapsed_ms > LONGEST_MS) elapsed_ms = LONGEST_MS;
    delays->judged = delays->newest;
    judge_trend(delays, elapsed_ms);
}
