/* What arrives with a transport-wide sequence number, and the feedback we give on it
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 *
 *   arrivals of the receive log --> newest KEPT of each transport --> messages, from the earliest untold on
 *
 * Pure over its own state; all of it belongs to the thread that asks, which is Python's.  The twin
 * sfu.media.report.arrival tells the same, byte for byte (tests/native/test_arrivals.py).
 */
#ifndef SFU_ARRIVALS_H
#define SFU_ARRIVALS_H

#include "core.h"

#define KEPT 1024            /* numbers back from the highest; a power of two */
#define STATUSES_MAX 400     /* a message: 800 bytes of deltas at worst */
#define TICK_US 250
#define LARGEST_DELTA 0x7fff
#define NOTHING (-1)

/* One transport's; numbers are extended beyond their 16 bits. */
struct arrivals {
    struct node node;
    bool untold;               /* something, from `earliest` on */
    uint8_t messages;
    int64_t earliest, highest, told_us;
    int64_t *at_us;            /* by number modulo KEPT, from the first arrival on */
};

/* Writes a message behind its two SSRCs: `ticks` from `base` on, NOTHING for what is missing but never
 * the first, neighbours within LARGEST_DELTA.  At most SFU_FEEDBACK_BYTES. */
size_t feedback_write(uint8_t *out, uint16_t base, uint8_t number, const int64_t *ticks,
                      uint32_t count);

#endif
