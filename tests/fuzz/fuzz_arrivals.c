/* libFuzzer target for arrivals.c and feedback_write.c: what arrives on three transports, in any order, at
 * any time; each message that is told of it is read again by feedback.c, which knows no more than the
 * draft.  Each step is a byte that says what, one whose transport, and its own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arrivals.h"
#include "legs.h"

#define TRANSPORTS 3

struct input {
    const uint8_t *at;
    size_t left;
    int64_t now_us;
    uint16_t next[TRANSPORTS + 1];            /* number of each transport */
    uint8_t came[TRANSPORTS + 1][65536 / 8];  /* numbers, a bit each */
};
static unsigned byte(struct input *in) {
    if (!in->left) return 0;
    in->left--;
    return *in->at++;
}

static void come(sfu_arrivals *all, struct input *in, uint32_t transport, int64_t at_us) {
    struct sfu_log_row row = {transport, in->next[transport], 0, at_us};
    if (at_us >= 0)
        in->came[transport][row.sequence / 8] |= (uint8_t)(1 << row.sequence % 8);
    sfu_arrivals_add(all, (const uint8_t *)&row, 1);
}

static void come_many(sfu_arrivals *all, struct input *in, uint32_t transport) {
    unsigned count = byte(in), step = byte(in), lost = byte(in);
    for (unsigned i = 0; i < count; i++) {
        in->now_us += step << 6;
        if (!lost || i % (1 + lost)) come(all, in, transport, in->now_us);
        in->next[transport]++;
    }
}

/* Any number, at any time a row may name. */
static void come_astray(sfu_arrivals *all, struct input *in, uint32_t transport) {
    int64_t at_us;
    uint8_t raw[8];
    in->next[transport] = (uint16_t)(byte(in) << 8 | byte(in));
    for (int i = 0; i < 8; i++) raw[i] = (uint8_t)byte(in);
    memcpy(&at_us, raw, sizeof at_us);
    come(all, in, transport, at_us);
}

/* A message is whole, and says of no packet that it came which did not. */
static void read_again(struct input *in, uint32_t transport, const uint8_t *message, size_t length) {
    uint8_t *exact = calloc(1, 8 + length); /* behind two SSRCs */
    struct feedback feedback;
    uint16_t sequence;
    int64_t ticks;
    memcpy(exact + 8, message, length);
    assert(length % 4 == 0 && length <= SFU_FEEDBACK_BYTES);
    assert(feedback_open(&feedback, exact, 8 + length));
    for (bool first = true; feedback_next(&feedback, &sequence, &ticks); first = false) {
        assert(!first || ticks >= 0);
        assert(ticks < 0 || in->came[transport][sequence / 8] >> sequence % 8 & 1);
    }
    free(exact);
}

static void tell(sfu_arrivals *all, struct input *in, uint32_t transport) {
    uint8_t *message = malloc(SFU_FEEDBACK_BYTES); /* so that a byte too far is seen */
    size_t length;
    int rounds = 0;
    in->now_us += byte(in) << 10;
    while ((length = sfu_arrivals_tell(all, transport, in->now_us, message))) {
        read_again(in, transport, message, length);
        assert(++rounds <= KEPT);
    }
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct input in;
    in = (struct input){.at = data, .left = size, .now_us = 1000000000};
    sfu_arrivals *all = sfu_arrivals_open();
    for (uint32_t transport = 1; transport <= 2; transport++) sfu_arrivals_put(all, transport);
    while (in.left) {
        unsigned what = byte(&in), transport = 1 + byte(&in) % TRANSPORTS;
        if (what < 100)
            come_many(all, &in, transport);
        else if (what < 150)
            come_astray(all, &in, transport);
        else if (what < 240)
            tell(all, &in, transport);
        else if (what < 248)
            sfu_arrivals_put(all, transport);
        else
            sfu_arrivals_forget(all, transport);
    }
    sfu_arrivals_close(all);
    return 0;
}
