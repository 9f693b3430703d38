/* What the machine itself does to a thread that asks for nothing: sleep a millisecond, see how late.
 *
 *     wake [PRIORITY]      under SCHED_FIFO if given; until input ends, then "p50_us p99_us max_us"
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TIMES (1 << 20)
#define STEP_NS 1000000

static uint32_t late_us[TIMES];

static int by_time(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    struct sched_param parameter = {.sched_priority = argc > 1 ? atoi(argv[1]) : 0};
    if (argc > 1 && sched_setscheduler(0, SCHED_FIFO, &parameter)) return 1;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    struct timespec due, now;
    size_t count = 0;
    clock_gettime(CLOCK_MONOTONIC, &due);
    while (count < TIMES && poll(&input, 1, 0) == 0) {
        if ((due.tv_nsec += STEP_NS) >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t late_ns = (now.tv_sec - due.tv_sec) * 1000000000LL + now.tv_nsec - due.tv_nsec;
        late_us[count++] = (uint32_t)(late_ns / 1000);
    }
    if (!count) return 1;
    qsort(late_us, count, sizeof *late_us, by_time);
    printf("%u %u %u\n", late_us[count / 2], late_us[count - 1 - count / 100], late_us[count - 1]);
    return 0;
}
