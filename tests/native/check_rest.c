/* A second of a thread that works without a pause, and one that waits by itself. */
#include <assert.h>

#include "rest.h"

#define SECOND_US 1000000
#define LINUX_US 50000 /* what it takes for ordinary programs, in one piece */

/* Turns of this length until a second is over; returns what was rested, us. */
static int64_t rested(struct rest *rest, int64_t turn_us, int64_t idle_us) {
    int64_t at_us = 0, sum_us = 0;
    while (at_us < SECOND_US) {
        int64_t pause_us = rest_worked(rest, turn_us);
        assert(pause_us == 0 || pause_us == REST_PIECE_US);
        rest_waited(rest, pause_us + idle_us);
        at_us += turn_us + pause_us + idle_us;
        sum_us += pause_us;
    }
    return sum_us;
}

int main(void) {
    for (int64_t turn_us = 1; turn_us <= 5000; turn_us += 7) {
        struct rest rest = {0};
        assert(rested(&rest, turn_us, 0) >= LINUX_US); /* never stopped */
        rest_waited(&rest, SECOND_US);                 /* a long wait pays for little */
        int64_t after_us = rested(&rest, turn_us, 0);
        assert(after_us + REST_AHEAD_US >= LINUX_US);
        assert(after_us <= SECOND_US / REST_PARTS + REST_PIECE_US + turn_us);
        struct rest easy = {0};
        assert(rested(&easy, turn_us, turn_us / 12 + 1) == 0); /* it waits for packets anyway */
    }
    struct rest rest = {0};
    assert(rest_worked(&rest, 60LL * SECOND_US) == REST_PIECE_US); /* a stop of the machine */
    rest_waited(&rest, 2 * REST_PIECE_US);
    assert(rest_worked(&rest, 1) == 0); /* has no sequel */
    return 0;
}
