/* Threads: how they begin and end, on small stacks and in great numbers, what their keys'
 * destructors may still do, and whose blocks may be freed by whom and when. */
#include "check.h"
#include <malloc.h>
#include <pthread.h>

static void start(pthread_t *thread, void *(*run)(void *), void *argument) {
    CHECK_EQ(pthread_create(thread, NULL, run, argument), 0);
}

static void join(pthread_t thread) {
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Every kind of call, with sizes from every range. */
static void allocate_a_little(unsigned seed) {
    static const size_t sizes[] = {1, 24, 100, 700, 3000, 20000, 33000, 150000};
    char *blocks[COUNT(sizes)];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        blocks[i] = i % 3 == 0   ? malloc(hide(sizes[i]))
                    : i % 3 == 1 ? calloc(1, hide(sizes[i]))
                                 : memalign(128, hide(sizes[i]));
        CHECK(blocks[i] != NULL);
        fill(blocks[i], sizes[i], seed);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        verify(blocks[i], sizes[i], seed);
        blocks[i] = realloc(blocks[i], hide(sizes[i] * 2));
        CHECK(blocks[i] != NULL);
        verify_kept(blocks[i], sizes[i], sizes[i], seed);
        free(blocks[i]);
    }
}

/* ---- small stacks */

static void *work_on_a_small_stack(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < 50; i++) {
        allocate_a_little(i);
    }
    malloc_trim(0);
    return malloc(100);
}

static void the_smallest_stack_suffices(void) {
    for (size_t round = 0; round < 10; round++) {
        pthread_t threads[4];
        pthread_attr_t attributes;
        CHECK_EQ(pthread_attr_init(&attributes), 0);
        CHECK_EQ(pthread_attr_setstacksize(&attributes, 16384), 0);
        for (size_t i = 0; i < COUNT(threads); i++) {
            CHECK_EQ(pthread_create(&threads[i], &attributes, work_on_a_small_stack, NULL), 0);
        }
        for (size_t i = 0; i < COUNT(threads); i++) {
            void *block;
            CHECK_EQ(pthread_join(threads[i], &block), 0);
            free(block);
        }
        pthread_attr_destroy(&attributes);
    }
}

/* ---- great numbers of threads */

static void *live_briefly(void *seed) {
    char *blocks[30];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        size_t size = (size_t)16 << (i % 12);
        blocks[i] = must_malloc(size);
        fill(blocks[i], size, (unsigned)(uintptr_t)seed);
    }
    for (size_t i = 1; i < COUNT(blocks); i++) {
        free(blocks[i]);
    }
    return blocks[0];
}

/* Threads in sets of four, at most four alive at a time; frees what each leaves. */
static void churn(size_t threads) {
    for (size_t done = 0; done < threads; done += 4) {
        pthread_t set[4];
        for (size_t i = 0; i < 4; i++) {
            start(&set[i], live_briefly, (void *)(done + i));
        }
        for (size_t i = 0; i < 4; i++) {
            void *block;
            CHECK_EQ(pthread_join(set[i], &block), 0);
            free(block);
        }
    }
}

/* Resident KiB after `threads` threads, once free memory is given back. */
static long rss_kib_after(size_t threads) {
    churn(threads);
    malloc_trim(0);
    return rss_kib();
}

/* How much free memory lies around between two looks depends on how the threads overlap, but it is
 * bounded; the rest settles once and then stays. */
static void ten_thousand_threads_leave_memory_flat(void) {
    rss_kib_after(1000);
    long before = rss_kib_after(1000);
    churn(10000);
    CHECK_THAT(rss_kib(), <=, before + 4096);
    CHECK_THAT(rss_kib_after(10000), <=, before + 128);
}

/* ---- blocks freed by other threads */

enum { PASSED = 4000 };

struct parcel {
    char *blocks[PASSED];
    unsigned seed;
};

static size_t passed_size(size_t i) {
    return 1 + i * 29 % 2500;
}

static void *fill_parcel(void *argument) {
    struct parcel *parcel = argument;
    for (size_t i = 0; i < PASSED; i++) {
        parcel->blocks[i] = must_malloc(passed_size(i));
        fill(parcel->blocks[i], passed_size(i), parcel->seed);
    }
    return NULL;
}

static void *empty_parcel(void *argument) {
    struct parcel *parcel = argument;
    for (size_t i = 0; i < PASSED; i++) {
        verify(parcel->blocks[i], passed_size(i), parcel->seed);
        free(parcel->blocks[i]);
    }
    return NULL;
}

static void blocks_freed_by_another_thread_leave_memory_flat(void) {
    static struct parcel parcel;
    pthread_t maker, taker;
    long before = 0;
    for (unsigned round = 0; round < 200; round++) {
        parcel.seed = round;
        start(&maker, fill_parcel, &parcel);
        join(maker);
        start(&taker, empty_parcel, &parcel);
        join(taker);
        if (round == 20) {
            before = rss_kib();
        }
    }
    CHECK_THAT(rss_kib(), <=, before + 4096);
}

static void blocks_outlive_the_thread_that_made_them(void) {
    static struct parcel parcels[8];
    pthread_t threads[COUNT(parcels)];
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < COUNT(parcels); i++) {
            parcels[i].seed = round * 8 + i;
            start(&threads[i], fill_parcel, &parcels[i]);
        }
        for (size_t i = 0; i < COUNT(parcels); i++) {
            join(threads[i]);
        }
        for (size_t i = 0; i < COUNT(parcels); i++) {
            for (size_t j = 0; j < PASSED; j += 2) {
                char *block = realloc(parcels[i].blocks[j], passed_size(j) + 500);
                CHECK(block != NULL);
                verify_kept(block, passed_size(j), passed_size(j), parcels[i].seed);
                fill(block, passed_size(j), parcels[i].seed);
                parcels[i].blocks[j] = block;
            }
            empty_parcel(&parcels[i]);
        }
    }
}

/* ---- a pipeline: one thread only allocates, the other only frees */

enum { RING = 1024, PIPED = 2000000 };
static void *ring[RING];
static size_t ring_head, ring_tail;

static void *free_from_ring(void *unused) {
    (void)unused;
    for (size_t i = 0; i < PIPED; i++) {
        while (__atomic_load_n(&ring_head, __ATOMIC_ACQUIRE) == i) {
            sched_yield();
        }
        unsigned char *block = ring[i % RING];
        CHECK_EQ(block[0], (unsigned char)(i | 1));
        free(block);
        __atomic_store_n(&ring_tail, i + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void a_pipeline_of_two_threads_leaves_memory_bounded(void) {
    pthread_t thread;
    uint64_t seed = 4;
    start(&thread, free_from_ring, NULL);
    for (size_t i = 0; i < PIPED; i++) {
        while (i - __atomic_load_n(&ring_tail, __ATOMIC_ACQUIRE) == RING) {
            sched_yield();
        }
        unsigned char *block = must_malloc(random_size(&seed, i % 16 ? 8 : 13));
        block[0] = (unsigned char)(i | 1);
        ring[i % RING] = block;
        __atomic_store_n(&ring_head, i + 1, __ATOMIC_RELEASE);
    }
    join(thread);
    CHECK_THAT(rss_kib(), <, 64 * 1024);
}

/* ---- all free what all allocate */

enum { SLOTS = 4096, SWAPS = 300000 };
static void *slots[SLOTS];

static void *swap_blocks(void *number) {
    uint64_t seed = (uintptr_t)number + 1;
    for (size_t i = 0; i < SWAPS; i++) {
        size_t size = 8 + random_size(&seed, 11);
        size_t *block = must_malloc(size);
        *block = size;
        block = __atomic_exchange_n(&slots[random_below(&seed, SLOTS)], block, __ATOMIC_ACQ_REL);
        if (block != NULL) {
            CHECK_THAT(malloc_usable_size(block), >=, *block);
            free(block);
        }
    }
    return NULL;
}

static void many_threads_exchange_blocks(void) {
    pthread_t threads[6];
    for (size_t i = 0; i < COUNT(threads); i++) {
        start(&threads[i], swap_blocks, (void *)i);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        join(threads[i]);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        free(slots[i]);
    }
}

/* ---- destructors of thread-specific data */

static pthread_key_t keys_before[3], keys_after[12];
static int destructor_runs;

/* Allocates, frees the block it was given, and asks to be called again as often as is allowed. */
static void destroy_and_rearm(pthread_key_t key, void *value) {
    unsigned char *block = value;
    __atomic_fetch_add(&destructor_runs, 1, __ATOMIC_RELAXED);
    verify(block + 1, 199, 5);
    allocate_a_little(block[0]);
    unsigned char *next = must_malloc(200);
    next[0] = (unsigned char)(block[0] + 1);
    fill(next + 1, 199, 5);
    free(block);
    if (next[0] < PTHREAD_DESTRUCTOR_ITERATIONS) {
        CHECK_EQ(pthread_setspecific(key, next), 0);
    } else {
        free(next);
    }
}

#define DESTRUCTOR(name, key)                                                                   \
    static void name(void *value) {                                                             \
        destroy_and_rearm(key, value);                                                          \
    }

DESTRUCTOR(destroy_before_0, keys_before[0])
DESTRUCTOR(destroy_before_1, keys_before[1])
DESTRUCTOR(destroy_before_2, keys_before[2])
DESTRUCTOR(destroy_after_0, keys_after[0])
DESTRUCTOR(destroy_after_11, keys_after[11])

/* Registered before anything was allocated, so that these run before the allocator's own. */
static void register_early_keys(void) {
    pthread_key_create(&keys_before[0], destroy_before_0);
    pthread_key_create(&keys_before[1], destroy_before_1);
    pthread_key_create(&keys_before[2], destroy_before_2);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(void) =
    register_early_keys;

static void set_keys(const pthread_key_t *keys, size_t count) {
    for (size_t i = 0; i < count; i++) {
        unsigned char *block = must_malloc(200);
        block[0] = 0;
        fill(block + 1, 199, 5);
        CHECK_EQ(pthread_setspecific(keys[i], block), 0);
    }
}

static void *end_with_early_keys(void *unused) {
    set_keys(keys_before, COUNT(keys_before));
    return unused;
}

static void *end_with_late_keys(void *unused) {
    set_keys(&keys_after[0], 1);
    set_keys(&keys_after[11], 1);
    return unused;
}

static void *end_with_keys_and_nothing_else(void *unused) {
    CHECK_EQ(pthread_setspecific(keys_before[1], unused), 0);
    return NULL;
}

static void register_late_keys(void) {
    free(must_malloc(100));
    CHECK_EQ(pthread_key_create(&keys_after[0], destroy_after_0), 0);
    for (size_t i = 1; i < 11; i++) {
        CHECK_EQ(pthread_key_create(&keys_after[i], NULL), 0);
    }
    CHECK_EQ(pthread_key_create(&keys_after[11], destroy_after_11), 0);
}

static void end_threads(size_t threads, void *(*run)(void *)) {
    for (size_t i = 0; i < threads; i++) {
        pthread_t thread;
        start(&thread, run, NULL);
        join(thread);
    }
}

static void key_destructors_older_than_the_heap_allocate(void) {
    end_threads(100, end_with_early_keys);
    CHECK_EQ(destructor_runs, 100 * 3 * PTHREAD_DESTRUCTOR_ITERATIONS);
}

static void key_destructors_younger_than_the_heap_allocate(void) {
    register_late_keys();
    end_threads(100, end_with_late_keys);
    CHECK_EQ(destructor_runs, 100 * 2 * PTHREAD_DESTRUCTOR_ITERATIONS);
}

/* The thread's first allocation of all is made by a destructor. */
static void a_thread_that_first_allocates_in_a_destructor(void) {
    for (size_t i = 0; i < 500; i++) {
        unsigned char *block = must_malloc(200);
        block[0] = 0;
        fill(block + 1, 199, 5);
        pthread_t thread;
        start(&thread, end_with_keys_and_nothing_else, block);
        join(thread);
    }
    CHECK_EQ(destructor_runs, 500 * PTHREAD_DESTRUCTOR_ITERATIONS);
}

static void destructors_that_rearm_leave_memory_flat(void) {
    register_late_keys();
    end_threads(50, end_with_early_keys);
    end_threads(50, end_with_late_keys);
    long before = rss_kib();
    end_threads(400, end_with_early_keys);
    end_threads(400, end_with_late_keys);
    CHECK_THAT(rss_kib(), <=, before + 1024);
}

static const struct mode modes[] = {
    MODE(the_smallest_stack_suffices),
    MODE(ten_thousand_threads_leave_memory_flat),
    MODE(blocks_freed_by_another_thread_leave_memory_flat),
    MODE(blocks_outlive_the_thread_that_made_them),
    MODE(a_pipeline_of_two_threads_leaves_memory_bounded),
    MODE(many_threads_exchange_blocks),
    MODE(key_destructors_older_than_the_heap_allocate),
    MODE(key_destructors_younger_than_the_heap_allocate),
    MODE(a_thread_that_first_allocates_in_a_destructor),
    MODE(destructors_that_rearm_leave_memory_flat),
};

MAIN_WITH_MODES(modes)
