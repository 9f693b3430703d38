/* One thread of the engine: what waits; with receive.c and send.c all that knows sockets.
 *
 *   epoll -> receive.c: core_receive each -> where that goes to many, what came meanwhile too
 *         -> batch_flush -> again, at most ROUNDS times
 *         -> what other threads have handed over -> the rest of the batch
 *         -> a rest, where it never has to wait (rest.c)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/time_types.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stream.h"
#include "worker.h"

#define ROUNDS 8    /* of these before other sockets have their turn */
#define MANY 16     /* datagrams that take longer to send than a look for more takes */
#define ENOUGH 512  /* with so many waiting, the first have waited long enough */
#define READY 32    /* sockets told by one epoll_wait */
#define SOCKET_BUFFER (4 * 1024 * 1024)
#define FIFO_PRIORITY 10

static const int64_t latency_bounds_us[SFU_LATENCY_BUCKETS - 1] = {50,   100,  200,   500,  1000,
                                                                   2000, 5000, 10000, 50000};

int64_t clock_us(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_stream(int fd) {
    int type = 0;
    socklen_t length = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

static bool open_socket(struct core *core, struct socket *socket) {
    struct worker *worker = core->context;
    int on = 1, size = SOCKET_BUFFER, domain = 0;
    socklen_t length = sizeof domain;
    if (is_stream(socket->fd)) return stream_open(core, socket, worker->epoll);
    if (getsockopt(socket->fd, SOL_SOCKET, SO_DOMAIN, &domain, &length)) return false;
    socket->inet6 = domain == AF_INET6;
    socket->internet = socket->inet6 || domain == AF_INET;
    /* Each of these may be refused; the engine does without. */
    setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(socket->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt(socket->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = socket->node.id};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, socket->fd, &event) == 0;
}

static void close_socket(struct core *core, struct socket *socket) {
    struct worker *worker = core->context;
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
    if (socket->stream) stream_close(socket);
    close(socket->fd);
}

static void leave_socket(struct core *core, struct socket *socket) {
    struct worker *worker = core->context;
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
}

static void join_socket(struct core *core, struct socket *socket) {
    struct worker *worker = core->context;
    if (socket->stream) {
        stream_join(socket, worker->epoll);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = socket->node.id};
    epoll_ctl(worker->epoll, EPOLL_CTL_ADD, socket->fd, &event);
}

static void transmit(struct core *core, struct socket *socket, const struct sfu_address *remote,
                     const uint8_t *bytes, size_t length, uint8_t mark) {
    if (socket->stream) {
        stream_put(socket, bytes, length, core->now_us);
        stream_flush(socket, core->now_us);
        return;
    }
    struct sockaddr_storage name;
    if (remote->family == 0) return;
    socklen_t size = address_to_kernel(socket, remote, &name);
    struct iovec iov = {(void *)(uintptr_t)bytes, length};
    struct msghdr message = {.msg_name = &name, .msg_namelen = size, .msg_iov = &iov,
                             .msg_iovlen = 1};
    union control control;
    if (mark) control_set(&message, &control, 0, mark, remote->family);
    ssize_t sent = sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        socket->row.send_errors++;
    } else {
        socket->row.sent_packets++;
        socket->row.sent_bytes += (uint64_t)sent;
    }
}

static void count_latency(struct worker *worker, int64_t latency_us) {
    if (latency_us < 0 || latency_us > LATENCY_MAX_US) return;
    int bucket = 0;
    while (bucket < SFU_LATENCY_BUCKETS - 1 && latency_us > latency_bounds_us[bucket]) bucket++;
    worker->latency_counts[bucket]++;
    worker->latency_sum_us += (uint64_t)latency_us;
}

static void flush(struct batch *batch, void *context) {
    struct worker *worker = context;
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    send_batch(batch, now_us);
    now_us = clock_us(CLOCK_MONOTONIC);
    for (int i = 0; i < batch->count; i++)
        if (batch->entries[i].received_us)
            count_latency(worker, now_us - batch->entries[i].received_us);
}

void worker_tell(struct worker *worker) {
    if (worker->told || !worker->core->ring.urgent) return;
    uint64_t one = 1;
    worker->told = write(worker->engine->events, &one, sizeof one) == sizeof one;
}

void worker_rouse(struct worker *worker) {
    uint64_t one = 1;
    while (write(worker->wake, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void hush(struct worker *worker) {
    uint64_t count;
    while (read(worker->wake, &count, sizeof count) < 0 && errno == EINTR) continue;
}

void worker_tell_others(struct worker *worker) {
    for (int i = 0; worker->core->handed; i++, worker->core->handed >>= 1) {
        if (!(worker->core->handed & 1)) continue;
        struct worker *other = worker->engine->workers[i];
        if (!atomic_exchange(&other->roused, true)) worker_rouse(other);
    }
}

static void take_handed(struct worker *worker) {
    sfu *engine = worker->engine;
    int index = worker->core->index;
    bool roused = atomic_exchange(&worker->roused, false);
    if (!roused && !hand_waits(worker->core->outboxes[index])) return;
    worker->core->now_us = clock_us(CLOCK_MONOTONIC);
    hand_take(worker->core, worker->core->outboxes[index]);
    for (int i = 0; i < engine->count; i++)
        if (i != index) hand_take(worker->core, engine->workers[i]->core->outboxes[index]);
}

/* The first packet of a picture wakes us before the rest is there.  Where it goes to many, that has
 * come by the time it is protected for all of them: so it leaves with it, in segments. */
static int gather(struct worker *worker, struct socket *socket, int *rounds) {
    const struct batch *batch = worker->batch;
    int count;
    do {
        count = receive(worker, socket);
        worker_tell_others(worker);
    } while (++*rounds < ROUNDS && count > 0 && count < RECEIVE && batch->count >= MANY &&
             batch->count < ENOUGH);
    return count;
}

static void work(struct worker *worker, struct socket *socket, uint32_t ready) {
    int rounds = 0, count;
    worker->batch->meanwhile = socket->lent ? receive_meanwhile : NULL;
    worker->working = socket;
    do {
        count = gather(worker, socket, &rounds);
        core_release(worker->core);
        batch_flush(worker->batch);
    } while (count == RECEIVE && rounds < ROUNDS);
    worker->batch->meanwhile = NULL;
    /* A local peer that went away stays readable for ever, with nothing to read. */
    if (ready & EPOLLHUP && (count <= 0 || worker->messages[count - 1].msg_len == 0))
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
}

/* To the microsecond by epoll_pwait2 (Linux 5.11); without it a packet leaves up to 1 ms late. */
static int wait_until(struct worker *worker, struct epoll_event *ready, int64_t deadline_us) {
    if (deadline_us == INT64_MAX) return epoll_wait(worker->epoll, ready, READY, -1);
    int64_t left_us = deadline_us - clock_us(CLOCK_MONOTONIC);
    if (left_us < 0) left_us = 0;
#ifdef SYS_epoll_pwait2
    static _Atomic bool missing; /* kernels and sandboxes that do not know it */
    struct __kernel_timespec left = {left_us / 1000000, left_us % 1000000 * 1000};
    if (!atomic_load(&missing)) {
        long count = syscall(SYS_epoll_pwait2, worker->epoll, ready, READY, &left, NULL, 0);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)count;
        atomic_store(&missing, true);
    }
#endif
    return epoll_wait(worker->epoll, ready, READY, (int)((left_us + 999) / 1000));
}

static void serve(struct worker *worker, const struct epoll_event *ready, int count) {
    for (int i = 0; i < count; i++) { /* by id: it may have been closed since epoll_wait */
        if (ready[i].data.u64 == 0) hush(worker);
        struct socket *socket = table_find(&worker->core->sockets, (uint32_t)ready[i].data.u64);
        if (socket && socket->stream) {
            worker->core->now_us = worker->core->received_us = clock_us(CLOCK_MONOTONIC);
            stream_work(worker->core, socket, ready[i].events);
        } else if (socket) {
            work(worker, socket, ready[i].events);
        }
    }
    take_handed(worker);
    worker->core->now_us = worker->core->received_us = clock_us(CLOCK_MONOTONIC);
    core_timer(worker->core);
    core_release(worker->core);
    worker_tell_others(worker);
    batch_flush(worker->batch);
    worker_tell(worker);
}

static void rest(int64_t us) {
    if (us) nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void *run(void *context) {
    struct worker *worker = context;
    struct epoll_event ready[READY];
    send_prepare();
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* the usual 50 us are a tenth of a cell's time */
    int64_t deadline_us = INT64_MAX; /* whoever brings it forward between two batches rouses us */
    int64_t woken_us = clock_us(CLOCK_MONOTONIC);
    while (!atomic_load(&worker->engine->stopping)) {
        int64_t done_us = clock_us(CLOCK_MONOTONIC);
        if (atomic_load(&worker->realtime)) rest(rest_worked(&worker->rest, done_us - woken_us));
        int count = wait_until(worker, ready, deadline_us);
        woken_us = clock_us(CLOCK_MONOTONIC);
        rest_waited(&worker->rest, woken_us - done_us);
        pthread_mutex_lock(&worker->lock);
        serve(worker, ready, count);
        deadline_us = core_deadline(worker->core);
        pthread_mutex_unlock(&worker->lock);
    }
    return NULL;
}

/* Memory is found page by page when it is first written to, and the last pages here would be when
 * most waits: each then costs the time of some packets, on a virtual machine of many. */
static void touch(void *bytes, size_t size) {
    memset(bytes, 0xff, size); /* no zeros: those calloc has promised already */
}

static bool prepare_core(struct worker *worker, int index, uint64_t seed) {
    worker->batch = calloc(1, sizeof *worker->batch);
    struct core *core = worker->core = worker->batch ? core_new(seed, worker->batch) : NULL;
    if (!core) return false;
    touch(worker->batch->arena, sizeof worker->batch->arena);
    touch(worker->batch->entries, sizeof worker->batch->entries);
    touch(worker->buffers, sizeof worker->buffers);
    worker->batch->flush = flush;
    worker->batch->context = worker;
    core->index = index;
    core->open_socket = open_socket;
    core->close_socket = close_socket;
    core->leave_socket = leave_socket;
    core->join_socket = join_socket;
    core->transmit = transmit;
    core->context = worker;
    worker->engine->house.cores[index] = core;
    worker->engine->house.count = index + 1;
    for (int i = 0; i < worker->engine->count; i++)
        if (worker->engine->count > 1 && !(core->outboxes[i] = outbox_new())) return false;
    return true;
}

static bool prepare_descriptors(struct worker *worker) {
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->epoll < 0 || worker->wake < 0) return false;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event) == 0;
}

bool worker_new(sfu *engine, int index, uint64_t seed) {
    struct worker *worker = engine->workers[index] = calloc(1, sizeof *worker);
    if (!worker) return false;
    worker->epoll = worker->wake = -1;
    worker->engine = engine;
    receive_prepare(worker);
    return prepare_core(worker, index, seed) && prepare_descriptors(worker);
}

bool worker_start(struct worker *worker) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&worker->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    if (pthread_create(&worker->thread, NULL, run, worker)) {
        pthread_mutex_destroy(&worker->lock);
        return false;
    }
    worker->begun = true;
    pthread_setname_np(worker->thread, "sfu-engine");
    struct sched_param fifo = {.sched_priority = FIFO_PRIORITY};
    bool realtime = pthread_setschedparam(worker->thread, SCHED_FIFO, &fifo) == 0;
    atomic_store(&worker->realtime, realtime);
    return realtime;
}

void worker_free(struct worker *worker) {
    if (!worker) return;
    if (worker->begun) pthread_mutex_destroy(&worker->lock);
    free(worker->batch);
    if (worker->epoll >= 0) close(worker->epoll);
    if (worker->wake >= 0) close(worker->wake);
    free(worker);
}
