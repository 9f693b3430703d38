/* Linux keeps a twentieth of each second for ordinary programs, whatever real-time thread wants the
 * core (its fair server, before 6.12 sched_rt_runtime_us), and takes it in one piece: 50 ms in which
 * no packet leaves.  A thread that rests often and briefly by itself is never stopped so.
 *
 *   |work......|rest|work......|rest|  and where it waits for packets anyway, nothing is owed
 */
#include "rest.h"

void rest_waited(struct rest *rest, int64_t us) {
    const int64_t least = -(int64_t)REST_AHEAD_US * (REST_PARTS - 1);
    if (us > REST_AHEAD_US + REST_PIECE_US) us = REST_AHEAD_US + REST_PIECE_US;
    rest->debt -= us * (REST_PARTS - 1);
    if (rest->debt < least) rest->debt = least;
}

int64_t rest_worked(struct rest *rest, int64_t us) {
    const int64_t piece = REST_PIECE_US * (REST_PARTS - 1);
    rest->debt += us;
    if (rest->debt > 2 * piece) rest->debt = 2 * piece; /* stopped all the same: that was a rest */
    return rest->debt < piece ? 0 : REST_PIECE_US;
}
