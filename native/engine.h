/* The boundary between Python and the native engine: packed records down, packed records up.
 *
 * Python says what shall be (commands), the engine says what was (events) and how much (snapshot).
 * Every record is a header, a fixed structure and, for some, bytes; all numbers are in host order,
 * every record is padded to a multiple of eight bytes.  src/sfu/media/engine/wire.py packs and
 * unpacks the same structures and compares their sizes with sfu_abi() at the start.
 */
#ifndef SFU_ENGINE_H
#define SFU_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#define SFU_ABI_VERSION 9
#define SFU_LATENCY_BUCKETS 10
#define SFU_PAYLOADS_MAX 16
#define SFU_MID_MAX 32
#define SFU_MKI_MAX 128

enum sfu_codec {
    CODEC_OPUS = 1, CODEC_G722, CODEC_PCMU, CODEC_PCMA, CODEC_CN, CODEC_TELEPHONE_EVENT,
    CODEC_H224, CODEC_RED,
    CODEC_H264 = 16, CODEC_VP8, CODEC_H263, CODEC_H261, CODEC_H263_1998, CODEC_LIMIT = 32
};
enum sfu_kind { KIND_AUDIO = 1, KIND_VIDEO = 2, KIND_CAMERA = 3 };
enum sfu_latch { LATCH_FIXED, LATCH_SAME_HOST, LATCH_FIRST_VALID, LATCH_CONNECTED };
enum sfu_extension {
    EXT_MID, EXT_RID, EXT_REPAIRED_RID, EXT_AUDIO_LEVEL, EXT_TRANSPORT_CC, EXT_ABS_SEND_TIME,
    EXT_COUNT = 8
};

struct sfu_record {
    uint32_t size; /* of the whole record, padding included */
    uint32_t kind;
};

struct sfu_address {
    uint16_t family; /* 0 for none, 4 or 6 */
    uint16_t port;
    uint32_t scope;
    uint8_t host[16]; /* IPv4 in the first four bytes */
};

/* Down: commands. */
enum sfu_command {
    COMMAND_OPEN_SOCKET = 1, COMMAND_OPEN_TRANSPORT, COMMAND_SET_KEYS, COMMAND_SET_SOURCE,
    COMMAND_SET_SINK, COMMAND_SET_ROUTE, COMMAND_CLOSE_SOCKET, COMMAND_CLOSE_TRANSPORT,
    COMMAND_CLOSE_SOURCE, COMMAND_CLOSE_SINK, COMMAND_TRANSMIT, COMMAND_TRANSMIT_RTCP,
    COMMAND_SET_LINE, COMMAND_CLOSE_LINE, COMMAND_SET_MARKS, COMMAND_PROBE,
    COMMAND_LAST = COMMAND_PROBE
};

struct sfu_open_socket {
    uint32_t socket;
    int32_t fd;
};

struct sfu_open_transport {
    uint32_t transport, rtp_socket, rtcp_socket, line; /* line 0: none */
    uint8_t latch, secure, gso;
    uint8_t group; /* what meets shares one, counted from 1, and so a thread; 0: any */
    uint8_t extensions[EXT_COUNT]; /* by enum sfu_extension */
    struct sfu_address remote, rtcp_remote;
};

enum sfu_component { COMPONENT_BOTH, COMPONENT_RTP, COMPONENT_RTCP };

struct sfu_set_keys {
    uint32_t transport;
    uint32_t component; /* RTP and RTCP may have keys of their own: RFC 5764 section 4.1 */
    uint16_t suite;
    uint8_t sending, mki_length;
    uint8_t key[32], salt[16], mki[SFU_MKI_MAX];
};

struct sfu_payload {
    uint8_t number, other; /* a codec, or the payload type repaired */
};

struct sfu_set_source { /* then set_count times: uint16_t length, bytes */
    uint32_t source, transport, ssrc, rtx_ssrc, clock_hz;
    uint8_t kind, has_ssrc, has_rtx, nack;
    uint8_t payload_count, rtx_count, set_count, zero;
    struct sfu_payload payloads[SFU_PAYLOADS_MAX], rtx[SFU_PAYLOADS_MAX];
};

struct sfu_set_sink {
    uint32_t sink, transport, ssrc, rtx_ssrc, clock_hz, history;
    uint8_t kind, has_rtx, single_nal, mid_length;
    uint8_t payload_count, rtx_count, picture_class, zero;
    struct sfu_payload payloads[SFU_PAYLOADS_MAX], rtx[SFU_PAYLOADS_MAX];
    uint8_t mid[SFU_MID_MAX];
};

struct sfu_set_route {
    uint32_t sink, source;   /* source 0: none */
    uint32_t temporal, zero; /* the highest temporal layer forwarded */
};

enum sfu_framing { FRAMING_PLAIN, FRAMING_EFM, FRAMING_ATM };
enum sfu_class { CLASS_SLIDES, CLASS_MAIN, CLASS_THUMBNAIL, CLASS_REPAIR, CLASS_COUNT };

struct sfu_set_line {
    uint32_t line, overhead_bytes;
    uint64_t rate_bps; /* 0: count, do not pace */
    uint8_t framing, zero[7];
};

struct sfu_set_marks { /* DSCP */
    uint8_t sound, picture, slides, other;
    uint8_t zero[4];
};

struct sfu_probe { /* rate 0: stop */
    uint32_t line, sink;
    uint64_t rate_bps;
    int64_t duration_us;
};

struct sfu_close {
    uint32_t id, zero;
};

struct sfu_transmit { /* then the bytes; `id` a socket, or a transport for RTCP */
    uint32_t id, length;
    struct sfu_address remote;
};

/* Up: events. */
enum sfu_event {
    EVENT_DATAGRAM_RECEIVED = 1, EVENT_RTCP_RECEIVED, EVENT_SOURCE_APPEARED,
    EVENT_KEYFRAME_PASSED, EVENT_TRANSPORT_LATCHED, EVENT_TELEPHONE_EVENT_RECEIVED,
    EVENT_SINK_STARVED,
    /* A connection over TCP is over, and waits to be closed; carries a struct sfu_close. */
    EVENT_SOCKET_ENDED
};

struct sfu_received { /* then the bytes; `id` a socket, or a transport for RTCP */
    uint32_t id, length;
    int64_t at_us;
    struct sfu_address remote;
};

struct sfu_source_appeared {
    uint32_t transport, ssrc;
    uint8_t payload_type, mid_length, rid_length, repaired_rid_length;
    uint8_t mid[SFU_MID_MAX], rid[SFU_MID_MAX], repaired_rid[SFU_MID_MAX];
    uint32_t zero;
};

struct sfu_keyframe_passed {
    uint32_t source, zero;
    int64_t at_us;
};

struct sfu_transport_latched {
    uint32_t transport, rtcp;
    struct sfu_address remote;
};

struct sfu_telephone_event {
    uint32_t source, event, end, duration, timestamp, zero;
};

struct sfu_sink_starved {
    uint32_t sink, packets;
    int64_t at_us;
};

/* Up: the snapshot; the head, then the rows of each kind in this order. */
struct sfu_snapshot_head {
    uint32_t sockets, transports, sources, sinks, lines, arrivals, departures;
    uint32_t realtime;
    uint32_t threads, zero;
    int64_t at_us;
    uint64_t events_lost, handed_lost;
    uint64_t latency_counts[SFU_LATENCY_BUCKETS];
    uint64_t latency_sum_us;
};

struct sfu_socket_row {
    uint32_t socket, zero;
    uint64_t received_packets, received_bytes, sent_packets, sent_bytes;
    uint64_t unknown_packets, kernel_dropped, send_errors, gso_packets;
};

struct sfu_transport_row {
    uint32_t transport, zero;
    uint64_t received_packets, received_bytes, sent_packets, sent_bytes;
    uint64_t received_rtcp, sent_rtcp, auth_failed, replayed, refused;
    int64_t last_received_us;
};

struct sfu_source_row {
    uint32_t source, transport, ssrc, codec;
    uint64_t packets, bytes;
    int64_t lost;
    uint32_t highest_sequence, jitter, last_timestamp, level_dbov;
    int64_t last_arrival_us;
    uint64_t keyframes, nacks_sent, repaired, recovered;
};

struct sfu_sink_row {
    uint32_t sink, transport, source, waiting;
    uint32_t ssrc, last_timestamp, timestamp_offset, zero;
    uint64_t packets, octets;
    int64_t last_sent_us;
    uint64_t nacks_received, retransmitted, dropped, redundant;
};

struct sfu_line_row { /* line bytes */
    uint32_t line, zero;
    uint64_t sent_bytes, sound_bytes, received_bytes;
    uint64_t waiting_packets, waiting_bytes;
    int64_t worst_wait_us;
    uint64_t dropped_packets, probe_bytes;
};

struct sfu_log_row { /* an arrival, or a departure with its size */
    uint32_t transport;
    uint16_t sequence, size;
    int64_t at_us;
};

/* The calls.  build.py gives what follows to cffi. */
typedef struct sfu sfu;
typedef struct sfu_stage sfu_stage;

/* Version and the sizes of the structures above, in order; returns how many numbers. */
int sfu_abi(uint32_t *sizes, int cap);

/* An engine with so many threads, 0 for one on each core it may use; NULL with errno when the
 * system refuses. */
sfu *sfu_open(int threads);
void sfu_close(sfu *engine);

/* Applies packed commands between two batches; 0, or -1 at a record it cannot read. */
int sfu_apply(sfu *engine, const uint8_t *commands, size_t length);

/* The sinks routed by the last sfu_apply that need no key frame: they began with the source's last
 * one.  Returns how many, `cap` at most. */
int sfu_served(sfu *engine, uint32_t *sinks, int cap);

/* Takes events out of the ring, whole records only; returns the bytes written. */
int sfu_poll(sfu *engine, uint8_t *buffer, size_t cap);

/* Readable while the ring holds events. */
int sfu_fd(const sfu *engine);

/* Writes one instant; returns its size, larger than cap (and nothing written) when it is too big. */
long sfu_snapshot(sfu *engine, uint8_t *buffer, size_t cap);

/* The legs of all lines that have transport-wide feedback: what each packet told, in a few numbers
 * (legs.h).  No thread, socket or clock; one caller at a time. */
typedef struct sfu_legs sfu_legs;
typedef struct sfu_told { /* what one message tells */
    int32_t lost; /* told missing, less those missed before that came */
    uint32_t received;
} sfu_told;
typedef struct sfu_queue { /* of a line */
    double floor_us; /* what stands */
    double slope, rise; /* seconds a second; rise: of a line that was calm until now, else 0 */
    int64_t newest_us; /* when the packet left that was judged last */
    uint32_t over, zero; /* it grows faster than the line wobbles */
} sfu_queue;

sfu_legs *sfu_legs_open(void);
void sfu_legs_close(sfu_legs *legs);

/* A line, by how it wraps packets; one that is known begins anew, without legs.  0, or -1 without
 * memory. */
int sfu_legs_line(sfu_legs *legs, uint32_t line, int framing, uint32_t overhead_bytes);
void sfu_legs_forget_line(sfu_legs *legs, uint32_t line);

/* A leg stands behind a line, anew where it stood behind another. */
int sfu_legs_put(sfu_legs *legs, uint32_t transport, uint32_t line, int ipv6);
void sfu_legs_forget(sfu_legs *legs, uint32_t transport);

/* Departures, as rows of the snapshot. */
void sfu_legs_sent(sfu_legs *legs, const uint8_t *rows, size_t count);
uint64_t sfu_legs_take_sent(sfu_legs *legs, uint32_t line); /* line bytes since the last time */
int sfu_legs_count(const sfu_legs *legs, uint32_t line);    /* legs that sent something */

/* Sums up what leaves between two instants; 0 while there is none, else 1 and, in microseconds and
 * line bytes, the first departure, the last, and what left after the first. */
void sfu_legs_probe(sfu_legs *legs, uint32_t line, double began_s, double ends_s);
int sfu_legs_probed(const sfu_legs *legs, uint32_t line, int64_t *first_last_bytes);

/* Whether a leg has sent a packet of this number lately. */
int sfu_legs_know(const sfu_legs *legs, uint32_t line, uint32_t transport, uint32_t sequence);

/* One message of feedback, without its RTCP header: 1, 0 for a leg that sent nothing, or -1 where
 * it is broken. */
int sfu_legs_told(sfu_legs *legs, uint32_t line, uint32_t transport, const uint8_t *message,
                  size_t length, double standing_us, sfu_told *told);

/* A packet that is told of otherwise: its departure, and the queue it met. */
void sfu_legs_pool(sfu_legs *legs, uint32_t line, int64_t departed_us, double queue_us);
/* The queue with the latest packets; 0 for a line that is not known. */
int sfu_legs_judge(sfu_legs *legs, uint32_t line, sfu_queue *queue);
/* The least queue of the packets that left last before an instant, in us. */
double sfu_legs_floor(sfu_legs *legs, uint32_t line, int64_t at_us);

/* What got through, in bit/s, up to what all legs have told of; busy: only since the line last
 * stood idle.  Below 0 where nobody can tell. */
double sfu_legs_carried(const sfu_legs *legs, uint32_t line, int64_t window_us, int busy);

/* What arrived with a transport-wide sequence number, and the feedback on it (arrivals.h).  No thread,
 * socket or clock; one caller at a time. */
#define SFU_FEEDBACK_BYTES 1024
typedef struct sfu_arrivals sfu_arrivals;

sfu_arrivals *sfu_arrivals_open(void);
void sfu_arrivals_close(sfu_arrivals *arrivals);

/* Keeps what arrives on a transport from now on; said again, it changes nothing.  0, or -1 without
 * memory. */
int sfu_arrivals_put(sfu_arrivals *arrivals, uint32_t transport);
void sfu_arrivals_forget(sfu_arrivals *arrivals, uint32_t transport);

/* Arrivals, as rows of the snapshot. */
void sfu_arrivals_add(sfu_arrivals *arrivals, const uint8_t *rows, size_t count);

/* Writes the next message that is due, without its RTCP header and its two SSRCs, into
 * SFU_FEEDBACK_BYTES; returns its bytes, 0 for none. */
size_t sfu_arrivals_tell(sfu_arrivals *arrivals, uint32_t transport, int64_t now_us,
                         uint8_t *message);

/* The same state machine without sockets, thread or clock: for tests and fuzzers. */
sfu_stage *sfu_stage_open(uint64_t seed);
void sfu_stage_close(sfu_stage *stage);

/* Commands, and below one datagram received on a transport; writes what leaves: uint32_t transport,
 * uint32_t length, bytes; returns the bytes written, or -1 for what it cannot read.  `timer` lets
 * time pass (it asks again for lost packets). */
long sfu_stage_apply(sfu_stage *stage, const uint8_t *commands, size_t length, int64_t now_us,
                     uint8_t *out, size_t cap);
long sfu_stage_receive(sfu_stage *stage, uint32_t transport, const uint8_t *datagram, size_t length,
                       int64_t now_us, uint8_t *out, size_t cap);
long sfu_stage_timer(sfu_stage *stage, int64_t now_us, uint8_t *out, size_t cap);
/* When time must pass next; INT64_MAX for never. */
int64_t sfu_stage_deadline(sfu_stage *stage);
int sfu_stage_poll(sfu_stage *stage, uint8_t *buffer, size_t cap);
long sfu_stage_snapshot(sfu_stage *stage, uint8_t *buffer, size_t cap, int64_t now_us);

#endif
