/* One thread of the engine and all of them together: what loop.c runs and engine.c has run. */
#ifndef SFU_WORKER_H
#define SFU_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "rest.h"
#include "send.h"

#define RECEIVE 64 /* datagrams in one system call */
#define LATENCY_MAX_US 1000000 /* a jump of the clock, no latency */

union ancillary {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct worker { /* one thread */
    pthread_t thread;
    pthread_mutex_t lock;
    int epoll, wake; /* descriptors: epoll, "look again" or "stop" */
    bool begun;      /* lock and thread are there */
    bool told;       /* of events in its ring */
    _Atomic bool roused; /* by another, who handed something over */
    _Atomic bool realtime;
    struct rest rest;
    sfu *engine;
    struct core *core;
    struct batch *batch;
    uint64_t latency_counts[SFU_LATENCY_BUCKETS], latency_sum_us;
    struct mmsghdr messages[RECEIVE];
    struct iovec iov[RECEIVE];
    struct sockaddr_storage names[RECEIVE];
    union ancillary controls[RECEIVE];
    int used; /* of these, by the last call */
    struct socket *working; /* on what came by this one */
    uint8_t buffers[RECEIVE][PACKET_CAP];
};

struct sfu {
    int events; /* descriptor: a ring holds events */
    _Atomic bool stopping;
    pthread_mutex_t applying; /* taken before any lock of a worker */
    uint32_t realtime, polled;
    int count;
    struct house house;
    struct worker *workers[THREADS_MAX];
};

int64_t clock_us(clockid_t which);

/* Once by a thread before it receives anything. */
void receive_prepare(struct worker *worker);
/* Takes what waits on a socket: RECEIVE where there may be more, 0 or less where there was nothing. */
int receive(struct worker *worker, struct socket *socket);
/* For a batch of what came by a lent socket, a `struct worker`: hands over what came since. */
void receive_meanwhile(void *worker);

/* Makes a thread's core and descriptors; what is half made is for worker_free. */
bool worker_new(sfu *engine, int index, uint64_t seed);
/* False where it runs without a priority of its own, or not at all (`begun`). */
bool worker_start(struct worker *worker);
void worker_free(struct worker *worker);
/* "Look at the deadline again", or "stop". */
void worker_rouse(struct worker *worker);
/* Tells Python of events in its ring, once until they were taken. */
void worker_tell(struct worker *worker);
/* Rouses those who were handed something, once until they have looked. */
void worker_tell_others(struct worker *worker);

#endif
