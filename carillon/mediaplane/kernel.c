// The relay's inner loop: waits, receives a batch, passes on what is usual, and leaves the rest to Python.
//
// kernel.py owns all memory and describes it here once (relay_t); relay.py handles what is left, and has
// the same rules in array operations for machines without a C compiler. What is listened to is noted as well
// (heard.py). Nothing is allocated, nothing outlives a call. A packet is read only after its length was
// checked; rows come from tables of ours.
// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 576, COLUMNS = 16, NAME_BYTES = 16, HEADER = 12, OTHERS = 16, READY = 4096, MOST_BATCHES = 4, MOST_JUMP = 3000 };
enum { HEARD_ROOM = ROOM - HEADER, MULAW = 0, ALAW = 8 };
enum { EXPECTED = 0, SHIFT = 3, OVER = 6, KIND = 9, NAME = 10, SENDER = 12 };
enum { RELAYED, UNHEARD, TRANSCODED };
enum { REST, SHARED, OWN };
enum { MORE = 1, LEFT = 2 };

typedef struct {
    // What is received: room for `batch` packets.
    uint8_t *octets;
    const uint64_t *senders;  // two words a packet
    struct mmsghdr *in;
    int64_t batch, most_bytes;
    // The legs: see legs.py and routes.py.
    const uint64_t *shared;
    const int64_t *shared_rows, *shared_count;
    const uint32_t *routes;
    const int64_t *track, *fd, *target, *codec;
    const uint8_t *secured;
    // Of secured legs libsrtp's contexts, 0 where this loop cannot use them: see srtp.py.
    void *const *outward, *const *inward;
    const int32_t *row_of_fd;
    int64_t fds;
    // How they are received and sent: see streams.py.
    const int64_t *rate, *source_ssrc;
    int64_t *highest, *first, *expected_before, *received, *sent, *sent_octets;
    uint32_t *last_time;
    int32_t *transit;
    double *jitter, *heard_at;
    const uint8_t *relayed;
    const uint8_t *other_law;  // two tables of 256: A-law of mu-law, mu-law of A-law
    // The tally: see tally.py.
    int64_t *rows;
    uint32_t *words;
    int64_t *sizes;
    double *arrived;
    int64_t *used;
    // What is listened to: see heard.py.
    int64_t *heard_tracks;
    uint32_t *heard_times;
    int64_t *heard_lengths;
    double *heard_arrived;
    uint8_t *heard_payloads;
    int64_t *heard_used;
    // What is sent.
    struct mmsghdr *out;
    struct iovec *pieces;
    // What is left to Python: slots of the inbox, the rows of their legs, and how many of each.
    int64_t *left, *left_rows;
    int64_t left_count;
    // Sockets, and where a look has got to.
    int64_t rtp_fd, own_epoll, own_legs, own_burst, timer_fd, rtcp_fd, own_rtcp_epoll;
    int64_t phase, batches, packets, reports, ready_count, ready_next;
    int64_t other_count, others[OTHERS];
    struct epoll_event *ready;  // room for READY
    // Ticks: when the next is due, by how much the latest was late that was passed over, and how many of
    // those to come have nothing to do.
    double tick_at, tick_seconds, late;
    int64_t idle_ticks;
    // libsrtp's srtp_protect and srtp_unprotect: they work where a packet lies, and return 0 if all is well.
    int (*protect)(void *, void *, int *), (*unprotect)(void *, void *, int *);
} relay_t;

int64_t carillon_size(void) { return sizeof(relay_t); }

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

// The only leg of the shared port that this sender can be.
static int64_t find(const relay_t *r, uint64_t sender) {
    int64_t low = 0, high = *r->shared_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (r->shared[middle] < sender)
            low = middle + 1;
        else
            high = middle;
    }
    return r->shared_rows[low];
}

static void translate(const relay_t *r, uint8_t *payload, int64_t count, int64_t codec) {
    const uint8_t *table = r->other_law + (codec == MULAW ? 0 : 256);
    for (int64_t i = 0; i < count; i++) payload[i] = table[payload[i]];
}

// Notes what a leg says that is listened to.
static void hear(const relay_t *r, int64_t track, uint32_t time, const uint8_t *payload, int64_t count, double now) {
    int64_t at = (*r->heard_used)++;
    r->heard_tracks[at] = track;
    r->heard_times[at] = time;
    r->heard_lengths[at] = count;
    r->heard_arrived[at] = now;
    memcpy(r->heard_payloads + at * HEARD_ROOM, payload, count);
}

// What cannot be sent is skipped: a network may lose any packet.
static void send_all(int fd, struct mmsghdr *messages, int count) {
    for (int done = 0; done < count;) {
        int sent = sendmmsg(fd, messages + done, count - done, MSG_DONTWAIT);
        done += sent > 0 ? sent : 1;
    }
}

// Lays a packet open, or covers it, where it lies; returns its size then, 0 when that cannot be.
static int64_t turned(int (*turn)(void *, void *, int *), void *context, uint8_t *packet, int64_t size) {
    int length = size;
    return turn(context, packet, &length) ? 0 : length;
}

// Counts and passes on a packet that is usual; says whether it was. `kept`: messages for the shared socket.
static int pass(relay_t *r, int64_t slot, int64_t row, uint64_t sender, double now, int *kept) {
    int64_t size = r->in[slot].msg_hdr.msg_flags & MSG_TRUNC ? 0 : r->in[slot].msg_len;
    if (row < 0 || size <= HEADER || size > (r->secured[row] ? ROOM : r->most_bytes)) return 0;
    const uint32_t *route = r->routes + row * COLUMNS;
    uint8_t *packet = r->octets + slot * ROOM;
    uint32_t word[3];
    uint64_t place;
    memcpy(word, packet, sizeof word);
    for (int i = 0; i < 3; i++) word[i] = ntohl(word[i]);
    memcpy(&place, route + SENDER, sizeof place);
    if ((word[0] & 0xFF7F0000) != route[EXPECTED] || word[2] != route[EXPECTED + 2] || place != sender) return 0;
    int64_t track = r->track[row], codec = r->codec[row], target = r->target[row];
    if ((r->secured[row] && !r->inward[row]) || (track >= 0 && codec != MULAW && codec != ALAW)) return 0;
    uint32_t kind = route[KIND];
    if (kind != UNHEARD && (target < 0 || (r->secured[target] && !r->outward[target]))) return 0;
    // Laid open, a packet must not be left to Python, which would lay it open again.
    if (r->secured[row] && ((size = turned(r->unprotect, r->inward[row], packet, size)) <= HEADER)) return 1;

    int64_t at = (*r->used)++;
    r->rows[at] = row;
    memcpy(r->words + at * 3, word, sizeof word);
    r->sizes[at] = size;
    r->arrived[at] = now;
    if (track >= 0) hear(r, track, word[1], packet + HEADER, size - HEADER, now);
    if (kind == UNHEARD) return 1;

    if (kind == TRANSCODED) translate(r, packet + HEADER, size - HEADER, codec);
    // A carry out of the sequence number ends in the payload type, which is masked and put over anew.
    word[0] = ((word[0] + route[SHIFT]) & 0x0080FFFF) | route[OVER];
    word[1] = (word[1] + route[SHIFT + 1]) | route[OVER + 1];
    word[2] = (word[2] + route[SHIFT + 2]) | route[OVER + 2];
    for (int i = 0; i < 3; i++) word[i] = htonl(word[i]);
    memcpy(packet, word, sizeof word);
    if (r->secured[target] && !(size = turned(r->protect, r->outward[target], packet, size))) return 1;
    uint64_t name;
    memcpy(&name, route + NAME, sizeof name);
    int64_t fd = r->fd[target];
    if (fd >= 0) {
        sendto(fd, packet, size, MSG_DONTWAIT, (struct sockaddr *)name, NAME_BYTES);
        return 1;
    }
    r->pieces[*kept].iov_base = packet;
    r->pieces[*kept].iov_len = size;
    r->out[(*kept)++].msg_hdr.msg_name = (void *)name;
    return 1;
}

// Handles the first `count` packets; `own`: the legs they came to, NULL when senders tell them apart.
static void handle(relay_t *r, int64_t count, const int32_t *own, double now) {
    int kept = 0;
    r->left_count = 0;
    for (int64_t slot = 0; slot < count; slot++) {
        uint64_t sender = r->senders[slot * 2];
        int64_t row = own ? own[slot] : find(r, sender);
        if (!pass(r, slot, row, sender, now, &kept)) {
            r->left[r->left_count] = slot;
            r->left_rows[r->left_count++] = row;
        }
    }
    send_all(r->rtp_fd, r->out, kept);
    r->packets += count;
}

static void look_shared(relay_t *r, double now) {
    int count = recvmmsg(r->rtp_fd, r->in, r->batch, MSG_DONTWAIT, NULL);
    if (count > 0) handle(r, count, NULL, now);
    // A flood may take no more than its share of a look.
    if (count >= r->batch && ++r->batches < MOST_BATCHES) return;
    r->phase = r->own_legs ? OWN : REST;
    r->ready_count = r->ready_next = 0;
    if (!r->own_legs) return;
    int ready = epoll_wait(r->own_epoll, r->ready, READY, 0);
    r->ready_count = ready > 0 ? ready : 0;
}

static void look_own(relay_t *r, double now) {
    int64_t count = 0;
    int32_t own[r->batch];
    while (r->ready_next < r->ready_count && count + r->own_burst <= r->batch) {
        int fd = r->ready[r->ready_next++].data.fd;
        int32_t row = fd < r->fds ? r->row_of_fd[fd] : -1;
        int came = recvmmsg(fd, r->in + count, r->own_burst, MSG_DONTWAIT, NULL);
        for (int i = 0; i < came; i++) own[count + i] = row;
        count += came > 0 ? came : 0;
    }
    if (r->ready_next >= r->ready_count) r->phase = REST;
    if (count) handle(r, count, own, now);
}

// Goes on with a look at the sockets until it is whole, or packets are left; there is room to note `room`
// more. Returns whether there is more to look at.
static int look_on(relay_t *r, double now, int64_t room) {
    int64_t full = *r->used + room - r->batch;
    r->left_count = 0;
    while (r->phase != REST && !r->left_count && *r->used <= full) {
        if (r->phase == SHARED)
            look_shared(r, now);
        else
            look_own(r, now);
    }
    return r->phase != REST;
}

// Looks at the sockets, or goes on with that; see look_on.
int carillon_look(relay_t *r, double now, int64_t room, int begin) {
    if (begin) r->phase = SHARED, r->batches = 0;
    return look_on(r, now, room);
}

// Keeps what was expected up to now, and counts from this sequence number on.
static void count_from(relay_t *r, int64_t row, int64_t sequence) {
    if (r->source_ssrc[row] >= 0) r->expected_before[row] += r->highest[row] - r->first[row] + 1;
    r->first[row] = sequence;
    r->highest[row] = sequence - 1;
}

// Counts what the tally has kept, as Streams.count does: loss, jitter (RFC 3550 A.8), what was relayed.
void carillon_count(relay_t *r, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        int64_t row = r->rows[i], target = r->target[row];
        const uint32_t *word = r->words + i * 3;
        int16_t ahead = (uint16_t)(word[0] - r->highest[row]);
        if (ahead > MOST_JUMP || ahead < -MOST_JUMP) {
            count_from(r, row, word[0] & 0xFFFF);
            ahead = 1;
        }
        if (ahead > 0) r->highest[row] += ahead;
        int32_t transit = (uint32_t)(int64_t)(r->arrived[i] * r->rate[row]) - word[1];
        double change = (int32_t)((uint32_t)transit - (uint32_t)r->transit[row]);
        r->jitter[row] = r->jitter[row] * 15 / 16 + (change < 0 ? -change : change) / 16;
        r->transit[row] = transit;
        r->last_time[row] = word[1];
        r->heard_at[row] = r->arrived[i];
        r->received[row]++;
        if (!r->relayed[row] || target < 0) continue;
        r->sent[target]++;
        r->sent_octets[target] += r->sizes[i] - HEADER;
    }
}

static int reports_came(const relay_t *r) {
    struct pollfd rtcp[2] = {{.fd = r->rtcp_fd, .events = POLLIN}, {.fd = r->own_rtcp_epoll, .events = POLLIN}};
    return poll(rtcp, r->own_legs ? 2 : 1, 0) > 0;
}

// Whether a tick is due that there is something to do at; one that has nothing to do is passed over.
static int tick_due(relay_t *r, double now) {
    if (now < r->tick_at) return 0;
    double late = now - r->tick_at;
    if (!r->idle_ticks || late >= r->tick_seconds || reports_came(r)) return 1;
    if (late > r->late) r->late = late;
    r->tick_at += r->tick_seconds;
    r->idle_ticks--;
    return 0;
}

// Waits as epoll_wait does, looking at the sockets each time it is woken, until a tick is due, packets are
// left, no more can be noted, or anything but sound or the timer is ready. Returns 0 when then nothing is
// left to do, MORE when the last look is not whole, LEFT when packets are left.
int carillon_serve(relay_t *r, int poll, int timeout_ms, int64_t room) {
    struct epoll_event events[OTHERS];
    int64_t start = *r->used;
    for (;;) {
        int count = epoll_wait(poll, events, OTHERS, timeout_ms);
        double now = now_seconds();
        uint64_t fired;
        r->other_count = 0;
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == r->timer_fd) {
                if (read(fd, &fired, sizeof fired) < 0) continue;
            } else if (fd != r->rtp_fd && fd != r->own_epoll)
                r->others[r->other_count++] = fd;
        }
        r->phase = SHARED, r->batches = 0;
        int64_t left = room - (*r->used - start);
        int more = left >= r->batch ? look_on(r, now, left) : (r->left_count = 0, 1);
        int due = tick_due(r, now);
        if (due || more || r->left_count || r->other_count || count <= 0) {
            r->reports = reports_came(r);
            return (more ? MORE : 0) | (r->left_count ? LEFT : 0);
        }
    }
}
