// Random replacement whose instructions `scripts/guards/flatness.py` counts: flat LIVE THREADS.
//
// Each thread fills a table of so many blocks and replaces half as many again; callgrind, which is
// told to begin then, counts what comes after. The number of counted replacements is printed.
#include <pthread.h>
#include <valgrind/callgrind.h>

#include "common.h"

enum { COUNTED = 200000, MOST_THREADS = 64 };

static long live, each;
static pthread_barrier_t full;

static void replace(void **slots, uint32_t *seed, long count) {
    for (long i = 0; i < count; i++) {
        uint64_t victim = ((uint64_t)step(seed) * (uint64_t)live) >> 32;
        free(slots[victim]);
        slots[victim] = checked(malloc((*seed >> 8) % 256 + 1));
    }
}

static void *run(void *number) {
    uint32_t seed = (uint32_t)(uintptr_t)number;
    void **slots = checked(calloc((size_t)live, sizeof *slots));
    for (long i = 0; i < live; i++) slots[i] = checked(malloc((size_t)i * 31 % 256 + 1));
    replace(slots, &seed, live / 2);
    if (pthread_barrier_wait(&full) == PTHREAD_BARRIER_SERIAL_THREAD)
        CALLGRIND_START_INSTRUMENTATION;
    pthread_barrier_wait(&full);
    replace(slots, &seed, each);
    if (pthread_barrier_wait(&full) == PTHREAD_BARRIER_SERIAL_THREAD)
        CALLGRIND_STOP_INSTRUMENTATION;
    return NULL;
}

int main(int argc, char **argv) {
    live = argc == 3 ? atol(argv[1]) : 0;
    long threads = argc == 3 ? atol(argv[2]) : 0;
    if (live < 1 || threads < 1 || threads > MOST_THREADS) {
        fputs("usage: flat LIVE THREADS, with 1 to 64 threads\n", stderr);
        return 2;
    }
    each = COUNTED / threads;
    pthread_barrier_init(&full, NULL, (unsigned)threads);
    pthread_t others[MOST_THREADS];
    for (long i = 1; i < threads; i++)
        if (pthread_create(&others[i], NULL, run, (void *)(i + 1))) return 1;
    run((void *)1);
    for (long i = 1; i < threads; i++) pthread_join(others[i], NULL);
    printf("%ld\n", each * threads);
    return 0;
}
