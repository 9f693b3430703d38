/* The calls of engine.h: all threads begun and ended, told, asked and read.
 *
 * Each thread has a core of its own, which belongs to whoever holds its `lock`: the thread while it
 * works on a batch, a caller of sfu_poll between two; sfu_apply and sfu_snapshot hold all of them, so
 * what they do and see is of one instant. Threads share no lock with each other. The lock lends its
 * priority, so that a caller scheduled away does not stop a thread under SCHED_FIFO.
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

int sfu_apply(sfu *engine, const uint8_t *commands, size_t length) {
    int64_t deadlines_us[THREADS_MAX];
    lock_all(engine);
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    for (int i = 0; i < engine->count; i++) {
        struct core *core = engine->workers[i]->core;
        core->now_us = core->received_us = now_us;
        deadlines_us[i] = core_deadline(core);
    }
    int result = house_apply(&engine->house, commands, length);
    for (int i = 0; i < engine->count; i++) {
        struct worker *worker = engine->workers[i];
        core_release(worker->core);
        worker_tell_others(worker);
        batch_flush(worker->batch);
        worker_tell(worker);
        if (core_deadline(worker->core) < deadlines_us[i]) worker_rouse(worker);
    }
    unlock_all(engine);
    return result;
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
