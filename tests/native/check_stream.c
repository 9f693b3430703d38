/* Connections over TCP: frames cut anywhere, a peer that does not read, one that lies, one that goes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "stream.h"

static int epoll;

static bool open_socket(struct core *core, struct socket *socket) {
    return stream_open(core, socket, epoll);
}

static void close_socket(struct core *core, struct socket *socket) {
    (void)core;
    stream_close(socket);
    close(socket->fd);
}

static void flush(struct batch *batch, void *context) {
    (void)batch;
    (void)context;
}

/* A connected pair over loopback: ours, and the peer's. */
static void pair(int fds[2]) {
    struct sockaddr_in here = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t length = sizeof here;
    int listening = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    assert(bind(listening, (struct sockaddr *)&here, length) == 0 && listen(listening, 1) == 0);
    getsockname(listening, (struct sockaddr *)&here, &length);
    fds[1] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert(connect(fds[1], (struct sockaddr *)&here, length) == 0);
    fds[0] = accept(listening, NULL, NULL);
    assert(fds[0] >= 0);
    close(listening);
}

static struct socket *opened(struct core *core, uint32_t id, int peer[1]) {
    int fds[2];
    pair(fds);
    socket_open(core, &(struct sfu_open_socket){id, fds[0]});
    struct socket *socket = table_find(&core->sockets, id);
    assert(socket && socket->stream);
    *peer = fds[1];
    return socket;
}

static void work(struct core *core, struct socket *socket) {
    struct epoll_event event;
    while (epoll_wait(epoll, &event, 1, 50) > 0 && event.data.u64 == socket->node.id)
        stream_work(core, socket, event.events);
}

/* What the ring holds: the datagrams of this socket by their size, and whether it ended. */
static int told(struct core *core, size_t *sizes, bool *ended) {
    static uint8_t buffer[RING_BYTES];
    size_t taken = ring_take(&core->ring, buffer, sizeof buffer);
    int count = 0;
    for (size_t at = 0; at < taken;) {
        struct sfu_record record;
        memcpy(&record, buffer + at, sizeof record);
        struct sfu_received event;
        if (record.kind == EVENT_DATAGRAM_RECEIVED) {
            memcpy(&event, buffer + at + sizeof record, sizeof event);
            sizes[count++] = event.length;
            assert(event.remote.family == 4 && event.remote.port);
        }
        *ended |= record.kind == EVENT_SOCKET_ENDED;
        at += record.size;
    }
    return count;
}

static void frames_cut_anywhere(struct core *core) {
    int peer;
    struct socket *socket = opened(core, 1, &peer);
    uint8_t said[2 + 20 + 2 + 2048 + 2] = {0, 20, [22] = 8, [23] = 0};
    size_t sizes[8];
    bool ended = false;
    int count = 0;
    for (size_t cut = 1; cut < sizeof said; cut += 97) {
        assert(send(peer, said, cut, 0) == (ssize_t)cut);
        work(core, socket);
        count = told(core, sizes, &ended);
        assert(send(peer, said + cut, sizeof said - cut, 0) == (ssize_t)(sizeof said - cut));
        work(core, socket);
        count += told(core, sizes + count, &ended);
        assert(count == 2 && sizes[0] == 20 && sizes[1] == 2048 && !ended);
    }
    assert(socket->row.received_packets % 3 == 0); /* the empty one is counted, and nobody's */
    close(peer);
    work(core, socket);
    assert(told(core, sizes, &ended) == 0 && ended && socket->stream->ended);
    stream_put(socket, said, 20, 0);
    stream_flush(socket, 0); /* to nobody */
    socket_close(socket, core);
}

static void a_frame_that_is_too_long(struct core *core) {
    int peer;
    struct socket *socket = opened(core, 2, &peer);
    size_t sizes[8];
    bool ended = false;
    uint8_t said[] = {0, 2, 1, 1, 0x16, 3, 1, 2};
    assert(send(peer, said, sizeof said, 0) == sizeof said);
    work(core, socket);
    assert(told(core, sizes, &ended) == 1 && sizes[0] == 2 && ended);
    socket_close(socket, core);
    close(peer);
}

static size_t read_all(int peer, uint8_t *into, size_t cap) {
    size_t used = 0;
    ssize_t got;
    while (used < cap && (got = recv(peer, into + used, cap - used, MSG_DONTWAIT)) > 0)
        used += (size_t)got;
    return used;
}

/* Of what a peer that reads nothing is sent, sound goes on and pictures are dropped. */
static void a_peer_that_does_not_read(struct core *core) {
    static uint8_t heard[8 * 1024 * 1024];
    int peer;
    struct socket *socket = opened(core, 3, &peer);
    uint8_t picture[1200] = {0x80, 96}, sound[160] = {0x80, 111};
    int64_t now_us = 0;
    for (int i = 0; i < 4000; i++, now_us += 1000) {
        put16(picture + 2, (uint32_t)i);
        put16(sound + 2, (uint32_t)i);
        stream_put(socket, picture, sizeof picture, now_us);
        if (i % 20 == 0) stream_put(socket, sound, sizeof sound, now_us);
        stream_flush(socket, now_us);
    }
    assert(socket->row.send_errors > 0 && socket->stream->awaits_room);
    size_t waiting = socket->stream->lanes[LANE_PICTURES].used;
    assert(waiting <= 128 * 1024);
    core->now_us = now_us;
    size_t used = 0;
    for (int idle = 0; idle < 20;) {
        size_t got = read_all(peer, heard + used, sizeof heard - used);
        used += got;
        idle = got ? 0 : idle + 1;
        work(core, socket);
    }
    int pictures = 0, sounds = 0, last_picture = -1, last_sound = -1;
    size_t at = 0;
    for (; at + 2 <= used; at += 2u + get16(heard + at)) { /* whole frames, in order, the newest last */
        const uint8_t *packet = heard + at + 2;
        int number = get16(packet + 2), *last = packet[1] == 96 ? &last_picture : &last_sound;
        assert(get16(heard + at) == (packet[1] == 96 ? sizeof picture : sizeof sound));
        assert(number > *last);
        *last = number;
        packet[1] == 96 ? pictures++ : sounds++;
    }
    assert(at == used && last_sound == 3980 && last_picture > 3500);
    assert(pictures + sounds + (int)socket->row.send_errors == 4200);
    assert(!socket->stream->awaits_room && socket->stream->lanes[LANE_PICTURES].frames == 0);
    assert(socket->row.sent_packets == (uint64_t)(pictures + sounds));
    close(peer);
    work(core, socket);
    socket_close(socket, core);
}

static void one_whose_peer_is_gone_is_told_of_at_once(struct core *core) {
    int fds[2] = {socket(AF_INET, SOCK_STREAM, 0), 0};
    size_t sizes[8];
    bool ended = false;
    socket_open(core, &(struct sfu_open_socket){4, fds[0]});
    assert(!table_find(&core->sockets, 4));
    assert(told(core, sizes, &ended) == 0 && ended);
}

int main(void) {
    struct batch *batch = calloc(1, sizeof *batch);
    batch->flush = flush;
    struct core *core = core_new(7, batch);
    core->open_socket = open_socket;
    core->close_socket = close_socket;
    epoll = epoll_create1(0);
    frames_cut_anywhere(core);
    a_frame_that_is_too_long(core);
    a_peer_that_does_not_read(core);
    one_whose_peer_is_gone_is_told_of_at_once(core);
    core_free(core);
    close(epoll);
    free(batch);
    return 0;
}
