/* The engine's state machine: pure over (state, datagram, now_us), no socket, thread or clock.
 *
 *   path -> transport (unprotect, latch) -> source (statistics, gaps) -> its sinks (rewrite,
 *   history, protect) -> batch
 *
 * Everything here belongs to whoever holds the core: the thread of loop.c between two batches, or
 * a test.
 */
#ifndef SFU_CORE_H
#define SFU_CORE_H

#include "packet.h"
#include "srtp.h"

#define PACKET_CAP 2048       /* a datagram with room for tag and MKI */
#define MTU_PAYLOAD 1400      /* the largest NAL unit we put together from fragments */
#define PLACES 256            /* sequence numbers in which a late packet finds its place */
#define NUMBERS 512           /* of its own a sink knows what left under */
#define RESENT_MAX 64         /* packets sent again lately, per transport */
#define RESEND_US 10000       /* the same one is not asked for by the same peer any sooner */
#define SETS_MAX 8            /* parameter sets kept per source */
#define SET_BYTES 256         /* and their size */
#define GAPS_MAX 64           /* packets asked for again at a time */
#define TOLD_MAX 32           /* unknown SSRCs told of per transport */
#define HISTORY_MAX 2048
#define HISTORY_BYTES 1600    /* the largest packet kept; not a power of two, for the cache's sake */
#define SPENT_MAX 4096        /* SSRCs ever sent with a transport's keys */
#define SINKS_MAX 64          /* per transport */
#define LOG_ROWS 8192         /* arrivals, and departures, between two snapshots */
#define WAITING_MAX 1024      /* packets that wait for one line */
#define PICTURES 128          /* VP8 pictures whose numbers a late packet finds */
#define EARLY_MAX 32          /* packets per transport that came before their source was set */
#define SERVED_MAX 64         /* sinks of one apply that are told to have begun from the past */

struct core;
struct transport;
struct stream;

/* A hash table of anything that begins with a node. */
struct node {
    uint32_t id;
    struct node *next;
};
struct table {
    struct node *slots[1024];
    uint32_t count;
};
void *table_find(const struct table *table, uint32_t id);
void table_add(struct table *table, struct node *node);
void table_remove(struct table *table, struct node *node);
/* Walks over a table: `at` starts at NULL; the node given may be removed before the next call. */
#define TABLE_EACH(table, type, item)                                                       \
    for (size_t slot_ = 0; slot_ < 1024; slot_++)                                           \
        for (type *item = (type *)(table)->slots[slot_], *after_;                           \
             item && (after_ = (type *)((struct node *)item)->next, 1); item = after_)

/* A socket, and one address behind it: where a transport's RTP or RTCP comes from and goes to. */
struct socket {
    struct node node;
    int fd;        /* -1 in a stage */
    bool inet6, internet;
    struct sfu_socket_row row;
    uint32_t overflow; /* SO_RXQ_OVFL as last seen */
    struct stream *stream; /* of a connection over TCP; NULL for datagrams */
    bool alias; /* another core reads it, this one only sends */
    bool lent;  /* other cores have aliases of it */
    struct path *active, *active_last; /* paths with packets in the batch, in order */
    struct path *paths;  /* all of its paths */
};

struct path {
    struct transport *transport;
    struct socket *socket;
    struct sfu_address asked, remote; /* as commanded; as latched. family 0: not known */
    struct path *same_hash, *same_socket;
    bool rtcp, latched, hashed;
    uint8_t away;        /* what comes from there is for this core, counted from 1 */
    struct path *mirror; /* the one that says so, where the socket is read */
    struct core *home;   /* of a mirror */
    struct path *next_active;
    int first, last; /* entries in the batch */
};

/* What leaves, gathered per path until it is flushed. */
struct entry {
    struct path *path;
    uint8_t *bytes;
    uint32_t length;
    int next;
    uint8_t mark;        /* DSCP */
    int64_t received_us; /* 0: not forwarded, no latency to count */
};
#define BATCH_ENTRIES 2048
#define BATCH_BYTES (2304 * 1024) /* a picture of eight packets for 128 sinks, and more */
struct batch {
    struct entry entries[BATCH_ENTRIES];
    int count;
    size_t used;
    struct socket *active[BATCH_ENTRIES];
    int active_count;
    void (*flush)(struct batch *batch, void *context);
    void (*meanwhile)(void *context); /* called now and then while it fills and is sent; or NULL */
    void *context;
    int looked; /* entries when it was called last */
    uint8_t arena[BATCH_BYTES];
};
/* Room for one datagram of PACKET_CAP; flushes first when there is none. */
uint8_t *batch_reserve(struct batch *batch);
void batch_commit(struct batch *batch, struct path *path, uint8_t *bytes, size_t length,
                  int64_t received_us, uint8_t mark);
void batch_flush(struct batch *batch);
/* Calls `meanwhile` where enough came to it since the last time. */
void batch_look(struct batch *batch);
void batch_forget(struct batch *batch);

struct spent { /* the sequence number an SSRC goes on with, as long as the keys live */
    uint32_t ssrc;
    uint16_t next;
};

struct resent { /* a packet sent again */
    uint32_t ssrc, at_us;
    uint16_t sequence;
    bool used;
};

struct told {
    uint32_t ssrc;
    uint8_t had; /* 1 mid, 2 rid or repaired rid */
};

/* A packet that came before Python had set its source (early.c). */
struct early {
    int64_t received_us;
    struct packet packet; /* whose payload is the bytes */
    uint8_t bytes[];
};

struct keyed { /* one direction's keys; srtp NULL before there are any */
    struct srtp *srtp;
    struct sfu_set_keys said;
};

struct transport {
    struct node node;
    uint8_t latch, secure, gso;
    struct line *line;
    bool gso_failed; /* the kernel or the card cannot: never tried again */
    uint8_t extensions[EXT_COUNT];
    struct path rtp, rtcp; /* rtcp unused where multiplexed */
    bool mux;
    struct keyed receiving, sending;           /* RTP's, and RTCP's unless it has its own */
    struct keyed rtcp_receiving, rtcp_sending; /* where keys_apart */
    bool keys_apart;
    struct source *sources; /* linked by next_on_transport */
    struct sink *sinks;
    uint16_t next_transport_cc;
    struct spent *spent;
    int spent_count;
    struct resent resent[RESENT_MAX];
    uint32_t next_resent;
    struct told told[TOLD_MAX];
    int told_count;
    struct early *early[EARLY_MAX]; /* oldest first */
    int early_count;
    struct sfu_transport_row row;
};

struct gap {
    uint32_t sequence; /* extended */
    int64_t since_us, next_us;
};

struct set {
    uint8_t type, id;
    uint16_t length;
    uint8_t bytes[SET_BYTES];
};

/* The sound that went before, for sinks that send it again beside the next. */
struct before {
    bool used;
    uint32_t extended, timestamp;
    uint16_t length;
    uint8_t bytes[RED_BYTES_MAX];
};

/* What a source has sent, held once for all its sinks (past.c). */
struct gone {
    bool used, marker, has_level;
    bool skip; /* it took its number along and nothing else */
    uint8_t level, codec;
    uint16_t length;
    uint32_t extended, timestamp;
    int64_t received_us;
    struct look look;
};
struct past {
    uint32_t size; /* NUMBERS, or 0 as long as no sink shares it and no key frame in it is fresh */
    struct gone *gone;
    uint8_t *bytes; /* HISTORY_BYTES each */
    /* Its last key frame, as long as a sink may begin with it: by whom and when it began. */
    bool keyed;
    uint32_t first, key_timestamp;
    int64_t keyed_us;
    uint32_t newest; /* extended; of what came in order */
};

struct source {
    struct node node;
    struct transport *transport; /* NULL for a ghost */
    bool ghost;      /* another core receives it and hands it over */
    uint32_t others; /* cores that have a ghost of it, by bits */
    struct source *next_on_transport;
    struct sfu_set_source asked;
    uint8_t codecs[128], repairs[128]; /* by payload type, 0 for none */
    uint32_t ssrc;
    bool begun;
    /* RFC 3550 A.1, A.3, A.8 */
    uint16_t highest, bad;
    uint16_t gap; /* packets missing just before the last one */
    bool has_bad;
    bool restarted; /* by the last packet */
    uint32_t cycles, base;
    uint32_t transit, jitter;
    bool has_transit;
    uint64_t expected_before; /* packets lost or not, before the last restart */
    uint64_t received;
    uint32_t keyframe_timestamp;
    bool had_keyframe;
    struct before before;
    struct gap gaps[GAPS_MAX];
    int gap_count;
    struct set sets[SETS_MAX];
    int set_count;
    struct sink **sinks; /* that carry it or wait for it */
    int sink_count, sink_cap;
    struct past past;
    struct sfu_source_row row;
};

struct kept { /* one packet in a history */
    bool used;
    uint16_t sequence;
    uint16_t length;
    uint8_t payload_type; /* below only with RTX, which sends the payload anew */
    bool marker;
    bool has_level;
    uint8_t level;
    uint32_t timestamp;
};
struct history {
    uint32_t size; /* a power of two, or 0 */
    struct kept *kept;
    uint8_t *bytes; /* HISTORY_BYTES each */
};
bool history_resize(struct history *history, uint32_t wanted);
void history_free(struct history *history);
struct kept *history_put(struct history *history, uint16_t sequence, const uint8_t *bytes,
                         size_t length);
/* What was sent under this number; NULL when it is gone. */
struct kept *history_find(const struct history *history, uint16_t sequence);
const uint8_t *history_bytes(const struct history *history, const struct kept *kept);

/* What left under a number of a sink: the low bits of the source's extended sequence number. */
#define NUMBER_NONE 0xffff
#define NUMBER_SET 0xfffe /* a parameter set; what a source sends under these two has no number kept */

/* Packets that wait for a line, as they came from their source: one copy for all sinks. */
struct held;
struct waiting {
    struct waiting *next;
    struct held *held; /* NULL: a packet to be sent again */
    uint16_t sequence; /* that one */
    bool key;          /* of a key frame */
    uint32_t line_bytes;
    int64_t since_us;
};
struct queue { /* of one sink */
    struct queue *next; /* whose turn comes after it in its class */
    struct sink *sink;
    struct waiting *first, *last;
    uint32_t count;
    uint64_t bytes;
    uint8_t class;
};

struct named { /* a VP8 picture: what was added to its number, and whether it was left out */
    uint16_t picture, offset;
    bool used, thinned;
};

struct sink {
    struct node node;
    struct transport *transport;
    struct sink *next_on_transport;
    struct source *source, *pending; /* carried; waiting for its key frame */
    struct sfu_set_sink asked;
    uint8_t payloads[CODEC_LIMIT];
    bool knows[CODEC_LIMIT]; /* number 0 is one like any other: PCMU (RFC 3551) */
    bool shares; /* what can be sent again stands with the source */
    bool rebase; /* the next packet is joined to what went before */
    bool started;
    uint16_t next_sequence, next_rtx;
    uint32_t highest; /* extended sequence of the source */
    uint32_t first;   /* the first of its packets that went this way */
    uint16_t numbers[NUMBERS];
    uint8_t reserved[PLACES / 8]; /* source numbers a place is kept for */
    struct source *past_of;       /* whose numbers these are */
    uint32_t timestamp_offset, last_timestamp;
    int64_t last_timestamp_us;
    /* H.264: sets seen in the access unit; a NAL unit being put together */
    uint32_t unit_timestamp;
    uint8_t unit_sets;
    bool unit_known;
    bool fragments;
    uint32_t next_fragment;
    size_t nal_length;
    uint8_t *nal; /* NULL where single NAL units are not asked for */
    /* VP8 */
    bool picture_rebase, has_picture, has_tl0;
    struct named *named; /* NULL as long as nothing was left out */
    /* temporal layers: asked for, in force; whether the picture that passes is left out */
    uint8_t temporal, layers;
    bool thinning, layer_known;
    uint32_t layer_timestamp;
    uint16_t picture_offset, last_picture;
    uint8_t tl0_offset, last_tl0;
    struct history history;
    struct queue pictures, repairs; /* waiting for the line */
    uint32_t key_timestamp;         /* of the newest key frame put there */
    bool has_key;
    uint16_t probed;                /* the number a probe sent again last */
    struct sfu_sink_row row;
};

/* What a packet is for: how it is marked, and how its line counts it. */
enum purpose { FOR_SOUND, FOR_PICTURE, FOR_SLIDES, FOR_OTHER, PURPOSES };

/* Blocks of one size, kept to be used again. */
struct pool {
    void *first;
    uint32_t count;
};
void pool_free(struct pool *pool);

struct turns {
    struct queue *first, *last;
};
struct probe {
    struct sink *sink; /* NULL: none runs */
    uint64_t rate_bps;
    int64_t until_us, free_at_us;
    bool sending; /* what leaves just now is the probe's */
};
struct line {
    struct node node;
    struct sfu_set_line asked;
    uint64_t rate_bps; /* what this core sends at most: its part of what is asked */
    uint32_t behind;   /* transports of this core */
    int64_t free_at_us; /* when it will have carried all that was sent */
    struct turns classes[CLASS_COUNT];
    uint32_t count; /* packets waiting */
    bool repaired;  /* what left last was a repair */
    struct probe probe;
    bool busy;
    struct line *next_busy;
    struct sfu_line_row row;
};

struct log {
    uint32_t count;
    struct sfu_log_row rows[LOG_ROWS];
};
void log_add(struct log *log, uint32_t transport, uint16_t sequence, size_t size, int64_t at_us);

/* The ring of events: bounded; the oldest goes first, counted. */
#define RING_BYTES (1024 * 1024)
#define STRANGERS_MAX 64
struct ring {
    size_t head, used;
    uint32_t strangers; /* datagrams of strangers in it */
    bool urgent;        /* something in it does not wait for the next snapshot */
    uint64_t lost;
    uint8_t bytes[RING_BYTES];
};
/* Returns whether the ring was empty before. */
bool ring_put(struct ring *ring, uint32_t kind, const void *fixed, size_t fixed_size,
              const uint8_t *bytes, size_t length);
/* The same for what may wait until somebody asks. */
void ring_put_calm(struct ring *ring, uint32_t kind, const void *fixed, size_t fixed_size,
                   const uint8_t *bytes, size_t length);
/* False when strangers have used up their share. */
bool ring_put_stranger(struct ring *ring, uint32_t kind, const void *fixed, size_t fixed_size,
                       const uint8_t *bytes, size_t length);
size_t ring_take(struct ring *ring, uint8_t *out, size_t cap);

/* What is handed to other threads; hand.c. */
#define THREADS_MAX 16
struct outbox;
struct outbox *outbox_new(void);
void outbox_free(struct outbox *box);
struct passing;
void hand_packet(struct core *core, const struct passing *passing);
void hand_datagram(struct core *core, int thread, const struct socket *socket,
                   const struct sfu_address *remote, const uint8_t *datagram, size_t length);
/* Takes all that another has handed to this core. */
void hand_take(struct core *core, struct outbox *box);
bool hand_waits(const struct outbox *box); /* something does; false for NULL */
bool hand_has_room(const struct outbox *box, size_t datagrams);

/* All cores of an engine; house.c. */
struct house {
    int count;
    struct core *cores[THREADS_MAX];
};
int house_apply(const struct house *house, const uint8_t *commands, size_t length);
/* The sinks that began from the past in the last house_apply; as many as fit. */
int house_served(const struct house *house, uint32_t *sinks, int cap);

/* A batch of nothing but Transmit and TransmitRtcp needs one core at a time.  Whoever applies holds
 * others off from `house_sends` to the last `house_send`, so no table changes; then each core's lock
 * is taken for its part alone: of `owners` to find whose line is charged, of `homes` to send. */
#define SENDS_MAX 64
struct sends {
    int count;
    uint32_t owners, homes; /* bit sets of cores; `homes` grows while owners are asked */
    struct {
        uint8_t owner, home;
        bool asks; /* by address: the owner of its socket knows the home */
    } of[SENDS_MAX];
};

/* Whom a command is for that begins with the id of what it is about; NULL where nobody has it. */
struct core *house_addressee(const struct house *house, uint32_t kind, const uint8_t *body);
/* The core of the transport behind an address, so that its line is charged. */
struct core *house_transmitter(const struct house *house, struct core *owner, const uint8_t *body,
                               size_t length);

/* sends.c.  False where something else is among them, or wrong, or they are too many. */
bool house_sends(const struct house *house, const uint8_t *commands, size_t length,
                 struct sends *sends);
void house_ask_owner(const struct house *house, int core, const uint8_t *commands, size_t length,
                     struct sends *sends);
void house_send(const struct house *house, int core, const uint8_t *commands, size_t length,
                struct sends *sends);
size_t house_snapshot_size(const struct house *house);
/* The head is the caller's but for what the cores count; the rows follow. */
void house_snapshot(const struct house *house, struct sfu_snapshot_head *head, uint8_t *rows);
void house_free(struct house *house);

#define PATH_SLOTS 1024
struct core {
    int index;   /* in its house */
    int placing; /* of the first: where new transports go just now */
    struct outbox *outboxes[THREADS_MAX];
    uint32_t handed;      /* who was given something since the last batch, by bits */
    uint64_t hand_lost;
    struct source *ghosts; /* linked by next_on_transport */
    uint32_t ghost_count, aliases;
    uint32_t served[SERVED_MAX]; /* sinks that began from the past in this apply */
    int served_count;
    struct table sockets, transports, sources, sinks, lines;
    struct path *paths[PATH_SLOTS];
    uint64_t seed;
    int64_t now_us;      /* of this batch */
    int64_t received_us; /* of the datagram at hand */
    struct ring ring;
    struct log arrivals, departures;
    struct batch *batch;
    int64_t deadline_us; /* of the next repeated NACK, INT64_MAX for none */
    struct pool held, waiting; /* of the pacers */
    struct line *busy;   /* lines for which something waits */
    bool overfull;       /* one of them has more than it may */
    uint8_t marks[PURPOSES]; /* DSCP */
    /* What only loop.c can do; NULL in a stage. */
    bool (*open_socket)(struct core *core, struct socket *socket);
    void (*close_socket)(struct core *core, struct socket *socket);
    /* It is read by another thread from now on; by this one. */
    void (*leave_socket)(struct core *core, struct socket *socket);
    void (*join_socket)(struct core *core, struct socket *socket);
    void (*transmit)(struct core *core, struct socket *socket, const struct sfu_address *remote,
                     const uint8_t *bytes, size_t length, uint8_t mark);
    void *context;
    uint8_t scratch[PACKET_CAP];
};

struct core *core_new(uint64_t seed, struct batch *batch);
void core_free(struct core *core);
/* One command of a batch: false where it cannot be read. */
typedef bool take_command(void *context, uint32_t kind, const uint8_t *body, size_t length);
/* Reads commands up to the first that cannot be read; -1 then, else 0. */
int commands_each(const uint8_t *commands, size_t length, take_command *take, void *context);
int core_apply(struct core *core, const uint8_t *commands, size_t length);
bool core_apply_one(struct core *core, uint32_t kind, const uint8_t *body, size_t length);
void core_timer(struct core *core);
/* Lets leave what the lines take now; after each batch. */
void core_release(struct core *core);
/* When core_timer must be called; INT64_MAX for never. */
int64_t core_deadline(const struct core *core);

/* A datagram has come; `remote` NULL on a connected socket. */
void core_receive(struct core *core, struct socket *socket, const struct sfu_address *remote,
                  uint8_t *datagram, size_t length);
void transport_receive(struct core *core, struct path *path, const struct sfu_address *remote,
                       uint8_t *datagram, size_t length, enum protocol protocol);
bool transport_ready(const struct transport *transport);
/* One RTP packet of a transport, in the clear, to its source; false where it has none yet. */
bool transport_pass(struct core *core, struct transport *transport, struct packet *packet);
/* early.c: what came too early is kept, and goes its way when its source is set. */
void early_keep(struct core *core, struct transport *transport, const struct packet *packet);
void early_release(struct core *core, struct transport *transport);
void early_free(struct transport *transport);
struct path *transport_rtcp_path(struct transport *transport);
/* What protects the RTCP of one direction; NULL before there are keys for it. */
struct srtp *transport_rtcp_srtp(const struct transport *transport, bool sending);
void transport_send_rtcp(struct core *core, struct transport *transport, const uint8_t *plain,
                         size_t length);
void path_set(struct core *core, struct path *path, const struct sfu_address *remote);
void path_unhash(struct core *core, struct path *path);
void path_unmirror(struct path *path);
struct path *path_find(struct core *core, struct socket *socket, const struct sfu_address *remote);
bool address_equal(const struct sfu_address *one, const struct sfu_address *other);
bool host_equal(const struct sfu_address *one, const struct sfu_address *other);

struct sink *transport_sink(struct transport *transport, uint32_t ssrc);
struct source *transport_source(struct transport *transport, const struct packet *packet,
                                bool *repair);

/* Forgets what a source has counted of sequence numbers: another stream goes on in its place. */
void source_restart(struct source *source, const struct packet *packet);
/* RFC 3550 A.1: the extended sequence number, or false when the packet is not to be used. */
bool source_count(struct source *source, const struct packet *packet, bool repaired,
                  uint32_t *extended, bool *late);
void source_arrival(struct source *source, const struct packet *packet, int64_t received_us);
int64_t source_lost(const struct source *source);
void source_missing(struct core *core, struct source *source, uint32_t from, uint32_t to);
void source_found(struct source *source, uint32_t extended);
void source_ask(struct core *core, struct source *source);
void source_keep_set(struct source *source, const uint8_t *nal, size_t length);
void source_keep_sets(struct source *source, const uint8_t *payload, size_t length);
void source_link(struct source *source, struct sink *sink);
void source_unlink(struct source *source, struct sink *sink);

/* One packet of a source, to all its sinks. */
struct passing {
    struct source *source;
    struct packet *packet;
    uint32_t extended;
    bool late;
    bool restarted; /* another stream begins in its source */
    bool skip; /* takes its sequence number along and nothing else: padding, a digit */
    int64_t received_us;
    bool waited; /* for its line: its latency is not ours */
    uint8_t codec;
    struct look look;
    bool has_level;
    uint8_t level;
};
void forward(struct core *core, struct passing *passing);
/* One packet to one of the sinks of its source, by its line; `held` is as for pacer_put. */
struct held;
void sink_offer(struct core *core, struct sink *sink, const struct passing *passing,
                struct held **held);
/* A sink that waits for a key frame begins with the last one, where that is cheaper; catchup.c. */
void sink_catch_up(struct core *core, struct sink *sink);
/* What a ghost needs so that its sinks may. */
void source_lend(struct source *ghost, const struct source *source, int64_t now_us);
/* One packet to one sink that carries its source. */
void sink_deliver(struct core *core, struct sink *sink, const struct passing *passing);
/* pages.c */
void *pages_take(size_t bytes);
void pages_give(void *pages, size_t bytes);

/* What left under a number, as it can be written anew; past.c. */
struct again {
    uint8_t payload_type; /* 0: `bytes` is the datagram as it left */
    bool marker, has_level;
    uint8_t level;
    uint16_t sequence;
    uint32_t timestamp;
    const uint8_t *bytes;
    size_t length;
    const struct look *look; /* of VP8, whose picture numbers are the source's yet */
};
bool sink_recall(const struct sink *sink, uint16_t sequence, struct again *again);
void sink_forget_numbers(struct sink *sink);
bool sink_shares(const struct sink *sink);
uint8_t sink_rtx(const struct sink *sink, uint8_t payload_type);
static inline bool sink_reserved(const struct sink *sink, uint32_t extended) {
    if ((uint32_t)(sink->highest - extended) >= PLACES) return false;
    return sink->reserved[extended % PLACES / 8] >> (extended % 8) & 1;
}
void past_begin(struct past *past);
/* Notes key frames, and keeps the packet where it may be wanted. */
void past_take(struct source *source, const struct passing *passing);
void past_free(struct past *past);
/* Its key frame is of no more use; without sinks that share it there is no past either. */
void past_end(struct source *source);
/* What stands under a number; NULL where it is gone or never came. */
static inline const struct gone *past_at(const struct past *past, uint32_t extended) {
    if (past->size == 0) return NULL;
    const struct gone *gone = &past->gone[extended % NUMBERS];
    return (gone->used || gone->skip) && gone->extended == extended ? gone : NULL;
}
static inline uint8_t *past_bytes(const struct past *past, uint32_t extended) {
    return past->bytes + (size_t)(extended % NUMBERS) * HISTORY_BYTES;
}
#define FRESH_US 1000000 /* a picture older than this is not shown to who begins */
/* False when the same packet was sent again a moment ago; else it is noted. */
bool transport_may_resend(struct transport *transport, uint32_t ssrc, uint16_t sequence,
                          int64_t now_us);
void sink_resend(struct core *core, struct sink *sink, uint16_t sequence);
/* Sends something of no news on the RTX stream; false where there is none. */
bool sink_fill(struct core *core, struct sink *sink);
/* Writes the sink's picture numbers into a payload that is sent again; false where they are not
 * known any more. */
/* From now on pictures may be left out: what each is called is remembered. */
void sink_name_pictures(struct sink *sink);
bool picture_again(const struct sink *sink, const struct look *look, uint8_t *payload);
/* False for a packet of a temporal layer the sink shall not have; else its VP8 numbers are ours. */
bool picture_passes(struct sink *sink, const struct passing *passing, bool in_order);

/* Hands a datagram to the batch, marked, and charges its line. */
void path_send(struct core *core, struct path *path, uint8_t *wire, size_t size,
               int64_t received_us, enum purpose purpose);
enum purpose sink_purpose(const struct sink *sink);
#define IPV4_UDP_BYTES 28
#define IPV6_UDP_BYTES 48
uint32_t wrapped_bytes(int framing, uint32_t overhead_bytes, size_t ip_bytes);
uint32_t line_bytes(const struct line *line, size_t ip_bytes);
void line_sent(struct core *core, struct line *line, const struct sfu_address *remote, size_t size,
               enum purpose purpose);
void line_received(struct line *line, const struct sfu_address *remote, size_t size);
/* What the line carries at most just now, a probe counted; 0: not paced. */
uint64_t line_rate(const struct line *line, int64_t now_us);

/* Whether a packet for this sink must wait; false too where no line is paced. */
bool pacer_holds(const struct core *core, const struct sink *sink);
/* `held` is the copy other sinks wait with; NULL at first. */
void pacer_put(struct core *core, struct sink *sink, const struct passing *passing,
               struct held **held);
void pacer_put_repair(struct core *core, struct sink *sink, uint16_t sequence);
void pacer_trim(struct core *core);
/* Forgets what waits for a sink, without a word. */
void pacer_forget(struct core *core, struct line *line, struct queue *queue);
void pacer_move(struct sink *sink, uint8_t class);
void pacer_bound_probe(struct line *line);
void pacer_start_probe(struct core *core, struct line *line, struct sink *sink,
                       const struct sfu_probe *asked);
/* All that waits for these sinks goes to another line's pacer; with none it leaves at once. */
void pacer_change(struct core *core, struct transport *transport, struct line *line);

uint64_t mix64(uint64_t value);

#endif
