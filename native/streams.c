/* Sources and sinks: what they shall be, which carries which, and with which sequence numbers. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"

uint64_t mix64(uint64_t value) { /* splitmix64 */
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* RFC 3711 section 3.3.1: the first sequence number stands below 2^15. An SSRC that was sent
 * before with these keys goes on where it was: one index never protects two plaintexts. */
static bool first_sequence(const struct core *core, const struct transport *transport,
                           uint32_t ssrc, uint16_t *sequence) {
    for (int i = 0; i < transport->spent_count; i++) {
        if (transport->spent[i].ssrc != ssrc) continue;
        *sequence = transport->spent[i].next;
        return true;
    }
    uint64_t dice = mix64(core->seed ^ ((uint64_t)transport->node.id << 32 | ssrc));
    *sequence = (uint16_t)(dice & 0x7fff);
    return transport->spent_count < SPENT_MAX;
}

static void spend(struct transport *transport, uint32_t ssrc, uint16_t next) {
    int i = 0;
    while (i < transport->spent_count && transport->spent[i].ssrc != ssrc) i++;
    if (i == transport->spent_count) {
        size_t size = (size_t)(i + 1) * sizeof(struct spent);
        struct spent *grown = i < SPENT_MAX ? realloc(transport->spent, size) : NULL;
        if (!grown) return;
        transport->spent = grown;
        transport->spent_count++;
    }
    transport->spent[i] = (struct spent){ssrc, next};
}

void source_set(struct core *core, const struct sfu_set_source *command,
                const uint8_t *sets, size_t length) {
    struct source *source = table_find(&core->sources, command->source);
    struct transport *transport = table_find(&core->transports, command->transport);
    if (!transport || (source && source->transport != transport)) return;
    if (!source) {
        if (!(source = calloc(1, sizeof *source))) return;
        source->node.id = source->row.source = command->source;
        source->row.level_dbov = 127;
        source->transport = transport;
        source->next_on_transport = transport->sources;
        transport->sources = source;
        table_add(&core->sources, &source->node);
    }
    source->asked = *command;
    memset(source->codecs, 0, sizeof source->codecs);
    memset(source->repairs, 0, sizeof source->repairs);
    for (int i = 0; i < command->payload_count; i++)
        if (command->payloads[i].other < CODEC_LIMIT)
            source->codecs[command->payloads[i].number & 127] = command->payloads[i].other;
    for (int i = 0; i < command->rtx_count; i++)
        source->repairs[command->rtx[i].number & 127] = command->rtx[i].other & 127;
    for (size_t at = 0, i = 0; i < command->set_count && at + 2 <= length; i++) {
        uint16_t size;
        memcpy(&size, sets + at, 2);
        at += 2;
        if (at + size > length) return;
        if (!source->begun) source_keep_set(source, sets + at, size); /* in band is newer */
        at += size;
    }
    for (int i = 0; i < transport->told_count; i++)
        if (command->has_ssrc && transport->told[i].ssrc == command->ssrc)
            transport->told[i--] = transport->told[--transport->told_count];
    early_release(core, transport);
}

static struct sink *new_sink(struct core *core, struct transport *transport,
                             const struct sfu_set_sink *command) {
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink) return NULL;
    if (!first_sequence(core, transport, command->ssrc, &sink->next_sequence)) {
        free(sink);
        return NULL;
    }
    sink->node.id = sink->row.sink = command->sink;
    sink->transport = transport;
    sink->rebase = true;
    sink_forget_numbers(sink);
    sink->temporal = sink->layers = 7;
    sink->pictures.sink = sink->repairs.sink = sink;
    sink->repairs.class = CLASS_REPAIR;
    sink->next_on_transport = transport->sinks;
    transport->sinks = sink;
    table_add(&core->sinks, &sink->node);
    return sink;
}

/* The SSRCs of a sink may change while it lives. */
static void renumber(struct core *core, struct sink *sink, const struct sfu_set_sink *command) {
    struct transport *transport = sink->transport;
    if (sink->asked.sink && sink->asked.ssrc != command->ssrc) {
        struct source *past_of = sink->past_of;
        spend(transport, sink->asked.ssrc, sink->next_sequence);
        first_sequence(core, transport, command->ssrc, &sink->next_sequence);
        sink_forget_numbers(sink); /* they were the other SSRC's */
        sink->past_of = past_of;
    }
    bool had = sink->asked.has_rtx;
    if (had && (!command->has_rtx || sink->asked.rtx_ssrc != command->rtx_ssrc))
        spend(transport, sink->asked.rtx_ssrc, sink->next_rtx);
    if (command->has_rtx && (!had || sink->asked.rtx_ssrc != command->rtx_ssrc))
        first_sequence(core, transport, command->rtx_ssrc, &sink->next_rtx);
}

void sink_set(struct core *core, const struct sfu_set_sink *command) {
    struct sink *sink = table_find(&core->sinks, command->sink);
    struct transport *transport = table_find(&core->transports, command->transport);
    if (!transport || (sink && sink->transport != transport)) return;
    if (!sink && !(sink = new_sink(core, transport, command))) return;
    renumber(core, sink, command);
    sink->asked = *command;
    memset(sink->payloads, 0, sizeof sink->payloads);
    memset(sink->knows, 0, sizeof sink->knows);
    for (int i = 0; i < command->payload_count; i++)
        if (command->payloads[i].number < CODEC_LIMIT) {
            sink->payloads[command->payloads[i].number] = command->payloads[i].other & 127;
            sink->knows[command->payloads[i].number] = true;
        }
    if (command->single_nal && !sink->nal) sink->nal = malloc(MTU_PAYLOAD);
    sink->shares = sink_shares(sink);
    history_resize(&sink->history, sink->shares ? 0 : command->history);
    if (sink->shares && sink->source) past_begin(&sink->source->past);
    if (sink->shares && sink->pending) past_begin(&sink->pending->past);
    pacer_move(sink, command->picture_class);
}

/* Of what it carries; what it sent may still be asked for again. */
static void forget_waiting(struct core *core, struct sink *sink) {
    if (sink->transport->line) pacer_forget(core, sink->transport->line, &sink->pictures);
}

static void let_go(struct core *core, struct sink *sink) {
    forget_waiting(core, sink);
    if (sink->source) source_unlink(sink->source, sink);
    if (sink->pending) source_unlink(sink->pending, sink);
    sink->source = sink->pending = NULL;
    sink->rebase = true;
}

void sink_route(struct core *core, const struct sfu_set_route *command) {
    struct sink *sink = table_find(&core->sinks, command->sink);
    struct source *source = table_find(&core->sources, command->source);
    if (!sink) return;
    sink->temporal = command->temporal < 7 ? (uint8_t)command->temporal : 7;
    if (sink->temporal < 7) sink_name_pictures(sink);
    if (!source) {
        let_go(core, sink);
        return;
    }
    if (sink->pending == source || (sink->source == source && !sink->pending)) return;
    if (sink->pending) source_unlink(sink->pending, sink);
    sink->pending = NULL;
    if (sink->source == source) return;
    if (sink->asked.kind == KIND_VIDEO) {
        sink->pending = source;
    } else {
        let_go(core, sink);
        sink->source = source;
    }
    source_link(source, sink);
    if (sink->pending) sink_catch_up(core, sink);
}

void sink_close(struct sink *sink, struct core *core) {
    struct sink **at = &sink->transport->sinks;
    while (*at != sink) at = &(*at)->next_on_transport;
    *at = sink->next_on_transport;
    spend(sink->transport, sink->asked.ssrc, sink->next_sequence);
    if (sink->asked.has_rtx) spend(sink->transport, sink->asked.rtx_ssrc, sink->next_rtx);
    let_go(core, sink);
    struct line *line = sink->transport->line;
    if (line) pacer_forget(core, line, &sink->repairs);
    if (line && line->probe.sink == sink) line->probe.sink = NULL;
    history_free(&sink->history);
    free(sink->named);
    free(sink->nal);
    table_remove(&core->sinks, &sink->node);
    free(sink);
}

void source_close(struct source *source, struct core *core) {
    struct source **at = source->ghost ? &core->ghosts : &source->transport->sources;
    while (*at != source) at = &(*at)->next_on_transport;
    *at = source->next_on_transport;
    if (source->ghost) core->ghost_count--;
    for (int i = 0; i < source->sink_count; i++) {
        struct sink *sink = source->sinks[i];
        if (sink->source == source) {
            forget_waiting(core, sink);
            sink->source = NULL;
        }
        if (sink->pending == source) sink->pending = NULL;
        if (sink->past_of == source) sink_forget_numbers(sink);
        sink->rebase = true;
    }
    table_remove(&core->sources, &source->node);
    past_free(&source->past);
    free(source->sinks);
    free(source);
}
