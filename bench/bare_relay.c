// bare_relay: the physical limit of relaying RTP between pairs of legs from one UDP socket.
//
//   cc -O2 -o bare_relay bare_relay.c
//   bare_relay HOST PORT LEGS BATCH_MS LEG_PORT
//
// It knows the legs of rtpload: looks each sender up in a hash table, rewrites sequence number, timestamp
// and SSRC, and sends to the leg's peer; recvmmsg, sendmmsg, one wake-up every BATCH_MS. No statistics,
// no checks, no clock, nothing else. Runs until it is killed.
// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 1024
#define SLOTS 16384

typedef struct {
    struct sockaddr_in to;
    uint32_t time_shift, ssrc;
    uint16_t sequence_shift;
} leg_t;

static struct {
    uint64_t key;
    uint32_t leg;
} table[SLOTS];
static leg_t *leg;
static struct mmsghdr message[BATCH];
static struct iovec piece[BATCH];
static struct sockaddr_in name[BATCH];
static uint8_t packet[BATCH][576];

static uint64_t key_of(const struct sockaddr_in *a) { return (uint64_t)a->sin_addr.s_addr << 16 | a->sin_port; }
static uint32_t slot_of(uint64_t key) { return (uint32_t)(key * 0x9E3779B97F4A7C15ull >> 50); }

int main(int argc, char **argv) {
    if (argc < 6) return fprintf(stderr, "usage: bare_relay HOST PORT LEGS BATCH_MS LEG_PORT\n"), 2;
    uint32_t legs = atoi(argv[3]);
    double batch_ms = atof(argv[4]);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &own.sin_addr);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(fd, (void *)&own, sizeof own)) return perror("bind"), 1;
    leg = calloc(legs, sizeof *leg);
    for (uint32_t i = 0; i < legs; i++) {
        leg[i].to = (struct sockaddr_in){.sin_family = AF_INET,
                                         .sin_port = htons(atoi(argv[5])),
                                         .sin_addr.s_addr = htonl((127u << 24) + (16u << 16) + i)};
        leg[i].ssrc = htonl(i * 77 + 5);
        leg[i].time_shift = i * 1000;
        leg[i].sequence_shift = i;
        uint64_t key = key_of(&leg[i].to);
        uint32_t s = slot_of(key);
        while (table[s].key) s = (s + 1) % SLOTS;
        table[s].key = key;
        table[s].leg = i;
    }
    for (int i = 0; i < BATCH; i++) {
        piece[i].iov_base = packet[i];
        message[i].msg_hdr.msg_iov = piece + i;
        message[i].msg_hdr.msg_iovlen = 1;
    }
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        for (;;) {
            for (int i = 0; i < BATCH; i++) {
                piece[i].iov_len = sizeof packet[i];
                message[i].msg_hdr.msg_name = name + i;
                message[i].msg_hdr.msg_namelen = sizeof name[i];
            }
            int n = recvmmsg(fd, message, BATCH, MSG_DONTWAIT, NULL), kept = 0;
            if (n <= 0) break;
            for (int i = 0; i < n; i++) {
                uint64_t key = key_of(name + i);
                uint32_t s = slot_of(key);
                while (table[s].key && table[s].key != key) s = (s + 1) % SLOTS;
                uint32_t from = table[s].leg, to = from ^ 1;
                if (!table[s].key || message[i].msg_len < 13 || packet[i][0] != 0x80) continue;
                uint16_t sequence;
                uint32_t time;
                memcpy(&sequence, packet[i] + 2, 2);
                memcpy(&time, packet[i] + 4, 4);
                sequence = htons(ntohs(sequence) + leg[from].sequence_shift);
                time = htonl(ntohl(time) + leg[from].time_shift);
                memcpy(packet[i] + 2, &sequence, 2);
                memcpy(packet[i] + 4, &time, 4);
                memcpy(packet[i] + 8, &leg[to].ssrc, 4);
                piece[kept].iov_base = packet[i];
                piece[kept].iov_len = message[i].msg_len;
                message[kept++].msg_hdr.msg_name = &leg[to].to;
            }
            for (int done = 0; done < kept;) {
                int r = sendmmsg(fd, message + done, kept - done, MSG_DONTWAIT);
                done += r > 0 ? r : 1;
            }
            for (int i = 0; i < kept; i++) piece[i].iov_base = packet[i];
            if (n < BATCH) break;
        }
        due.tv_nsec += (long)(batch_ms * 1e6);
        due.tv_sec += due.tv_nsec / 1000000000;
        due.tv_nsec %= 1000000000;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > due.tv_sec || (now.tv_sec == due.tv_sec && now.tv_nsec > due.tv_nsec)) due = now;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
}
