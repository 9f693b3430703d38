/* The engine's thread: the only file that waits, and with send.c the only one that knows sockets.
 *
 *   epoll -> recvmmsg(64) -> core_receive each -> batch_flush -> again, at most ROUNDS times
 *
 * The core belongs to whoever holds `lock`: the thread while it works on a batch, a caller of
 * sfu_apply, sfu_poll or sfu_snapshot between two batches. The lock lends its priority, so that a
 * caller scheduled away does not stop a thread under SCHED_FIFO.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/time_types.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "send.h"

#define RECEIVE 64  /* datagrams in one system call */
#define ROUNDS 8    /* of these before other sockets have their turn */
#define READY 32    /* sockets told by one epoll_wait */
#define SOCKET_BUFFER (4 * 1024 * 1024)
#define FIFO_PRIORITY 10
#define LATENCY_MAX_US 1000000 /* a jump of the clock, no latency */

static const int64_t latency_bounds_us[SFU_LATENCY_BUCKETS - 1] = {50,   100,  200,   500,  1000,
                                                                   2000, 5000, 10000, 50000};

union ancillary {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct sfu {
    pthread_t thread;
    pthread_mutex_t lock;
    int epoll, wake, events; /* descriptors: epoll, "look again" or "stop", "the ring holds events" */
    _Atomic bool stopping;
    bool told; /* `events` is readable */
    uint32_t realtime;
    struct core *core;
    struct batch *batch;
    uint64_t latency_counts[SFU_LATENCY_BUCKETS], latency_sum_us;
    struct mmsghdr messages[RECEIVE];
    struct iovec iov[RECEIVE];
    struct sockaddr_storage names[RECEIVE];
    union ancillary controls[RECEIVE];
    int used; /* of these, by the last call */
    uint8_t buffers[RECEIVE][PACKET_CAP];
};

static int64_t clock_us(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool open_socket(struct core *core, struct socket *socket) {
    sfu *engine = core->context;
    int on = 1, size = SOCKET_BUFFER, domain = 0;
    socklen_t length = sizeof domain;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_DOMAIN, &domain, &length)) return false;
    socket->inet6 = domain == AF_INET6;
    socket->internet = socket->inet6 || domain == AF_INET;
    /* Each of these may be refused; the engine does without. */
    setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(socket->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt(socket->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = socket->node.id};
    return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, socket->fd, &event) == 0;
}

static void close_socket(struct core *core, struct socket *socket) {
    sfu *engine = core->context;
    epoll_ctl(engine->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
    close(socket->fd);
}

static void transmit(struct core *core, struct socket *socket, const struct sfu_address *remote,
                     const uint8_t *bytes, size_t length, uint8_t mark) {
    (void)core;
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

static void count_latency(sfu *engine, int64_t latency_us) {
    if (latency_us < 0 || latency_us > LATENCY_MAX_US) return;
    int bucket = 0;
    while (bucket < SFU_LATENCY_BUCKETS - 1 && latency_us > latency_bounds_us[bucket]) bucket++;
    engine->latency_counts[bucket]++;
    engine->latency_sum_us += (uint64_t)latency_us;
}

static void flush(struct batch *batch, void *context) {
    sfu *engine = context;
    send_batch(batch);
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    for (int i = 0; i < batch->count; i++)
        if (batch->entries[i].received_us)
            count_latency(engine, now_us - batch->entries[i].received_us);
}

/* The kernel's receive stamp, brought from the wall clock to ours; what it dropped, counted. */
static int64_t read_ancillary(struct socket *socket, struct msghdr *message, int64_t now_us,
                              int64_t wall_offset_us) {
    int64_t received_us = now_us;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET) continue;
        if (at->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(at), sizeof stamp);
            received_us = (int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000 + wall_offset_us;
        } else if (at->cmsg_type == SO_RXQ_OVFL) {
            uint32_t overflow;
            memcpy(&overflow, CMSG_DATA(at), sizeof overflow);
            socket->row.kernel_dropped += overflow - socket->overflow;
            socket->overflow = overflow;
        }
    }
    bool sane = received_us <= now_us && now_us - received_us < LATENCY_MAX_US;
    return sane ? received_us : now_us;
}

static int receive(sfu *engine, struct socket *socket) {
    for (int i = 0; i < engine->used; i++) { /* what the kernel has written over */
        struct msghdr *message = &engine->messages[i].msg_hdr;
        message->msg_namelen = sizeof engine->names[i];
        message->msg_controllen = sizeof engine->controls[i].bytes;
        message->msg_flags = 0;
    }
    int count = recvmmsg(socket->fd, engine->messages, RECEIVE, MSG_DONTWAIT, NULL);
    engine->used = count > 0 ? count : 1; /* a failed call may have touched the first */
    if (count <= 0) return count;
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    int64_t wall_offset_us = now_us - clock_us(CLOCK_REALTIME);
    engine->core->now_us = now_us;
    for (int i = 0; i < count; i++) {
        struct msghdr *message = &engine->messages[i].msg_hdr;
        engine->core->received_us = read_ancillary(socket, message, now_us, wall_offset_us);
        struct sfu_address remote = address_from_kernel(&engine->names[i]);
        bool connected = socket->paths && socket->paths->transport->latch == LATCH_CONNECTED;
        if (message->msg_flags & MSG_TRUNC) {
            socket->row.unknown_packets++;
            continue;
        }
        if (!connected && remote.family == 0) continue;
        core_receive(engine->core, socket, connected ? NULL : &remote, engine->buffers[i],
                     engine->messages[i].msg_len);
    }
    return count;
}

static void tell(sfu *engine) {
    if (engine->told || engine->core->ring.used == 0) return;
    uint64_t one = 1;
    engine->told = write(engine->events, &one, sizeof one) == sizeof one;
}

static void work(sfu *engine, struct socket *socket, uint32_t ready) {
    int rounds = 0, count;
    do {
        count = receive(engine, socket);
        core_release(engine->core);
        batch_flush(engine->batch);
    } while (count == RECEIVE && ++rounds < ROUNDS);
    /* A local peer that went away stays readable for ever, with nothing to read. */
    if (ready & EPOLLHUP && (count <= 0 || engine->messages[count - 1].msg_len == 0))
        epoll_ctl(engine->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
}

/* To the microsecond by epoll_pwait2 (Linux 5.11); without it a packet leaves up to 1 ms late. */
static int wait_until(sfu *engine, struct epoll_event *ready, int64_t deadline_us) {
    if (deadline_us == INT64_MAX) return epoll_wait(engine->epoll, ready, READY, -1);
    int64_t left_us = deadline_us - clock_us(CLOCK_MONOTONIC);
    if (left_us < 0) left_us = 0;
#ifdef SYS_epoll_pwait2
    static _Atomic bool missing; /* kernels and sandboxes that do not know it */
    struct __kernel_timespec left = {left_us / 1000000, left_us % 1000000 * 1000};
    if (!atomic_load(&missing)) {
        long count = syscall(SYS_epoll_pwait2, engine->epoll, ready, READY, &left, NULL, 0);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)count;
        atomic_store(&missing, true);
    }
#endif
    return epoll_wait(engine->epoll, ready, READY, (int)((left_us + 999) / 1000));
}

/* "Look at the deadline again", or "stop". */
static void rouse(sfu *engine) {
    uint64_t one = 1;
    while (write(engine->wake, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void hush(sfu *engine) {
    uint64_t count;
    while (read(engine->wake, &count, sizeof count) < 0 && errno == EINTR) continue;
}

static void serve(sfu *engine, const struct epoll_event *ready, int count) {
    for (int i = 0; i < count; i++) { /* by id: it may have been closed since epoll_wait */
        if (ready[i].data.u64 == 0) hush(engine);
        struct socket *socket = table_find(&engine->core->sockets, (uint32_t)ready[i].data.u64);
        if (socket) work(engine, socket, ready[i].events);
    }
    engine->core->now_us = engine->core->received_us = clock_us(CLOCK_MONOTONIC);
    core_timer(engine->core);
    core_release(engine->core);
    batch_flush(engine->batch);
    tell(engine);
}

static void *run(void *context) {
    sfu *engine = context;
    struct epoll_event ready[READY];
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* the usual 50 us are a tenth of a cell's time */
    int64_t deadline_us = INT64_MAX; /* whoever brings it forward between two batches rouses us */
    while (!atomic_load(&engine->stopping)) {
        int count = wait_until(engine, ready, deadline_us);
        pthread_mutex_lock(&engine->lock);
        serve(engine, ready, count);
        deadline_us = core_deadline(engine->core);
        pthread_mutex_unlock(&engine->lock);
    }
    return NULL;
}

static void prepare_messages(sfu *engine) {
    for (int i = 0; i < RECEIVE; i++) {
        engine->iov[i] = (struct iovec){engine->buffers[i], PACKET_CAP};
        struct msghdr *message = &engine->messages[i].msg_hdr;
        message->msg_iov = &engine->iov[i];
        message->msg_iovlen = 1;
        message->msg_name = &engine->names[i];
        message->msg_control = &engine->controls[i];
    }
}

static bool prepare_core(sfu *engine) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) return false;
    engine->batch = calloc(1, sizeof *engine->batch);
    engine->core = engine->batch ? core_new(seed, engine->batch) : NULL;
    if (!engine->core) return false;
    engine->batch->flush = flush;
    engine->batch->context = engine;
    engine->core->open_socket = open_socket;
    engine->core->close_socket = close_socket;
    engine->core->transmit = transmit;
    engine->core->context = engine;
    return true;
}

static bool prepare_descriptors(sfu *engine) {
    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    engine->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->epoll < 0 || engine->wake < 0 || engine->events < 0) return false;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->wake, &event) == 0;
}

static bool start_thread(sfu *engine) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&engine->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    if (pthread_create(&engine->thread, NULL, run, engine)) return false;
    pthread_setname_np(engine->thread, "sfu-engine");
    struct sched_param fifo = {.sched_priority = FIFO_PRIORITY};
    engine->realtime = pthread_setschedparam(engine->thread, SCHED_FIFO, &fifo) == 0;
    return true;
}

static void let_go(sfu *engine) {
    if (engine->core) core_free(engine->core);
    free(engine->batch);
    if (engine->epoll >= 0) close(engine->epoll);
    if (engine->wake >= 0) close(engine->wake);
    if (engine->events >= 0) close(engine->events);
    free(engine);
}

sfu *sfu_open(void) {
    sfu *engine = calloc(1, sizeof *engine);
    if (!engine) return NULL;
    engine->epoll = engine->wake = engine->events = -1;
    prepare_messages(engine);
    engine->used = RECEIVE;
    if (prepare_core(engine) && prepare_descriptors(engine) && start_thread(engine)) return engine;
    let_go(engine);
    return NULL;
}

void sfu_close(sfu *engine) {
    atomic_store(&engine->stopping, true);
    rouse(engine);
    pthread_join(engine->thread, NULL);
    pthread_mutex_destroy(&engine->lock);
    let_go(engine);
}

int sfu_apply(sfu *engine, const uint8_t *commands, size_t length) {
    pthread_mutex_lock(&engine->lock);
    engine->core->now_us = engine->core->received_us = clock_us(CLOCK_MONOTONIC);
    int64_t deadline_us = core_deadline(engine->core);
    int result = core_apply(engine->core, commands, length);
    core_release(engine->core);
    batch_flush(engine->batch);
    tell(engine);
    if (core_deadline(engine->core) < deadline_us) rouse(engine);
    pthread_mutex_unlock(&engine->lock);
    return result;
}

int sfu_poll(sfu *engine, uint8_t *buffer, size_t cap) {
    pthread_mutex_lock(&engine->lock);
    size_t taken = ring_take(&engine->core->ring, buffer, cap);
    if (engine->core->ring.used == 0 && engine->told) {
        uint64_t count;
        engine->told = read(engine->events, &count, sizeof count) != sizeof count;
    }
    pthread_mutex_unlock(&engine->lock);
    return (int)taken;
}

int sfu_fd(const sfu *engine) { return engine->events; }

long sfu_snapshot(sfu *engine, uint8_t *buffer, size_t cap) {
    pthread_mutex_lock(&engine->lock);
    size_t size = core_snapshot_size(engine->core);
    if (size <= cap) {
        struct sfu_snapshot_head head = {.realtime = engine->realtime};
        head.at_us = clock_us(CLOCK_MONOTONIC);
        memcpy(head.latency_counts, engine->latency_counts, sizeof head.latency_counts);
        head.latency_sum_us = engine->latency_sum_us;
        core_snapshot(engine->core, &head, buffer + sizeof head);
        memcpy(buffer, &head, sizeof head);
    }
    pthread_mutex_unlock(&engine->lock);
    return (long)size;
}
