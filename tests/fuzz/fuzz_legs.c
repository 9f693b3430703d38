/* libFuzzer target for feedback.c, leg.c, leg_clock.c, legs.c: three legs behind two lines, what they
 * send, and any feedback on it.  Each step is a byte that says what, one whose leg, and its own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "legs.h"

#define LEGS 3

struct input {
    const uint8_t *at;
    size_t left;
    int64_t now_us;
    uint16_t next[LEGS + 1]; /* number of each leg */
};
static unsigned byte(struct input *in) {
    if (!in->left) return 0;
    in->left--;
    return *in->at++;
}

static void send(sfu_legs *legs, struct input *in, uint32_t leg) {
    unsigned count = byte(in), step = byte(in);
    for (unsigned i = 0; i < count; i++) {
        struct sfu_log_row row = {leg, in->next[leg]++, (uint16_t)(step << 4),
                                  in->now_us += step << 8};
        sfu_legs_sent(legs, (const uint8_t *)&row, 1);
    }
}

/* What is told hangs together, and of each packet once. */
static void tell(sfu_legs *legs, struct input *in, uint32_t line, uint32_t leg) {
    static sfu_told told;
    size_t length = byte(in) * 2;
    if (length > in->left) length = in->left;
    uint8_t *exact = malloc(length ? length : 1); /* so that a byte too far is seen */
    memcpy(exact, in->at, length);
    in->at += length;
    in->left -= length;
    if (sfu_legs_told(legs, line, leg, exact, length, byte(in) * 1e3, &told) == 1) {
        assert(told.received <= RING && told.lost <= RING && told.lost >= -RING);
        sfu_queue queue;
        assert(sfu_legs_judge(legs, line, &queue) == 1);
        assert(queue.floor_us >= 0 && queue.rise >= 0 && queue.over <= 1);
        assert(queue.floor_us == sfu_legs_floor(legs, line, queue.newest_us));
    }
    free(exact);
}

static void ask(sfu_legs *legs, struct input *in, uint32_t line, uint32_t leg) {
    int64_t probed[3];
    double bps = sfu_legs_carried(legs, line, 1000 * (byte(in) + 1), leg & 1);
    assert(bps == -1 || bps >= 0);
    assert(sfu_legs_count(legs, line) <= LEGS);
    sfu_legs_know(legs, line, leg, byte(in));
    sfu_legs_probed(legs, line, probed);
    sfu_legs_take_sent(legs, line);
}

static void change(sfu_legs *legs, struct input *in, uint32_t line, uint32_t leg) {
    double now = (double)in->now_us / 1e6;
    switch (byte(in) % 4) {
    case 0:
        sfu_legs_forget(legs, leg);
        break;
    case 1:
        sfu_legs_line(legs, line, (int)byte(in) % 3, byte(in));
        break;
    case 2:
        sfu_legs_forget_line(legs, line);
        break;
    default:
        sfu_legs_probe(legs, line, now, now + 0.3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size, 1000000000, {0}};
    sfu_legs *legs = sfu_legs_open();
    sfu_legs_line(legs, 1, FRAMING_ATM, 10);
    sfu_legs_line(legs, 2, FRAMING_EFM, 30);
    for (uint32_t leg = 1; leg <= LEGS; leg++) sfu_legs_put(legs, leg, 1 + leg % 2, leg == 3);
    while (in.left) {
        unsigned what = byte(&in), whose = byte(&in);
        uint32_t leg = 1 + whose % LEGS, line = 1 + (whose >> 4) % 2;
        if (what < 100)
            send(legs, &in, leg);
        else if (what < 200)
            tell(legs, &in, line, leg);
        else if (what < 220)
            ask(legs, &in, line, leg);
        else if (what < 240)
            sfu_legs_put(legs, leg, line, (int)byte(&in) & 1);
        else
            change(legs, &in, line, leg);
    }
    sfu_legs_close(legs);
    return 0;
}
