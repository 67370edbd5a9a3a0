// rtpload: thousands of RTP legs from one UDP socket, every packet checked.
//
//   cc -O2 -o rtpload rtpload.c
//   rtpload HOST PORT LEGS WARM_SECONDS SECONDS [OWN_PORT]
//
// Leg i is 127.(16+i/65536).(i/256%256).(i%256), port OWN_PORT; IP_PKTINFO chooses the source of what is
// sent and tells the destination of what arrives. Legs 2k and 2k+1 are bridged by the server at
// HOST:PORT. Each leg sends 50 packets a second (A-law, 160 bytes), the legs spread over the 20 ms.
//
// A payload carries its leg, its number and the time it was sent; the receiver notes in a bitmap which
// numbers of which leg came, and counts as wrong whatever is not from the leg's peer or has a byte
// changed. Sequence numbers must go on by one (counted as jumps otherwise). Mode "listen" (LEGS < 0)
// sends only a packet a second a leg and counts what the server sends by itself: prompts.
//
// Prints one line of JSON. Only packets sent after WARM_SECONDS count.
// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 512
#define PAYLOAD 160
#define PACKET (12 + PAYLOAD)
#define SLOTS 20

typedef struct {
    uint32_t leg, number;
    uint64_t sent_at;
} stamp_t;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static uint32_t address_of(uint32_t leg) { return htonl((127u << 24) + (16u << 16) + leg); }
static uint32_t leg_of(uint32_t address) { return ntohl(address) - ((127u << 24) + (16u << 16)); }

static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_piece[BATCH], in_piece[BATCH];
static uint8_t out_packet[BATCH][PACKET], in_packet[BATCH][512];
static struct sockaddr_in in_name[BATCH], server;
static union {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint32_t))];
} out_control[BATCH], in_control[BATCH];

static uint32_t legs, most;
static uint8_t *came;                  // bitmap: leg, number
static uint16_t *sequence;             // last sequence number heard by each leg
static uint8_t *heard;
static uint64_t sent, got, wrong, twice, jumps, late_sum, late_most, refused, drops, any;
static uint32_t first_number;

static void prepare(void) {
    for (int i = 0; i < BATCH; i++) {
        out_piece[i] = (struct iovec){out_packet[i], PACKET};
        out[i].msg_hdr = (struct msghdr){.msg_name = &server,
                                         .msg_namelen = sizeof server,
                                         .msg_iov = &out_piece[i],
                                         .msg_iovlen = 1,
                                         .msg_control = &out_control[i],
                                         .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo))};
        struct cmsghdr *c = &out_control[i].align;
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
        memset(out_packet[i], 0xd5, PACKET);
        out_packet[i][0] = 0x80;
        in_piece[i] = (struct iovec){in_packet[i], sizeof in_packet[i]};
    }
}

static void lay_out(int i, uint32_t leg, uint32_t number) {
    struct in_pktinfo *info = (void *)CMSG_DATA(&out_control[i].align);
    memset(info, 0, sizeof *info);
    info->ipi_spec_dst.s_addr = address_of(leg);
    uint8_t *p = out_packet[i];
    p[1] = 8;
    p[2] = number >> 8;
    p[3] = number;
    uint32_t time = htonl(number * PAYLOAD), ssrc = htonl(leg + 1);
    memcpy(p + 4, &time, 4);
    memcpy(p + 8, &ssrc, 4);
    stamp_t stamp = {leg, number, now_ns()};
    memcpy(p + 12, &stamp, sizeof stamp);
}

static void flush(int fd, int count) {
    for (int done = 0; done < count;) {
        int n = sendmmsg(fd, out + done, count - done, 0);
        if (n <= 0) {
            refused++;
            n = 1;
        }
        done += n;
    }
}

static void check(uint8_t *p, uint32_t size, uint32_t leg) {
    stamp_t stamp;
    any++;
    if (size != PACKET || leg >= legs) {
        wrong++;
        return;
    }
    uint16_t number = p[2] << 8 | p[3];
    if (heard[leg] && (uint16_t)(number - sequence[leg]) != 1) jumps++;
    heard[leg] = 1;
    sequence[leg] = number;
    memcpy(&stamp, p + 12, sizeof stamp);
    if (stamp.leg != (leg ^ 1) || stamp.number >= most) {
        wrong++;
        return;
    }
    for (int i = 12 + sizeof stamp; i < PACKET; i++)
        if (p[i] != 0xd5) {
            wrong++;
            return;
        }
    uint64_t bit = (uint64_t)stamp.leg * most + stamp.number;
    if (came[bit >> 3] & 1 << (bit & 7)) {
        twice++;
        return;
    }
    came[bit >> 3] |= 1 << (bit & 7);
    if (stamp.number < first_number) return;
    got++;
    uint64_t late = now_ns() - stamp.sent_at;
    late_sum += late;
    if (late > late_most) late_most = late;
}

static void receive(int fd, int listening) {
    for (;;) {
        for (int i = 0; i < BATCH; i++)
            in[i].msg_hdr = (struct msghdr){.msg_name = &in_name[i],
                                            .msg_namelen = sizeof in_name[i],
                                            .msg_iov = &in_piece[i],
                                            .msg_iovlen = 1,
                                            .msg_control = &in_control[i],
                                            .msg_controllen = sizeof in_control[i]};
        int n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) return;
        for (int i = 0; i < n; i++) {
            uint32_t leg = UINT32_MAX;
            for (struct cmsghdr *c = CMSG_FIRSTHDR(&in[i].msg_hdr); c; c = CMSG_NXTHDR(&in[i].msg_hdr, c)) {
                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
                    leg = leg_of(((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr.s_addr);
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
                    memcpy(&drops, CMSG_DATA(c), 4);
            }
            if (listening)
                any++;
            else
                check(in_packet[i], in[i].msg_len, leg);
        }
        if (n < BATCH) return;
    }
}

int main(int argc, char **argv) {
    if (argc < 6) return fprintf(stderr, "usage: rtpload HOST PORT LEGS WARM SECONDS [OWN_PORT]\n"), 2;
    int listening = atoi(argv[3]) < 0;
    legs = abs(atoi(argv[3]));
    double warm = atof(argv[4]), seconds = atof(argv[5]);
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, room = 32 << 20;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(argc > 6 ? atoi(argv[6]) : 40000)};
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(fd, (void *)&own, sizeof own)) return perror("bind"), 1;
    prepare();
    most = (uint32_t)((warm + seconds) * 50) + 2;
    first_number = (uint32_t)(warm * 50);
    came = calloc((uint64_t)legs * most / 8 + 1, 1);
    sequence = calloc(legs, sizeof *sequence);
    heard = calloc(legs, 1);
    uint32_t last = (uint32_t)((warm + seconds) * 50);
    uint64_t start = now_ns(), slot_ns = 1000000, behind = 0, window_start = 0, any_before = 0;
    double cpu_before = 0;
    struct rusage use;
    for (uint32_t slot = 0; slot < last * SLOTS; slot++) {
        uint32_t number = slot / SLOTS;
        if (slot == first_number * SLOTS) {
            window_start = now_ns();
            any_before = any;
            getrusage(RUSAGE_SELF, &use);
            cpu_before = use.ru_utime.tv_sec + use.ru_stime.tv_sec +
                         (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
        }
        int count = 0;
        for (uint32_t leg = slot % SLOTS; leg < legs; leg += SLOTS) {
            if (listening && number % 50) break;
            lay_out(count++, leg, number);
            if (number >= first_number) sent++;
            if (count == BATCH) {
                flush(fd, count);
                count = 0;
            }
        }
        flush(fd, count);
        receive(fd, listening);
        uint64_t due = start + (uint64_t)(slot + 1) * slot_ns, at = now_ns();
        if (at > due && at - due > behind) behind = at - due;
        struct timespec t = {due / 1000000000u, due % 1000000000u};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    double took = (now_ns() - window_start) * 1e-9;
    uint64_t in_window = any - any_before;
    getrusage(RUSAGE_SELF, &use);
    double cpu = use.ru_utime.tv_sec + use.ru_stime.tv_sec +
                 (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6 - cpu_before;
    for (int i = 0; i < 250; i++) {
        receive(fd, listening);
        struct timespec t = {0, 2000000};
        nanosleep(&t, NULL);
    }
    printf("{\"legs\": %u, \"sent\": %lu, \"got\": %lu, \"wrong\": %lu, \"twice\": %lu, \"jumps\": %lu, "
           "\"any\": %lu, \"refused\": %lu, \"drops\": %lu, \"mean_ms\": %.3f, \"most_ms\": %.3f, "
           "\"behind_ms\": %.2f, \"cpu\": %.3f, \"seconds\": %.3f}\n",
           legs, sent, got, wrong, twice, jumps, in_window, refused, drops, got ? late_sum * 1e-6 / got : 0.0,
           late_most * 1e-6, behind * 1e-6, cpu / took, took);
    return 0;
}
