/* Replay window over ever-growing indices (RFC 3711 section 3.3.2), as a ring of words after
 * RFC 6479: moving on clears whole words, nothing is ever shifted.
 *
 *     word   ... | h-2 | h-1 |  h  | <- the word of `highest`; the ring's oldest word is given up
 *
 * Wider than the 64 the RFC asks for: a packet repaired by NACK comes some hundred packets late.
 */
#ifndef SFU_REPLAY_H
#define SFU_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLAY_WORDS 16
#define REPLAY_WINDOW ((REPLAY_WORDS - 1) * 64)

struct replay {
    bool started;
    uint64_t highest;
    uint64_t seen[REPLAY_WORDS];
};

/* True when the index has not been seen and is not too old to tell. */
static inline bool replay_fresh(const struct replay *replay, uint64_t index)
{
    if (!replay->started || index > replay->highest)
        return true;
    if (replay->highest - index >= REPLAY_WINDOW)
        return false;
    return !(replay->seen[(index >> 6) % REPLAY_WORDS] >> (index & 63) & 1);
}

/* Remember a fresh index; on receive only once its packet is authenticated. */
static inline void replay_mark(struct replay *replay, uint64_t index)
{
    if (!replay->started || index > replay->highest) {
        uint64_t word = index >> 6, last = replay->highest >> 6;
        if (!replay->started || word - last >= REPLAY_WORDS)
            memset(replay->seen, 0, sizeof replay->seen);
        else
            while (last != word)
                replay->seen[++last % REPLAY_WORDS] = 0;
        replay->started = true;
        replay->highest = index;
    }
    replay->seen[(index >> 6) % REPLAY_WORDS] |= UINT64_C(1) << (index & 63);
}

#endif
