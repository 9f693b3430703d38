/* What leaves in one go: datagrams gathered per path, so that equal sizes to one peer stand
 * together and can leave as one segmented send (UDP_SEGMENT). */
#include "core.h"

#define LOOK 64 /* packets that are protected in some 25 us */

uint8_t *batch_reserve(struct batch *batch) {
    if (batch->count == BATCH_ENTRIES || batch->used + PACKET_CAP > BATCH_BYTES) batch_flush(batch);
    return batch->arena + batch->used;
}

/* Behind the others: who was served first is sent to first. */
static void activate(struct batch *batch, struct path *path) {
    struct socket *socket = path->socket;
    path->next_active = NULL;
    if (socket->active) {
        socket->active_last->next_active = path;
    } else {
        batch->active[batch->active_count++] = socket;
        socket->active = path;
    }
    socket->active_last = path;
    path->first = path->last = -1;
}

void batch_commit(struct batch *batch, struct path *path, uint8_t *bytes, size_t length,
                  int64_t received_us, uint8_t mark) {
    int index = batch->count++;
    if (path->first < 0) activate(batch, path);
    batch->entries[index] = (struct entry){path, bytes, (uint32_t)length, -1, mark, received_us};
    if (path->last < 0)
        path->first = index;
    else
        batch->entries[path->last].next = index;
    path->last = index;
    batch->used += (length + 15) & ~(size_t)15;
}

void batch_look(struct batch *batch) {
    if (!batch->meanwhile || batch->count - batch->looked < LOOK) return;
    batch->looked = batch->count;
    batch->meanwhile(batch->context);
}

/* Lets go of all entries, sent or not. */
void batch_forget(struct batch *batch) {
    for (int i = 0; i < batch->active_count; i++) {
        struct path *path = batch->active[i]->active;
        for (; path; path = path->next_active) path->first = path->last = -1;
        batch->active[i]->active = NULL;
    }
    batch->active_count = batch->count = batch->looked = 0;
    batch->used = 0;
}

void batch_flush(struct batch *batch) {
    if (batch->count) batch->flush(batch, batch->context);
    batch_forget(batch);
}
