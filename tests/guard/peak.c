// Workloads whose peak of anonymous memory `scripts/guards/peak.py` holds: peak WORKLOAD.
//
// Each prints the most KiB of anonymous pages that the process held when it looked. Random numbers
// come from a fixed seed. Blocks are written whole, so that every page asked for is there.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "common.h"

enum { BLOCKS = 200000, WAVE = 20000, HANDED = 4096, STRINGS = 64 };

static void *slots[BLOCKS];
static long most;

static void *filled(size_t bytes) { return memset(checked(malloc(bytes)), 1, bytes); }

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
            slots[i] = memset(checked(realloc(slots[i], bytes)), 1, bytes);
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

static const char *const NAMES[] = {"tiny", "mixed", "waves", "threads", "growing", "large"};
static void (*const WORKLOADS[])(void) = {tiny, mixed, waves, threads, growing, large};

int main(int argc, char **argv) {
    WORKLOADS[find("peak", argc == 2 ? argv[1] : NULL, NAMES, sizeof NAMES / sizeof *NAMES)]();
    printf("%ld\n", most);
    return 0;
}
