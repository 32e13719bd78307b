// Workloads whose peak of anonymous memory `scripts/guards/peak.py` holds: peak WORKLOAD.
//
// Each prints the most KiB of anonymous pages that the process held when it looked. Random numbers
// come from a fixed seed. Blocks are written whole, so that every page asked for is there.
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 200000, WAVE = 20000, HANDED = 4096, STRINGS = 64 };

static void *slots[BLOCKS];
static uint32_t state = 1;
static long most;

static uint32_t next(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static void *filled(size_t bytes) {
    void *block = malloc(bytes);
    if (!block) {
        fputs("peak: the allocator has no memory\n", stderr);
        exit(1);
    }
    return memset(block, 1, bytes);
}

// Looks how much there is now. Allocates nothing.
static void look(void) {
    static char text[8192];
    int file = open("/proc/self/status", O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[length > 0 ? length : 0] = 0;
    const char *line = strstr(text, "RssAnon:");
    if (!line) {
        fputs("peak: /proc/self/status does not tell RssAnon\n", stderr);
        exit(1);
    }
    long now = atol(line + strlen("RssAnon:"));
    if (now > most) most = now;
}

static void tiny(void) {
    for (int i = 0; i < 100; i++) slots[i] = filled(next() % 256 + 1);
    look();
}

// Mostly small, some up to 2 KiB, rarely up to 32 KiB.
static size_t mixed_size(void) {
    unsigned bits = next() % 64 == 0 ? 15 : next() % 8 == 0 ? 11 : 7;
    return next() % (1u << bits) + 1;
}

static void mixed(void) {
    for (int i = 0; i < BLOCKS; i++) slots[i] = filled(mixed_size());
    for (int i = 1; i <= 5 * BLOCKS; i++) {
        uint32_t victim = next() % BLOCKS;
        free(slots[victim]);
        slots[victim] = filled(mixed_size());
        if (i % BLOCKS == 0) look();
    }
}

static void waves(void) {
    for (int wave = 0; wave < 30; wave++) {
        void **batch = slots + wave % 3 * WAVE;
        for (int i = 0; i < WAVE; i++) {
            free(batch[i]);
            batch[i] = filled((size_t)16 << wave % 6);
        }
        look();
    }
}

static void *hand_over(void *unused) {
    for (int i = 0; i < HANDED; i++) slots[i] = filled(next() % 512 + 1);
    return unused;
}

static void threads(void) {
    for (int round = 0; round < 24; round++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, hand_over, NULL) || pthread_join(thread, NULL)) exit(1);
        look();
        for (int i = 0; i < HANDED; i++) free(slots[i]);
    }
}

static void growing(void) {
    for (size_t length = 1; length < 256 * 1024; length += length / 3 + 1) {
        for (int i = 0; i < STRINGS; i++) {
            size_t bytes = length + (size_t)i * 16;
            slots[i] = realloc(slots[i], bytes);
            if (!slots[i]) exit(1);
            memset(slots[i], 1, bytes);
        }
        look();
    }
}

static void large(void) {
    for (int i = 1; i <= 400; i++) {
        uint32_t victim = next() % 16;
        free(slots[victim]);
        slots[victim] = filled(((size_t)40 << next() % 7) * 1024 + next() % 40000);
        if (i % 20 == 0) look();
    }
}

static const struct workload {
    const char *name;
    void (*run)(void);
} WORKLOADS[] = {
    {"tiny", tiny},       {"mixed", mixed},     {"waves", waves},
    {"threads", threads}, {"growing", growing}, {"large", large},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof WORKLOADS / sizeof *WORKLOADS; i++) {
        if (strcmp(argv[1], WORKLOADS[i].name)) continue;
        WORKLOADS[i].run();
        printf("%ld\n", most);
        return 0;
    }
    fputs("usage: peak WORKLOAD; workloads:", stderr);
    for (size_t i = 0; i < sizeof WORKLOADS / sizeof *WORKLOADS; i++)
        fprintf(stderr, " %s", WORKLOADS[i].name);
    fputs("\n", stderr);
    return 2;
}
