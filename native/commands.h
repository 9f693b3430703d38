/* Commands: each states what shall be, so that saying one twice changes nothing.  `apply.c` reads
 * them; what they do stands with what they are about.
 */
#ifndef SFU_COMMANDS_H
#define SFU_COMMANDS_H

#include "core.h"

/* open.c */
void socket_open(struct core *core, const struct sfu_open_socket *command);
void transport_open(struct core *core, const struct sfu_open_transport *command);
void transport_set_keys(struct core *core, const struct sfu_set_keys *command);
void socket_close(struct socket *socket, struct core *core);
void transport_close(struct transport *transport, struct core *core);

/* streams.c; `sets` are parameter sets, each behind its length of two bytes */
void source_set(struct core *core, const struct sfu_set_source *command, const uint8_t *sets,
                size_t length);
void sink_set(struct core *core, const struct sfu_set_sink *command);
void sink_route(struct core *core, const struct sfu_set_route *command);
void source_close(struct source *source, struct core *core);
void sink_close(struct sink *sink, struct core *core);

/* line.c */
void line_set(struct core *core, const struct sfu_set_line *command);
void line_close(struct line *line, struct core *core);

#endif
