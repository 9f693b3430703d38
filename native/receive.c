/* What comes in: datagrams from the kernel to the core of a thread, or of several.
 *
 *   socket of ours alone   recvmmsg(64) -> core_receive each
 *   one lent to others     recvmmsg(64) -> into rings: theirs, who are roused at once, and one of our own
 *                          our own ring -> core_receive each
 *
 * While packets of a lent socket are protected and sent, which takes a millisecond where there are many,
 * it is looked at again every so often: what is others' does not wait for that.  What is ours goes
 * through our ring then and always, so that what comes in order stays in order.
 */
#define _GNU_SOURCE
#include <string.h>

#include "worker.h"

struct moment {
    int64_t now_us, wall_offset_us;
};

static struct moment moment_now(void) {
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    return (struct moment){now_us, now_us - clock_us(CLOCK_REALTIME)};
}

void receive_prepare(struct worker *worker) {
    worker->used = RECEIVE;
    for (int i = 0; i < RECEIVE; i++) {
        worker->iov[i] = (struct iovec){worker->buffers[i], PACKET_CAP};
        struct msghdr *message = &worker->messages[i].msg_hdr;
        message->msg_iov = &worker->iov[i];
        message->msg_iovlen = 1;
        message->msg_name = &worker->names[i];
        message->msg_control = &worker->controls[i];
    }
}

static int fetch(struct worker *worker, const struct socket *socket) {
    for (int i = 0; i < worker->used; i++) { /* what the kernel has written over */
        struct msghdr *message = &worker->messages[i].msg_hdr;
        message->msg_namelen = sizeof worker->names[i];
        message->msg_controllen = sizeof worker->controls[i].bytes;
        message->msg_flags = 0;
    }
    int count = recvmmsg(socket->fd, worker->messages, RECEIVE, MSG_DONTWAIT, NULL);
    worker->used = count > 0 ? count : 1; /* a failed call may have touched the first */
    return count;
}

/* The kernel's receive stamp, brought from the wall clock to ours; what it dropped, counted. */
static int64_t read_ancillary(struct socket *socket, struct msghdr *message, struct moment moment) {
    int64_t received_us = moment.now_us;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET) continue;
        if (at->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(at), sizeof stamp);
            received_us = (int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000;
            received_us += moment.wall_offset_us;
        } else if (at->cmsg_type == SO_RXQ_OVFL) {
            uint32_t overflow;
            memcpy(&overflow, CMSG_DATA(at), sizeof overflow);
            socket->row.kernel_dropped += overflow - socket->overflow;
            socket->overflow = overflow;
        }
    }
    bool sane = received_us <= moment.now_us && moment.now_us - received_us < LATENCY_MAX_US;
    return sane ? received_us : moment.now_us;
}

/* Whether it is whole and somebody's; says when it came. */
static bool read_head(struct worker *worker, struct socket *socket, int i, struct moment moment,
                      struct sfu_address *remote) {
    struct msghdr *message = &worker->messages[i].msg_hdr;
    worker->core->received_us = read_ancillary(socket, message, moment);
    *remote = address_from_kernel(&worker->names[i]);
    if (message->msg_flags & MSG_TRUNC) socket->row.unknown_packets++;
    return !(message->msg_flags & MSG_TRUNC);
}

static int receive_alone(struct worker *worker, struct socket *socket) {
    int count = fetch(worker, socket);
    if (count <= 0) return count;
    struct moment moment = moment_now();
    struct sfu_address remote;
    worker->core->now_us = moment.now_us;
    for (int i = 0; i < count; i++) {
        if (!read_head(worker, socket, i, moment, &remote)) continue;
        bool connected = socket->paths && socket->paths->transport->latch == LATCH_CONNECTED;
        if (!connected && remote.family == 0) continue;
        core_receive(worker->core, socket, connected ? NULL : &remote, worker->buffers[i],
                     worker->messages[i].msg_len);
    }
    return count;
}

/* Into rings. Without room in our own, what waits stays with the kernel; others' drop, counted. */
static int sort(struct worker *worker, struct socket *socket) {
    struct core *core = worker->core;
    if (!hand_has_room(core->outboxes[core->index], RECEIVE)) return RECEIVE;
    int count = fetch(worker, socket);
    if (count <= 0) return count;
    struct moment moment = moment_now();
    struct sfu_address remote;
    int64_t received_us = core->received_us; /* of what is being worked on */
    for (int i = 0; i < count; i++) {
        if (!read_head(worker, socket, i, moment, &remote) || remote.family == 0) continue;
        const struct path *path = path_find(core, socket, &remote);
        hand_datagram(core, path && path->away ? path->away - 1 : core->index, socket, &remote,
                      worker->buffers[i], worker->messages[i].msg_len);
    }
    core->received_us = received_us;
    core->handed &= ~(1u << core->index);
    worker_tell_others(worker);
    return count;
}

int receive(struct worker *worker, struct socket *socket) {
    if (!socket->lent) return receive_alone(worker, socket);
    struct core *core = worker->core;
    struct outbox *ours = core->outboxes[core->index];
    int count = sort(worker, socket);
    core->now_us = clock_us(CLOCK_MONOTONIC);
    hand_take(core, ours);
    return hand_waits(ours) ? RECEIVE : count;
}

void receive_meanwhile(void *context) {
    struct worker *worker = context;
    sort(worker, worker->working);
}
