/* One meeting's pictures and sound in an open loop, and beside it a meter of the machine's hiccups.
 *
 *     load MEMBERS BURST METER_CORE METER_PRIORITY
 *
 * reads a line for each member, whose sockets are inherited; the first is who is seen:
 *
 *     AUDIO_FD AUDIO_TO VIDEO_FD VIDEO_TO SUITE:SENDING SUITE:RECEIVING      keys and salts in hex
 *
 * then an order a line, and answers each with a line of JSON:
 *
 *     close UNDER_WAY SECONDS   pictures as fast as they come out, so many under way: the ceiling
 *     open PICTURES_PER_S SECONDS   so many, whatever comes out: how long each packet took
 *
 * A picture is BURST packets with the moment of writing in each payload; a packet took from then to
 * the kernel's receive stamp at its viewer, so the time it waits for us to read it is not in it.
 * All members send sound, 50 packets a second.  The meter sleeps a millisecond at a time, on one core,
 * and then protects a few packets, always as many, that it reads from memory, as the engine does: how
 * long that takes tells how fast the core is.
 * Times are CLOCK_MONOTONIC, us.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "srtp.h"

#define MEMBERS 128
#define RECEIVE 64
#define PACKET 1100 /* with the RTP header, without the tag */
#define SOUND_US 20000
#define KEYFRAME_US 1000000
#define LEAD_US 3000000 /* at the same rate, before anything counts: who is seen again has a way to go */
#define PATIENCE_US 200000
#define BUCKETS 1024
#define SPANS 8192
#define STALL_US 10000
#define HICCUP_US 1000
#define WORK 4 /* packets protected at each wake-up of the meter */
#define MEMORY (8 * 1024 * 1024) /* they are read from, in turns: more than a core's own caches hold */
#define WORKED 1300000 /* wake-ups kept, a millisecond each */
#define BEHIND_US 5000 /* then we were held ourselves: what was due meanwhile is left out */

struct member {
    int audio, video;
    struct srtp *opening;
    uint16_t sound;
};

/* From when to when something stood still; the worst packet within it. */
struct span {
    int64_t from, until, sent, took;
};

struct spans {
    struct span of[SPANS];
    size_t count, more;
};

/* 32 steps to each doubling, so a bound is within 3 %. */
struct histogram {
    uint64_t buckets[BUCKETS], count;
    int64_t most;
};

static struct member members[MEMBERS];
static int member_count, burst;
static struct srtp *sending;
static uint16_t sequence;
static uint32_t timestamp;
static uint64_t pictures, got, foreign, skipped;
static uint8_t run; /* what was sent before it is not counted */
static struct histogram took, late, lay; /* lay: between its receive stamp and our reading it */
static uint32_t worked_ns[WORKED]; /* by wake-up since the run began to count, 0 for one missed */
static _Atomic int64_t counted_us;  /* when that was */
static struct spans stalls, hiccups, held;
static atomic_bool metering, ending;
static const uint8_t magic[8] = "picture";

static int64_t clock_of(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_us(void) { return clock_of(CLOCK_MONOTONIC); }

static void count(struct histogram *histogram, int64_t us) {
    uint32_t value = us < 0 ? 0 : us > INT32_MAX ? INT32_MAX : (uint32_t)us;
    int group = value < 32 ? 0 : 26 - __builtin_clz(value);
    histogram->buckets[((unsigned)group << 5) + (value >> group)]++;
    histogram->count++;
    if (us > histogram->most) histogram->most = us;
}

static void note(struct spans *spans, int64_t from, int64_t until, int64_t sent, int64_t us) {
    struct span *last = spans->count ? &spans->of[spans->count - 1] : NULL;
    if (last && from <= last->until && until >= last->from) {
        if (from < last->from) last->from = from;
        if (until > last->until) last->until = until;
        if (us > last->took) last->sent = sent, last->took = us;
    } else if (spans->count < SPANS) {
        spans->of[spans->count++] = (struct span){from, until, sent, us};
    } else {
        spans->more++;
    }
}

/* ---- the meter */

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint8_t memory[MEMORY];

static void note_work(struct srtp *own, int64_t now) {
    static uint16_t number;
    static size_t place;
    uint8_t packet[PACKET + 32] = {0x80};
    int64_t begun = now_ns(), at = (now - atomic_load(&counted_us)) / 1000;
    for (int i = 0; i < WORK; i++) {
        uint16_t sequence = htons(number++);
        memcpy(packet + 2, &sequence, sizeof sequence);
        srtp_protect(own, packet, 12, memory + place, PACKET - 12, sizeof packet);
        place = (place + 2048) % MEMORY;
    }
    if (at >= 0 && at < WORKED) worked_ns[at] = (uint32_t)(now_ns() - begun);
}

static void *meter(void *context) {
    static const uint8_t secret[16];
    struct srtp *own = srtp_new(SRTP_AEAD_AES_128_GCM, secret, secret, NULL, 0);
    (void)context;
    memset(memory, 1, sizeof memory);
    for (int64_t due = now_us(); !atomic_load(&ending);) {
        due += 1000;
        struct timespec at = {due / 1000000, due % 1000000 * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        int64_t now = now_us();
        if (!atomic_load(&metering)) continue;
        count(&late, now - due);
        if (now - due >= HICCUP_US) note(&hiccups, due, now, due, now - due);
        note_work(own, now);
    }
    srtp_free(own);
    return NULL;
}

static bool start_meter(int core, int priority) {
    static pthread_t thread;
    cpu_set_t cores;
    struct sched_param fifo = {.sched_priority = priority};
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    if (pthread_create(&thread, NULL, meter, NULL)) return false;
    if (pthread_setaffinity_np(thread, sizeof cores, &cores)) return false;
    return pthread_setschedparam(thread, priority ? SCHED_FIFO : SCHED_OTHER, &fifo) == 0;
}

/* ---- what is sent */

static void send_sound(int index, int64_t now) {
    struct member *member = &members[index];
    uint8_t packet[172] = {0x80, 8};
    bool speaks = index == 0 && now / 1000000 % 4 != 3;
    uint16_t number = htons(member->sound++);
    uint32_t stamp = htonl((uint32_t)member->sound * 160);
    memcpy(packet + 2, &number, 2);
    memcpy(packet + 4, &stamp, 4);
    packet[11] = 8;
    memset(packet + 12, 0xd5, 160); /* A-law: silence, or a buzz */
    for (int i = 12; speaks && i < 172; i++) packet[i] = i & 1 ? 0x2a : 0xaa;
    send(member->audio, packet, sizeof packet, MSG_DONTWAIT);
}

static void send_packet(const uint8_t *payload, size_t length, bool mark) {
    uint8_t packet[2048] = {0x80, mark ? 0x80 | 97 : 97};
    uint16_t number = htons(sequence++);
    uint32_t stamp = htonl(timestamp);
    memcpy(packet + 2, &number, 2);
    memcpy(packet + 4, &stamp, 4);
    packet[11] = 97;
    int size = srtp_protect(sending, packet, 12, payload, length, sizeof packet);
    send(members[0].video, packet, (size_t)size, 0);
}

/* H.264 (RFC 6184): FU-A; a key frame has its parameter sets before it. */
static void send_picture(int64_t step_us) {
    static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8, 0x40, 0x00,
                                  0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc6, 0x0c, 0xa8};
    static const uint8_t pps[] = {0x68, 0xce, 0x3c, 0x80};
    static int64_t keyframe_us;
    int64_t now = now_us();
    bool key = now - keyframe_us >= KEYFRAME_US;
    timestamp += (uint32_t)(step_us * 9 / 100);
    if (key) {
        keyframe_us = now;
        send_packet(sps, sizeof sps, false);
        send_packet(pps, sizeof pps, false);
    }
    for (int i = 0; i < burst; i++) {
        uint8_t payload[PACKET - 12] = {0x7c};
        payload[1] = (uint8_t)((i == 0) << 7 | (i == burst - 1) << 6 | (key ? 5 : 1));
        payload[2] = 0x88; /* first_mb_in_slice 0 */
        int64_t before = now_us();
        memcpy(payload + 8, magic, 8);
        memcpy(payload + 16, &before, 8);
        payload[24] = run;
        send_packet(payload, sizeof payload, i == burst - 1);
        int64_t after = now_us();
        if (after - before >= HICCUP_US) note(&held, before, after, before, after - before);
    }
    pictures++;
}

/* ---- what comes */

static void take(struct member *member, struct msghdr *message, size_t length, int64_t offset_us,
                 int64_t read_us) {
    uint8_t *packet = message->msg_iov->iov_base;
    int64_t sent, came = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        struct timespec stamp;
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_TIMESTAMPNS) continue;
        memcpy(&stamp, CMSG_DATA(at), sizeof stamp);
        came = (int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000 + offset_us;
    }
    int size = srtp_unprotect(member->opening, packet, length);
    if (size != PACKET || memcmp(packet + 20, magic, 8) || !came) {
        foreign++; /* parameter sets, cards */
        return;
    }
    if (packet[36] != run) return;
    got++;
    if (!atomic_load(&metering)) return;
    memcpy(&sent, packet + 28, 8);
    count(&took, came - sent);
    count(&lay, read_us - came);
    if (came - sent >= STALL_US) note(&stalls, sent, came, sent, came - sent);
}

static void drain(struct member *member) {
    static uint8_t buffers[RECEIVE][2048];
    static struct iovec iov[RECEIVE];
    static union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
    } controls[RECEIVE];
    static struct mmsghdr messages[RECEIVE];
    for (int i = 0; i < RECEIVE; i++) {
        iov[i] = (struct iovec){buffers[i], sizeof buffers[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1,
                                              .msg_control = &controls[i],
                                              .msg_controllen = sizeof controls[i].bytes};
    }
    int count = recvmmsg(member->video, messages, RECEIVE, MSG_DONTWAIT, NULL);
    int64_t read_us = now_us(), offset_us = read_us - clock_of(CLOCK_REALTIME);
    for (int i = 0; i < count; i++)
        take(member, &messages[i].msg_hdr, messages[i].msg_len, offset_us, read_us);
}

/* ---- the loops */

struct pace {
    int64_t sound_us, picture_us, step_us; /* step 0: when others have come out */
    int speaker;
};

static int64_t send_what_is_due(struct pace *pace) {
    int64_t now = now_us(), each_us = SOUND_US / member_count;
    if (now - pace->sound_us > PATIENCE_US) pace->sound_us = now;
    while (pace->sound_us <= now) {
        send_sound(pace->speaker++ % member_count, now);
        pace->sound_us += each_us;
    }
    if (!pace->step_us) return pace->sound_us;
    if (now - pace->picture_us > BEHIND_US) {
        int64_t missed = (now - pace->picture_us) / pace->step_us;
        skipped += (uint64_t)missed;
        pace->picture_us += missed * pace->step_us;
    }
    for (; pace->picture_us <= now; now = now_us()) {
        send_picture(pace->step_us);
        pace->picture_us += pace->step_us;
    }
    return pace->picture_us < pace->sound_us ? pace->picture_us : pace->sound_us;
}

static void turn(int epoll, struct pace *pace) {
    struct epoll_event ready[MEMBERS];
    int64_t left_us = send_what_is_due(pace) - now_us();
    struct timespec left = {0, left_us > 0 ? left_us * 1000 : 0};
    int count = epoll_pwait2(epoll, ready, MEMBERS, &left, NULL);
    for (int i = 0; i < count; i++) {
        drain(ready[i].data.ptr);
        send_what_is_due(pace);
    }
}

static void forget(void) {
    run++;
    pictures = got = foreign = skipped = 0;
    took = late = lay = (struct histogram){0};
    stalls.count = hiccups.count = held.count = stalls.more = hiccups.more = held.more = 0;
}

static void run_closed(int epoll, int under_way, int64_t length_us) {
    int64_t each = burst * (member_count - 1), lost = 0, last = 0;
    struct pace pace = {.sound_us = now_us()};
    int64_t begun = now_us(), moved = begun;
    forget();
    for (int64_t now = begun; now - begun < length_us; now = now_us()) {
        if ((int64_t)got != last) last = (int64_t)got, moved = now;
        if (now - moved > PATIENCE_US) lost = (int64_t)(pictures * each - got), moved = now;
        while ((int64_t)(pictures * each - got) - lost <= (under_way - 1) * each) send_picture(1000);
        turn(epoll, &pace);
    }
    double seconds = (double)(now_us() - begun) / 1e6;
    printf("{\"pictures\": %lu, \"got\": %lu, \"lost\": %ld, \"seconds\": %.3f}\n", pictures, got,
           lost, seconds);
}

static void print_histogram(const char *name, const struct histogram *histogram) {
    const char *between = "";
    printf("\"%s_most\": %ld, \"%s\": [", name, histogram->most, name);
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!histogram->buckets[i]) continue;
        unsigned group = i < 64 ? 0 : (i >> 5) - 1;
        printf("%s[%u, %lu]", between, (i - (group << 5)) << group, histogram->buckets[i]);
        between = ", ";
    }
    printf("], ");
}

static void print_spans(const char *name, const struct spans *spans) {
    printf("\"%s_more\": %zu, \"%s\": [", name, spans->more, name);
    for (size_t i = 0; i < spans->count; i++) {
        const struct span *span = &spans->of[i];
        printf("%s[%ld, %ld, %ld, %ld]", i ? ", " : "", span->from, span->until, span->sent,
               span->took);
    }
    printf("], ");
}

static int by_size(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

/* How many times its usual time the meter's work took while each stall lasted; 0: it never ran. */
static void print_slowness(int64_t begun, int64_t length_us) {
    static uint32_t sorted[WORKED];
    size_t kept = 0;
    for (int64_t at = 0; at < length_us / 1000 && at < WORKED; at++)
        if (worked_ns[at]) sorted[kept++] = worked_ns[at];
    qsort(sorted, kept, sizeof *sorted, by_size);
    double usual = kept ? sorted[kept / 2] : 1;
    printf("\"slowness\": [");
    for (size_t i = 0; i < stalls.count; i++) {
        double sum = 0, count = 0;
        for (int64_t us = stalls.of[i].from; us < stalls.of[i].until; us += 1000) {
            int64_t at = (us - begun) / 1000;
            if (at < 0 || at >= WORKED || !worked_ns[at]) continue;
            sum += worked_ns[at];
            count++;
        }
        printf("%s%.2f", i ? ", " : "", count ? sum / count / usual : 0);
    }
    printf("], ");
}

/* Sound only, until all that was on its way has come. */
static void wait_for_the_rest(int epoll) {
    struct pace pace = {.sound_us = now_us()};
    for (int64_t end = now_us() + PATIENCE_US; now_us() < end;) turn(epoll, &pace);
}

static void run_open(int epoll, double rate, int64_t length_us) {
    int64_t begun = now_us();
    struct pace pace = {begun, begun, (int64_t)(1e6 / rate), 0};
    while (now_us() - begun < LEAD_US) turn(epoll, &pace);
    begun = now_us();
    forget();
    memset(worked_ns, 0, sizeof worked_ns);
    atomic_store(&counted_us, begun);
    atomic_store(&metering, true);
    while (now_us() - begun < length_us) turn(epoll, &pace);
    wait_for_the_rest(epoll);
    atomic_store(&metering, false);
    printf("{\"begun\": %ld, \"pictures\": %lu, \"skipped\": %lu, \"got\": %lu, ", begun, pictures,
           skipped, got);
    print_histogram("took", &took);
    print_histogram("late", &late);
    print_histogram("lay", &lay);
    print_spans("stalls", &stalls);
    print_spans("hiccups", &hiccups);
    print_spans("held", &held);
    print_slowness(begun, length_us);
    printf("\"foreign\": %lu}\n", foreign);
}

/* ---- the beginning */

static struct srtp *read_key(const char *word) {
    uint8_t bytes[46] = {0};
    int suite, at = 0, size = 0;
    if (sscanf(word, "%d:%n", &suite, &at) != 1) return NULL;
    for (unsigned byte; size < 46 && sscanf(word + at, "%2x", &byte) == 1; at += 2)
        bytes[size++] = (uint8_t)byte;
    return srtp_new(suite, bytes, bytes + (size > 30 ? 32 : 16), NULL, 0);
}

static void aim(int fd, int port) {
    struct sockaddr_in to = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
    connect(fd, (struct sockaddr *)&to, sizeof to);
}

/* What comes to others than viewers is read by nobody. */
static void watch(int epoll, struct member *member) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
    int fd = member->video, size = 8 << 20, on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool read_member(int epoll, struct member *member) {
    char words[2][128];
    int audio_to, video_to;
    if (scanf("%d %d %d %d %127s %127s", &member->audio, &audio_to, &member->video, &video_to,
              words[0], words[1]) != 6)
        return false;
    aim(member->audio, audio_to);
    aim(member->video, video_to);
    if (!(member->opening = read_key(words[1]))) return false;
    if (member == members) return (sending = read_key(words[0])) != NULL;
    watch(epoll, member);
    return true;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    char order[16];
    double value, seconds;
    int epoll = epoll_create1(0), wanted = atoi(argv[1]);
    burst = atoi(argv[2]);
    if (wanted < 2 || wanted > MEMBERS) return 2;
    for (; member_count < wanted; member_count++)
        if (!read_member(epoll, &members[member_count])) return 2;
    if (!start_meter(atoi(argv[3]), atoi(argv[4]))) return 3;
    while (scanf("%15s %lf %lf", order, &value, &seconds) == 3) {
        if (order[0] == 'c')
            run_closed(epoll, (int)value, (int64_t)(seconds * 1e6));
        else
            run_open(epoll, value, (int64_t)(seconds * 1e6));
        fflush(stdout);
    }
    atomic_store(&ending, true);
    return 0;
}
