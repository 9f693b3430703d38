/* When a real-time thread lets ordinary programs have its core. */
#ifndef SFU_REST_H
#define SFU_REST_H

#include <stdint.h>

#define REST_PARTS 14      /* one of so many is theirs: 71 ms of a second, where Linux takes 50 */
#define REST_PIECE_US 500  /* at once; a packet bears that */
#define REST_AHEAD_US 5000 /* what was waited before counts for no more than this */

struct rest {
    int64_t debt; /* of time worked; each waited pays REST_PARTS - 1 times itself */
};

/* The thread waited so long, for packets or of its own will. */
void rest_waited(struct rest *rest, int64_t us);
/* It worked so long; returns for how long it should rest now, us, most often 0. */
int64_t rest_worked(struct rest *rest, int64_t us);

#endif
