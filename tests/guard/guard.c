// Workloads whose instructions `scripts/guard.py` counts under callgrind: guard WORKLOAD ROUNDS.
//
// Each workload runs once to warm up, then again with the counters at zero; the counts are dumped
// under the workload's name, and the number of operations is printed. Random numbers come from a
// fixed seed, so that a count can only change with the allocator.
#include <pthread.h>
#include <semaphore.h>
#include <valgrind/callgrind.h>

#include "common.h"

enum { BATCH = 256, RING = 64, LIVE = 10000, CHURN = 10000 };

static void *slots[LIVE];
static void release_all(void) {
    for (int i = 0; i < LIVE; i++) {
        free(slots[i]);
        slots[i] = NULL;
    }
}

static long pair(long rounds) {
    for (long i = 0; i < rounds * BATCH; i++) free(checked(malloc(64)));
    return rounds * BATCH;
}

static long batch(long rounds) {
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < BATCH; i++) slots[i] = checked(malloc(64));
        for (int i = 0; i < BATCH; i++) free(slots[i]);
    }
    memset(slots, 0, BATCH * sizeof *slots);
    return rounds * BATCH;
}

static long mixed(long rounds) {
    for (long i = 0; i < rounds * BATCH; i++) {
        free(slots[i % RING]);
        slots[i % RING] = checked(malloc(mixed_size()));
    }
    release_all();
    return rounds * BATCH;
}

static long replace(long rounds) {
    for (int i = 0; i < LIVE; i++) slots[i] = checked(malloc(next() % 256 + 1));
    for (long i = 0; i < rounds * CHURN; i++) {
        uint32_t victim = next() % LIVE;
        free(slots[victim]);
        slots[victim] = checked(malloc(next() % 256 + 1));
    }
    release_all();
    return rounds * CHURN + LIVE;
}

static long zeroed(long rounds) {
    for (long i = 0; i < rounds * BATCH; i++) {
        free(slots[i % RING]);
        slots[i % RING] = checked(calloc(next() % 16 + 1, 24));
    }
    release_all();
    return rounds * BATCH;
}

// A buffer that grows by half from 16 bytes to 64 KiB, as strings and vectors do.
static long grow(long rounds) {
    long operations = 0;
    for (long round = 0; round < rounds; round++) {
        char *buffer = NULL;
        for (size_t size = 16; size < 65536; size += size / 2) {
            buffer = checked(realloc(buffer, size));
            buffer[size - 1] = 1;
            operations++;
        }
        free(buffer);
    }
    return operations;
}

static long aligned(long rounds) {
    for (long i = 0; i < rounds * BATCH; i++) {
        size_t alignment = (size_t)32 << next() % 4;
        free(slots[i % RING]);
        slots[i % RING] = checked(aligned_alloc(alignment, alignment * (next() % 4 + 1)));
    }
    release_all();
    return rounds * BATCH;
}

static long large(long rounds) {
    for (long i = 0; i < rounds * 8; i++) {
        free(slots[i % 8]);
        slots[i % 8] = checked(malloc(40000 + next() % 400000));
    }
    release_all();
    return rounds * 8;
}

// C23, which not every allocator has.
void free_sized(void *block, size_t bytes) __attribute__((weak));

static long sized(long rounds) {
    for (long i = 0; i < rounds * BATCH; i++) {
        size_t bytes = next() % 512 + 1;
        void *block = checked(malloc(bytes));
        if (free_sized)
            free_sized(block, bytes);
        else
            free(block);
    }
    return rounds * BATCH;
}

static sem_t filled, emptied;

static void *free_batches(void *rounds) {
    for (long round = *(long *)rounds; round > 0; round--) {
        sem_wait(&filled);
        for (int i = 0; i < BATCH; i++) free(slots[i]);
        sem_post(&emptied);
    }
    return NULL;
}

// Batches that another thread frees.
static long handed(long rounds) {
    pthread_t thread;
    sem_init(&filled, 0, 0);
    sem_init(&emptied, 0, 0);
    if (pthread_create(&thread, NULL, free_batches, &rounds)) exit(1);
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < BATCH; i++) slots[i] = checked(malloc(64));
        sem_post(&filled);
        sem_wait(&emptied);
    }
    pthread_join(thread, NULL);
    memset(slots, 0, BATCH * sizeof *slots);
    return rounds * BATCH;
}

static const char *const NAMES[] = {
    "pair", "batch", "mixed", "replace", "zeroed", "grow", "aligned", "large", "sized", "handed",
};
static long (*const WORKLOADS[])(long rounds) = {
    pair, batch, mixed, replace, zeroed, grow, aligned, large, sized, handed,
};

int main(int argc, char **argv) {
    size_t workload =
        find("guard", argc == 3 ? argv[1] : NULL, NAMES, sizeof NAMES / sizeof *NAMES);
    long rounds = atol(argv[2]);
    WORKLOADS[workload](rounds);
    state = 1;
    CALLGRIND_ZERO_STATS;
    long operations = WORKLOADS[workload](rounds);
    CALLGRIND_DUMP_STATS_AT(NAMES[workload]);
    printf("%ld\n", operations);
    return 0;
}
