/* Sends what a batch holds; part of loop.c's side: it knows sockets. */
#ifndef SFU_SEND_H
#define SFU_SEND_H

#include <sys/socket.h>

#include "core.h"

/* Sends everything; never blocks, drops and counts what the kernel does not take. */
void send_batch(struct batch *batch);
socklen_t address_to_kernel(const struct socket *socket, const struct sfu_address *address,
                            struct sockaddr_storage *out);
struct sfu_address address_from_kernel(const struct sockaddr_storage *from);

#endif
