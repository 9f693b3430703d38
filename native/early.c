/* Packets of a picture that come before Python has set their source.
 *
 *   SSRC 7 --> SourceAppeared --(a few ms)--> SetSource
 *          `-> kept, up to 32 a transport --------> as if they came now, in order
 *
 * A page's layers say their SSRC by their first packet alone, and that one begins its first key frame:
 * without it nobody could begin there, and another would have to be asked for.  Kept is only what some
 * picture source of the transport awaits by its payload type.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

static bool awaited(const struct transport *transport, uint8_t payload_type) {
    const struct source *source = transport->sources;
    while (source && !(source->asked.kind == KIND_VIDEO && source->codecs[payload_type]))
        source = source->next_on_transport;
    return source != NULL;
}

static void drop_oldest(struct transport *transport) {
    free(transport->early[0]);
    transport->early_count--;
    memmove(transport->early, transport->early + 1,
            (size_t)transport->early_count * sizeof *transport->early);
}

void early_keep(struct core *core, struct transport *transport, const struct packet *packet) {
    while (transport->early_count &&
           core->received_us - transport->early[0]->received_us > FRESH_US)
        drop_oldest(transport);
    if (transport->early_count == EARLY_MAX || !awaited(transport, packet->payload_type)) return;
    struct early *early = malloc(sizeof *early + packet->length);
    if (!early) return;
    early->received_us = core->received_us;
    early->packet = (struct packet){
        .payload_type = packet->payload_type, .marker = packet->marker,
        .sequence = packet->sequence, .timestamp = packet->timestamp, .ssrc = packet->ssrc,
        .payload = early->bytes, .length = packet->length,
    };
    memcpy(early->bytes, packet->payload, packet->length);
    transport->early[transport->early_count++] = early;
}

void early_release(struct core *core, struct transport *transport) {
    int64_t now_us = core->received_us;
    int left = 0;
    for (int i = 0; i < transport->early_count; i++) {
        struct early *early = transport->early[i];
        core->received_us = early->received_us;
        bool fresh = now_us - early->received_us <= FRESH_US;
        if (fresh && !transport_pass(core, transport, &early->packet))
            transport->early[left++] = early;
        else
            free(early);
    }
    transport->early_count = left;
    core->received_us = now_us;
}

void early_free(struct transport *transport) {
    while (transport->early_count) drop_oldest(transport);
}
