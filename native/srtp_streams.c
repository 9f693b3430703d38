/* The streams under one key: their indices, and which were seen (RFC 3711 sections 3.2.3, 3.3.1).
 *
 * An index is 48 bits, ROC and sequence number; the receiver guesses the ROC.  A stream lives as
 * long as the key: no (key, SSRC, index) ever protects two plaintexts.
 */
#include "srtp_state.h"

#include <stdlib.h>

static struct stream **stream_slot(struct stream **table, size_t slots, uint32_t ssrc)
{
    size_t at = (size_t)(ssrc * UINT32_C(2654435769)) >> 7;
    while (table[at % slots] && table[at % slots]->ssrc != ssrc)
        at++;
    return &table[at % slots];
}

struct stream *srtp_stream_find(struct srtp *srtp, uint32_t ssrc)
{
    if (srtp->latest && srtp->latest->ssrc == ssrc)
        return srtp->latest;
    struct stream *stream = *stream_slot(srtp->table, srtp->slots, ssrc);
    if (stream)
        srtp->latest = stream;
    return stream;
}

static bool table_grow(struct srtp *srtp)
{
    size_t slots = srtp->slots * 2;
    struct stream **table = calloc(slots, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < srtp->slots; i++)
        if (srtp->table[i])
            *stream_slot(table, slots, srtp->table[i]->ssrc) = srtp->table[i];
    free(srtp->table);
    srtp->table = table;
    srtp->slots = slots;
    return true;
}

/* The stream of this SSRC, made if need be; NULL when there are too many. */
struct stream *srtp_stream_get(struct srtp *srtp, uint32_t ssrc)
{
    struct stream *stream = srtp_stream_find(srtp, ssrc);
    if (stream)
        return stream;
    if (srtp->streams >= SRTP_STREAMS)
        return NULL;
    if (2 * (srtp->streams + 1) > srtp->slots && !table_grow(srtp))
        return NULL;
    stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->ssrc = ssrc;
    *stream_slot(srtp->table, srtp->slots, ssrc) = stream;
    srtp->streams++;
    return srtp->latest = stream;
}

struct replay *srtp_stream_rtcp(struct stream *stream)
{
    if (!stream->rtcp)
        stream->rtcp = calloc(1, sizeof *stream->rtcp);
    return stream->rtcp;
}

/* RFC 3711 appendix A: the ROC that puts `sequence` nearest to the highest index so far. */
uint64_t srtp_index_guess(const struct stream *stream, uint16_t sequence)
{
    if (!stream || !stream->rtp.started)
        return sequence;
    uint64_t roc = stream->rtp.highest >> 16;
    int32_t ahead = (int32_t)sequence - (int32_t)(stream->rtp.highest & 0xffff);
    if (ahead > 0x8000 && roc > 0)
        roc--;
    else if (ahead < -0x8000)
        roc++;
    return roc << 16 | sequence;
}
