/* Sends what a batch holds; part of loop.c's side: it knows sockets. */
#ifndef SFU_SEND_H
#define SFU_SEND_H

#include <sys/socket.h>

#include "core.h"

/* Ancillary data of a message: the length of its segments, its mark. */
union control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(int))];
};
/* `segment` 0: one datagram alone; `mark` a DSCP, 0 for none; `family` of the remote address. */
void control_set(struct msghdr *message, union control *control, size_t segment, uint8_t mark,
                 uint16_t family);

/* Once by a thread before it sends anything, so that no send waits for memory. */
void send_prepare(void);

/* Sends everything; never blocks, drops and counts what the kernel does not take. */
void send_batch(struct batch *batch, int64_t now_us);
socklen_t address_to_kernel(const struct socket *socket, const struct sfu_address *address,
                            struct sockaddr_storage *out);
struct sfu_address address_from_kernel(const struct sockaddr_storage *from);

#endif
