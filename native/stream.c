/* A connected TCP socket as the engine's thread serves it; see stream.h. */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "send.h"

#define ROUNDS 8              /* reads before other sockets have their turn */
#define UNSENT (16 * 1024)    /* what the kernel may hold besides what is under way */
#define SMALL 400             /* a datagram of sound; none of a picture's is worth holding it up */
#define TOGETHER 24           /* frames in one system call */
#define PEER_TIMEOUT_MS 20000 /* unacknowledged for so long: gone */

static const size_t lane_bytes[LANES] = {[LANE_URGENT] = 32 * 1024, [LANE_PICTURES] = 128 * 1024};
static const int64_t stale_us[LANES] = {[LANE_URGENT] = 1000000, [LANE_PICTURES] = 400000};

static void set(int fd, int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof value); /* may be refused: slower, not wrong */
}

static void tell_ended(struct core *core, const struct socket *socket) {
    struct sfu_close event = {socket->node.id, 0};
    ring_put(&core->ring, EVENT_SOCKET_ENDED, &event, sizeof event, NULL, 0);
}

static bool begin(struct stream *stream, int fd, int epoll, uint32_t id) {
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &length)) return false;
    stream->remote = address_from_kernel(&name);
    stream->epoll = epoll;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_TIMEOUT_MS);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = id};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool stream_open(struct core *core, struct socket *socket, int epoll) {
    socket->stream = calloc(1, sizeof *socket->stream);
    if (socket->stream && begin(socket->stream, socket->fd, epoll, socket->node.id)) return true;
    tell_ended(core, socket);
    free(socket->stream);
    close(socket->fd);
    return false;
}

void stream_close(struct socket *socket) {
    for (int i = 0; i < LANES; i++) lane_free(&socket->stream->lanes[i]);
    free(socket->stream);
}

/* The socket stays until it is closed by command: a transport may stand on it. */
static void end(struct core *core, struct socket *socket) {
    struct stream *stream = socket->stream;
    if (stream->ended) return;
    stream->ended = true;
    epoll_ctl(stream->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
    tell_ended(core, socket);
}

static void watch(struct socket *socket, int how) {
    struct stream *stream = socket->stream;
    uint32_t room = stream->awaits_room ? (uint32_t)EPOLLOUT : 0u;
    struct epoll_event event = {.events = EPOLLIN | room, .data.u64 = socket->node.id};
    epoll_ctl(stream->epoll, how, socket->fd, &event);
}

void stream_join(struct socket *socket, int epoll) {
    socket->stream->epoll = epoll;
    if (!socket->stream->ended) watch(socket, EPOLL_CTL_ADD);
}

static void await_room(struct socket *socket, bool awaits) {
    struct stream *stream = socket->stream;
    if (stream->awaits_room == awaits || stream->ended) return;
    stream->awaits_room = awaits;
    watch(socket, EPOLL_CTL_MOD);
}

/* False where nothing behind it can be read. */
static bool take_frames(struct core *core, struct socket *socket) {
    struct stream *stream = socket->stream;
    size_t at = 0;
    uint8_t *datagram;
    int length;
    while ((length = framing_next(&stream->in, &at, &datagram)) >= 0)
        core_receive(core, socket, &stream->remote, datagram, (size_t)length);
    core_release(core);
    batch_flush(core->batch); /* before the bytes move */
    framing_keep(&stream->in, at);
    return length == -1;
}

static void receive(struct core *core, struct socket *socket) {
    struct framing *in = &socket->stream->in;
    for (int round = 0; round < ROUNDS && !socket->stream->ended; round++) {
        size_t room = sizeof in->bytes - in->used;
        ssize_t got = recv(socket->fd, in->bytes + in->used, room, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            end(core, socket);
            return;
        }
        in->used += (size_t)got;
        if (!take_frames(core, socket)) end(core, socket);
        if ((size_t)got < room) return;
    }
}

void stream_work(struct core *core, struct socket *socket, uint32_t ready) {
    if (ready & EPOLLOUT) stream_flush(socket, core->now_us);
    if (ready & ~(uint32_t)EPOLLOUT) receive(core, socket);
}

static int lane_of(const uint8_t *datagram, size_t length) {
    return demux(datagram, length) != PROTOCOL_RTP || length <= SMALL ? LANE_URGENT : LANE_PICTURES;
}

void stream_put(struct socket *socket, const uint8_t *datagram, size_t length, int64_t now_us) {
    struct stream *stream = socket->stream;
    int lane = lane_of(datagram, length);
    if (stream->ended || length > PACKET_CAP ||
        !lane_put(&stream->lanes[lane], lane_bytes[lane], datagram, length, now_us))
        socket->row.send_errors++;
}

static void drop_stale(struct socket *socket, int64_t now_us) {
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &socket->stream->lanes[i];
        size_t length;
        int64_t since_us;
        while (lane_first(lane, &length, &since_us) && now_us - since_us > stale_us[i]) {
            lane_drop(lane);
            socket->row.send_errors++;
        }
    }
}

/* What leaves next: the rest of a frame, then what is urgent, then pictures. */
static int gather(struct stream *stream, struct iovec *iov, struct lane **lanes) {
    int count = 0;
    size_t total = 0, length;
    int64_t since_us;
    if (stream->left) {
        iov[count] = (struct iovec){stream->rest + stream->begun, stream->left};
        lanes[count++] = NULL;
    }
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &stream->lanes[i];
        const uint8_t *frame = lane_first(lane, &length, &since_us);
        for (; frame && count < TOGETHER && total < UNSENT; frame = lane_next(lane, frame, &length)) {
            iov[count] = (struct iovec){(void *)(uintptr_t)frame, length};
            lanes[count++] = lane;
            total += length;
        }
    }
    return count;
}

/* Takes what has gone off what waits; a part of a frame leaves its rest to go first. */
static void sent(struct socket *socket, const struct iovec *iov, struct lane *const *lanes,
                 int count, size_t bytes) {
    struct stream *stream = socket->stream;
    for (int i = 0; i < count && bytes; i++) {
        size_t gone = bytes < iov[i].iov_len ? bytes : iov[i].iov_len;
        bytes -= gone;
        if (!lanes[i]) {
            stream->begun += gone;
            stream->left -= gone;
            continue;
        }
        socket->row.sent_packets++;
        socket->row.sent_bytes += iov[i].iov_len - FRAME_HEAD;
        if (gone < iov[i].iov_len) {
            stream->begun = 0;
            stream->left = iov[i].iov_len - gone;
            memcpy(stream->rest, (const uint8_t *)iov[i].iov_base + gone, stream->left);
        }
        lane_drop(lanes[i]);
    }
}

/* An error shows again, and for good, when the socket is read. */
void stream_flush(struct socket *socket, int64_t now_us) {
    struct stream *stream = socket->stream;
    struct iovec iov[TOGETHER];
    struct lane *lanes[TOGETHER];
    drop_stale(socket, now_us);
    int count;
    while (!stream->ended && (count = gather(stream, iov, lanes)) > 0) {
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
        ssize_t gone = sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (gone < 0 && errno == EINTR) continue;
        if (gone < 0) break;
        sent(socket, iov, lanes, count, (size_t)gone);
    }
    await_room(socket, stream->left || stream->lanes[LANE_URGENT].frames || stream->lanes[LANE_PICTURES].frames);
}
