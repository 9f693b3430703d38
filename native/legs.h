/* What transport-wide feedback tells of each packet, reckoned down to a few numbers a message.
 *
 *   departures of the send log --> ring by sequence --.
 *                                                     +--> queue of each packet, bytes by arrival,
 *   feedback (250 us, wraps) -------------------------'    losses; the line's queue (delays.c)
 *
 * Pure over its own state; all of it belongs to the thread that asks, which is Python's.  The twins
 * sfu.media.bwe.leg, clock, delays and legs reckon the same (tests/native/test_legs.py).
 */
#ifndef SFU_LEGS_H
#define SFU_LEGS_H

#include "core.h"

#define RING 1024                      /* packets in flight that are remembered */
#define ARRIVED_LEAST 128              /* packets that arrived lately: room for so many at first, */
#define ARRIVED_MOST 4096              /* and at last; powers of two */
#define SPANS 6                        /* of ten seconds: the minute of base */
#define TICK_US 250
#define WRAP_US ((int64_t)TICK_US << 32) /* the reference time of feedback begins anew */

/* The clock of one leg against ours. */
struct clock_span {
    int64_t since_us, at_us, least_us;
};
struct leg_clock {
    struct clock_span spans[SPANS];
    int count;
    bool past;                         /* `older` tells of spans before the newest */
    double older, skew, assumed;
    int64_t assumed_until_us;
};
/* Takes one delay; returns its part that is queue.  `standing_us`: the queue other legs see now. */
double clock_queue_us(struct leg_clock *clock, int64_t delay_us, int64_t at_us, double standing_us);

/* The queue of a line: the least its packets met in each 10 ms of departures, and what that shows. */
#define BIN_US 10000
#define KEPT_BINS 256                  /* nobody asks for what is older */
struct delay_bin {
    double least_us;
    uint32_t packets;                  /* 0: nobody knows */
};
struct delays {
    bool any;
    int64_t newest, judged;            /* numbers of bins */
    double threshold;
    sfu_queue queue;                   /* as judged last */
    struct delay_bin bins[KEPT_BINS];  /* those up to the newest */
};
void delays_begin(struct delays *delays);
int64_t delays_bin(int64_t us);        /* the number of an instant's */
void delays_pool(struct delays *delays, int64_t number, double queue_us);
void delays_judge(struct delays *delays);
double delays_floor(struct delays *delays, int64_t at_us);

/* One feedback message (draft-holmer-rmcat-transport-wide-cc-extensions-01), behind the RTCP header:
 * two SSRCs, base, count, reference time, number, chunks, deltas. */
struct feedback {
    const uint8_t *bytes;
    size_t chunk, delta, length;
    uint32_t base, left, place;
    int64_t ticks;
};
/* False where it ends within its statuses or its deltas. */
bool feedback_open(struct feedback *feedback, const uint8_t *bytes, size_t length);
/* False at the end; ticks of 250 us modulo 2**32, -1 for a packet that did not arrive. */
bool feedback_next(struct feedback *feedback, uint16_t *sequence, int64_t *ticks);

enum in_flight { NOBODY, IN_FLIGHT, MISSED };
struct departure {
    int64_t at_us;
    uint32_t line_bytes;
    uint16_t sequence;
    uint8_t state;
};
struct arrival {
    int64_t left_us;                   /* when, on our clock, it left the line's queue */
    uint32_t line_bytes, waited;
};

/* All legs behind one line. */
struct line_legs {
    struct node node;
    int framing;
    uint32_t overhead_bytes;
    uint64_t sent_bytes;               /* since they were taken */
    double probe_began_s, probe_ends_s;
    int64_t probed_first_us, probed_last_us, probed_bytes;
    bool probed;
    struct leg *legs;
    struct delays delays;
};

/* Packets of one transport, in flight and arrived. */
struct leg {
    struct node node;
    struct leg *next;                  /* behind the same line */
    struct line_legs *line;
    bool ipv6, heard;
    uint16_t newest;
    int64_t latest_us;                 /* arrival, on their clock, without its wrap */
    struct leg_clock clock;
    struct arrival *arrived;
    uint32_t first, count, cap;
    struct departure *ring;            /* from its first packet on */
};
void leg_sent(struct leg *leg, uint16_t sequence, int64_t at_us, uint32_t line_bytes);
/* Matches one message; packets told of twice or not sent lately are passed over. */
void leg_told(struct leg *leg, struct feedback *feedback, double standing_us, sfu_told *told);
int64_t leg_latest_us(const struct leg *leg);
int64_t leg_idle_us(const struct leg *leg, int64_t end_us);
int64_t leg_bytes_between(const struct leg *leg, int64_t start_us, int64_t end_us);

#endif
