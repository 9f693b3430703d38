/* A browser's connection over TCP (RFC 6544): datagrams in frames of RFC 4571, on one socket.
 *
 *   in    recv -> framing_next each -> core_receive
 *   out   stream_put -> lanes -> stream_flush: urgent first, what has waited too long is dropped
 *
 * TCP delivers late rather than never, and what is late is of no use: so the kernel is given little
 * to hold (TCP_NOTSENT_LOWAT), and what waits here has an end.
 */
#ifndef SFU_STREAM_H
#define SFU_STREAM_H

#include "core.h"

#define FRAME_HEAD 2            /* a length of 16 bits before each datagram */
#define FRAMING_BYTES (16 * 1024)

/* framing.c: bytes as they come into datagrams. */
struct framing {
    size_t used;
    uint8_t bytes[FRAMING_BYTES];
};
/* The datagram at `*at`, which moves behind it; its length, -1 while it is not all there, -2 where
 * it is longer than any of ours: nothing behind it can be read. */
int framing_next(struct framing *framing, size_t *at, uint8_t **datagram);
/* Forgets what stands before `at`. */
void framing_keep(struct framing *framing, size_t at);

/* lane.c: frames that wait, the oldest first, in a ring of bytes. */
struct lane {
    uint8_t *bytes; /* NULL until something waits */
    size_t cap, first, used;
    uint32_t frames;
};
/* False where it is full, or there is no memory. */
bool lane_put(struct lane *lane, size_t cap, const uint8_t *datagram, size_t length, int64_t now_us);
/* The oldest frame, its head in front, or NULL; since when it waits. */
const uint8_t *lane_first(struct lane *lane, size_t *length, int64_t *since_us);
/* The one behind a frame of this lane, or NULL. */
const uint8_t *lane_next(struct lane *lane, const uint8_t *frame, size_t *length);
void lane_drop(struct lane *lane);
void lane_free(struct lane *lane);

enum { LANE_URGENT, LANE_PICTURES, LANES };

struct stream {
    int epoll;
    bool awaits_room, ended; /* told of when it can be written to; nothing more comes or goes */
    struct sfu_address remote;
    struct framing in;
    struct lane lanes[LANES];
    size_t begun, left; /* the rest of a frame of which a part has gone: where, how much */
    uint8_t rest[FRAME_HEAD + PACKET_CAP];
};

/* stream.c: part of loop.c's side. */

/* A connected TCP socket becomes a stream; false, and told as ended, where its peer is gone. */
bool stream_open(struct core *core, struct socket *socket, int epoll);
void stream_close(struct socket *socket);
/* Another thread serves it from now on. */
void stream_join(struct socket *socket, int epoll);
/* Does what epoll says is ready. */
void stream_work(struct core *core, struct socket *socket, uint32_t ready);
/* Puts a datagram among what waits; stream_flush sends it. */
void stream_put(struct socket *socket, const uint8_t *datagram, size_t length, int64_t now_us);
void stream_flush(struct socket *socket, int64_t now_us);

#endif
