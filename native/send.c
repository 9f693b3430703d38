/* Datagrams to the kernel: runs of equal size to one peer as one segmented send (UDP_SEGMENT).
 *
 *   path A  1100 1100 1100 700 | 1100 1100      two messages: a shorter packet may close a run
 *   path B  160                                 alone: no control message at all
 */
#define _GNU_SOURCE
#include "send.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "stream.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define RUN_MAX 64
#define RUN_BYTES_MAX 65507
#define SEGMENT_MAX 1472 /* GSO never fragments: 1500 less IPv4 and UDP headers */
#define MESSAGES 256
#define AT_ONCE 8 /* messages between two looks at what comes meanwhile */

struct outgoing { /* messages for one socket */
    struct socket *socket;
    int count, vectors;
    struct mmsghdr messages[MESSAGES];
    struct path *paths[MESSAGES];
    int segments[MESSAGES];
    struct sockaddr_storage names[MESSAGES];
    uint8_t marks[MESSAGES];
    union control controls[MESSAGES];
    struct iovec iov[BATCH_ENTRIES];
};

socklen_t address_to_kernel(const struct socket *socket, const struct sfu_address *address,
                            struct sockaddr_storage *out) {
    if (address->family == 4 && !socket->inet6) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in->sin_addr, address->host, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    in6->sin6_scope_id = address->scope;
    if (address->family == 4) { /* a dual-stack socket writes ::ffff:a.b.c.d */
        in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
        memcpy(in6->sin6_addr.s6_addr + 12, address->host, 4);
    } else {
        memcpy(&in6->sin6_addr, address->host, 16);
    }
    return sizeof *in6;
}

struct sfu_address address_from_kernel(const struct sockaddr_storage *from) {
    struct sfu_address address = {0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        address.family = 4;
        address.port = ntohs(in->sin_port);
        memcpy(address.host, &in->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        address.family = mapped ? 4 : 6;
        address.port = ntohs(in6->sin6_port);
        address.scope = mapped ? 0 : in6->sin6_scope_id;
        memcpy(address.host, in6->sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
    }
    return address;
}

static void add_control(struct msghdr *message, union control *control, int level, int type,
                        const void *value, size_t size) {
    struct cmsghdr *header = (struct cmsghdr *)(control->bytes + message->msg_controllen);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), value, size);
    message->msg_control = control;
    message->msg_controllen += CMSG_SPACE(size);
}

void control_set(struct msghdr *message, union control *control, size_t segment, uint8_t mark,
                 uint16_t family) {
    memset(control, 0, sizeof *control);
    message->msg_control = NULL;
    message->msg_controllen = 0;
    uint16_t size = (uint16_t)segment;
    int class = mark << 2; /* the two bits of ECN are not ours */
    if (segment) add_control(message, control, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size);
    if (mark && family == 6)
        add_control(message, control, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
    else if (mark) /* a dual-stack socket reads this for ::ffff:a.b.c.d */
        add_control(message, control, IPPROTO_IP, IP_TOS, &class, sizeof class);
}

static void count_sent(struct outgoing *out, int i) {
    struct sfu_socket_row *row = &out->socket->row;
    row->sent_packets += (uint64_t)out->segments[i];
    row->sent_bytes += out->messages[i].msg_len;
    if (out->segments[i] > 1) row->gso_packets += (uint64_t)out->segments[i];
}

/* Cards without checksum offload and small MTUs refuse segments: once refused, never again. */
static bool gso_refused(const struct outgoing *out, int i, int error) {
    return out->segments[i] > 1 && (error == EIO || error == EINVAL || error == EMSGSIZE);
}

static void send_singly(struct outgoing *out, int i) {
    struct msghdr message = out->messages[i].msg_hdr;
    struct iovec *iov = message.msg_iov;
    union control control;
    control_set(&message, &control, 0, out->marks[i], out->paths[i]->remote.family);
    message.msg_iovlen = 1;
    out->paths[i]->transport->gso_failed = true;
    for (int k = 0; k < out->segments[i]; k++) {
        message.msg_iov = iov + k;
        ssize_t sent = sendmsg(out->socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            out->socket->row.send_errors++;
        } else {
            out->socket->row.sent_packets++;
            out->socket->row.sent_bytes += (uint64_t)sent;
        }
    }
}

static void send_messages(struct outgoing *out, const struct batch *batch) {
    for (int at = 0; at < out->count;) {
        int left = out->count - at;
        if (batch->meanwhile && at) batch->meanwhile(batch->context);
        if (batch->meanwhile && left > AT_ONCE) left = AT_ONCE;
        int sent = sendmmsg(out->socket->fd, out->messages + at, (unsigned)left,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            for (int i = at; i < at + sent; i++) count_sent(out, i);
            at += sent;
            continue;
        }
        if (errno == EINTR) continue;
        if (gso_refused(out, at, errno))
            send_singly(out, at);
        else
            out->socket->row.send_errors += (uint64_t)out->segments[at];
        at++;
    }
    out->count = out->vectors = 0;
}

/* Packets from `first` on that may leave together. */
static int run_length(const struct batch *batch, const struct path *path, int first) {
    const struct transport *transport = path->transport;
    size_t size = batch->entries[first].length, total = size;
    uint8_t mark = batch->entries[first].mark;
    int count = 1;
    if (!transport->gso || transport->gso_failed || !path->socket->internet || size > SEGMENT_MAX)
        return 1;
    for (int i = batch->entries[first].next; i >= 0 && count < RUN_MAX; i = batch->entries[i].next) {
        size_t length = batch->entries[i].length;
        if (length > size || total + length > RUN_BYTES_MAX || batch->entries[i].mark != mark) break;
        total += length;
        count++;
        if (length < size) break;
    }
    return count;
}

static void add_run(struct outgoing *out, struct batch *batch, struct path *path, int *index) {
    int i = out->count++, count = run_length(batch, path, *index);
    struct msghdr *message = &out->messages[i].msg_hdr;
    memset(message, 0, sizeof *message);
    message->msg_iov = out->iov + out->vectors;
    message->msg_iovlen = (size_t)count;
    if (path->transport->latch != LATCH_CONNECTED) {
        message->msg_name = &out->names[i];
        message->msg_namelen = address_to_kernel(path->socket, &path->remote, &out->names[i]);
    }
    out->marks[i] = path->socket->internet ? batch->entries[*index].mark : 0;
    if (count > 1 || out->marks[i])
        control_set(message, &out->controls[i], count > 1 ? batch->entries[*index].length : 0,
                    out->marks[i], path->remote.family);
    out->paths[i] = path;
    out->segments[i] = count;
    for (; count > 0; count--, *index = batch->entries[*index].next)
        out->iov[out->vectors++] =
            (struct iovec){batch->entries[*index].bytes, batch->entries[*index].length};
}

static void send_on_stream(const struct batch *batch, struct socket *socket, int64_t now_us) {
    for (struct path *path = socket->active; path; path = path->next_active)
        for (int i = path->first; i >= 0; i = batch->entries[i].next)
            stream_put(socket, batch->entries[i].bytes, batch->entries[i].length, now_us);
    stream_flush(socket, now_us);
}

static _Thread_local struct outgoing leaving;

void send_prepare(void) {
    memset(&leaving, 0, sizeof leaving); /* written to, so that the memory is there */
}

void send_batch(struct batch *batch, int64_t now_us) {
    for (int i = 0; i < batch->active_count; i++) {
        leaving.socket = batch->active[i];
        if (leaving.socket->stream) {
            send_on_stream(batch, leaving.socket, now_us);
            continue;
        }
        for (struct path *path = leaving.socket->active; path; path = path->next_active)
            for (int index = path->first; index >= 0;) {
                add_run(&leaving, batch, path, &index);
                if (leaving.count == MESSAGES) send_messages(&leaving, batch);
            }
        send_messages(&leaving, batch);
    }
}
