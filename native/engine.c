/* The calls of engine.h: all threads begun and ended, told, asked and read.
 *
 * Each thread has a core of its own, which belongs to whoever holds its `lock`: the thread while it
 * works on a batch, a caller of sfu_poll between two; sfu_apply and sfu_snapshot hold all of them, so
 * what they do and see is of one instant, but for commands that only send: those need one at a time.
 * Tables change in sfu_apply alone, and of those one runs at a time (`applying`), so it may look for an
 * id without a lock. Threads share no lock with each other. The lock lends its priority, so that a
 * caller scheduled away does not stop a thread under SCHED_FIFO.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "worker.h"

static bool start_all(sfu *engine) {
    engine->realtime = 1;
    for (int i = 0; i < engine->count; i++) {
        bool first = worker_start(engine->workers[i]);
        if (!engine->workers[i]->begun) return false;
        if (!first) engine->realtime = 0;
    }
    return true;
}

static void stop_all(sfu *engine) {
    atomic_store(&engine->stopping, true);
    for (int i = 0; i < engine->count; i++) {
        struct worker *worker = engine->workers[i];
        if (!worker || !worker->begun) continue;
        worker_rouse(worker);
        pthread_join(worker->thread, NULL);
    }
}

static void let_go(sfu *engine) {
    stop_all(engine);
    for (int i = 0; i < engine->house.count; i++)
        for (int k = 0; k < THREADS_MAX; k++) outbox_free(engine->house.cores[i]->outboxes[k]);
    house_free(&engine->house);
    for (int i = 0; i < engine->count; i++) worker_free(engine->workers[i]);
    if (engine->events >= 0) close(engine->events);
    pthread_mutex_destroy(&engine->applying);
    free(engine);
}

static int cores_allowed(void) {
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) ? 1 : CPU_COUNT(&allowed);
}

sfu *sfu_open(int threads) {
    uint64_t seed;
    sfu *engine = calloc(1, sizeof *engine);
    if (!engine) return NULL;
    if (threads <= 0) threads = cores_allowed();
    engine->count = threads < THREADS_MAX ? threads : THREADS_MAX;
    pthread_mutex_init(&engine->applying, NULL);
    engine->events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool fine = engine->events >= 0 && getrandom(&seed, sizeof seed, 0) == sizeof seed;
    for (int i = 0; fine && i < engine->count; i++) fine = worker_new(engine, i, seed);
    if (fine && start_all(engine)) return engine;
    let_go(engine);
    return NULL;
}

void sfu_close(sfu *engine) { let_go(engine); }

static void lock_all(sfu *engine) {
    for (int i = 0; i < engine->count; i++) pthread_mutex_lock(&engine->workers[i]->lock);
}

static void unlock_all(sfu *engine) {
    for (int i = engine->count; i-- > 0;) pthread_mutex_unlock(&engine->workers[i]->lock);
}

/* Between two batches of a thread whose lock we hold; returns its deadline. */
static int64_t begin(struct worker *worker) {
    worker->core->now_us = worker->core->received_us = clock_us(CLOCK_MONOTONIC);
    return core_deadline(worker->core);
}

static void finish(struct worker *worker, int64_t deadline_us) {
    core_release(worker->core);
    worker_tell_others(worker);
    batch_flush(worker->batch);
    worker_tell(worker);
    if (core_deadline(worker->core) < deadline_us) worker_rouse(worker);
}

/* What only sends stops one thread at a time: waiting for a busy one, it holds up no other. */
static bool only_send(sfu *engine, const uint8_t *commands, size_t length) {
    struct sends sends;
    if (!house_sends(&engine->house, commands, length, &sends)) return false;
    for (int i = 0; i < engine->count; i++) {
        if (!(sends.owners >> i & 1)) continue;
        pthread_mutex_lock(&engine->workers[i]->lock);
        house_ask_owner(&engine->house, i, commands, length, &sends);
        pthread_mutex_unlock(&engine->workers[i]->lock);
    }
    for (int i = 0; i < engine->count; i++) {
        struct worker *worker = engine->workers[i];
        if (!(sends.homes >> i & 1)) continue;
        pthread_mutex_lock(&worker->lock);
        int64_t deadline_us = begin(worker);
        house_send(&engine->house, i, commands, length, &sends);
        finish(worker, deadline_us);
        pthread_mutex_unlock(&worker->lock);
    }
    return true;
}

static int apply_all(sfu *engine, const uint8_t *commands, size_t length) {
    int64_t deadlines_us[THREADS_MAX];
    lock_all(engine);
    for (int i = 0; i < engine->count; i++) deadlines_us[i] = begin(engine->workers[i]);
    int result = house_apply(&engine->house, commands, length);
    for (int i = 0; i < engine->count; i++) finish(engine->workers[i], deadlines_us[i]);
    unlock_all(engine);
    return result;
}

int sfu_apply(sfu *engine, const uint8_t *commands, size_t length) {
    pthread_mutex_lock(&engine->applying);
    int result = only_send(engine, commands, length) ? 0 : apply_all(engine, commands, length);
    pthread_mutex_unlock(&engine->applying);
    return result;
}

int sfu_served(sfu *engine, uint32_t *sinks, int cap) {
    pthread_mutex_lock(&engine->applying);
    int count = house_served(&engine->house, sinks, cap);
    pthread_mutex_unlock(&engine->applying);
    return count;
}

/* The descriptor is read before the rings: what comes meanwhile makes it readable again. */
int sfu_poll(sfu *engine, uint8_t *buffer, size_t cap) {
    uint64_t ignored, one = 1;
    size_t taken = 0;
    bool left = false;
    while (read(engine->events, &ignored, sizeof ignored) < 0 && errno == EINTR) continue;
    uint32_t first = engine->polled++; /* not always the same one, or a busy thread silences others */
    for (int i = 0; i < engine->count; i++) {
        struct worker *worker = engine->workers[(first + (uint32_t)i) % (uint32_t)engine->count];
        pthread_mutex_lock(&worker->lock);
        taken += ring_take(&worker->core->ring, buffer + taken, cap - taken);
        worker->told = false;
        left |= worker->core->ring.used > 0;
        pthread_mutex_unlock(&worker->lock);
    }
    if (left)
        while (write(engine->events, &one, sizeof one) < 0 && errno == EINTR) continue;
    return (int)taken;
}

int sfu_fd(const sfu *engine) { return engine->events; }

static void sum_latencies(const sfu *engine, struct sfu_snapshot_head *head) {
    for (int i = 0; i < engine->count; i++) {
        const struct worker *worker = engine->workers[i];
        for (int k = 0; k < SFU_LATENCY_BUCKETS; k++)
            head->latency_counts[k] += worker->latency_counts[k];
        head->latency_sum_us += worker->latency_sum_us;
    }
}

long sfu_snapshot(sfu *engine, uint8_t *buffer, size_t cap) {
    lock_all(engine);
    size_t size = house_snapshot_size(&engine->house);
    if (size <= cap) {
        struct sfu_snapshot_head head = {.realtime = engine->realtime};
        head.at_us = clock_us(CLOCK_MONOTONIC);
        sum_latencies(engine, &head);
        house_snapshot(&engine->house, &head, buffer + sizeof head);
        memcpy(buffer, &head, sizeof head);
    }
    unlock_all(engine);
    return (long)size;
}
