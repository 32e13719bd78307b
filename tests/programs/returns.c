/* Memory that goes back to the system: after half a gigabyte of small blocks was freed, in all the
 * ways a program may free, malloc_trim must leave next to nothing resident; and where scattered
 * blocks stay alive, the whole pages between them must go. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

#define TOTAL (512 * MIB)
#define LEFT_KIB (20 * 1024)

/* The program's own records are mapped apart, so that only the heap is measured. */
static char **blocks;
static size_t block_count, most_blocks;

static void map_records(void) {
    most_blocks = TOTAL / 64;
    blocks = mmap(NULL, most_blocks * sizeof *blocks, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(blocks != MAP_FAILED);
}

static void unmap_records(void) {
    CHECK_EQ(munmap(blocks, most_blocks * sizeof *blocks), 0);
}

/* From 64 bytes to 4 KiB, every doubling as frequent as the others. */
static void *allocate_all(void *unused) {
    uint64_t seed = 11;
    block_count = 0;
    for (size_t total = 0; total < TOTAL;) {
        size_t size = (size_t)64 << random_below(&seed, 6);
        size += random_below(&seed, size + 1);
        char *block = must_malloc(size);
        for (size_t at = 0; at < size; at += 1024) {
            block[at] = 1;
        }
        CHECK_THAT(block_count, <, most_blocks);
        blocks[block_count++] = block;
        total += size;
    }
    CHECK_THAT(rss_kib(), >, (long)(TOTAL / KIB));
    return unused;
}

static void *free_all(void *unused) {
    for (size_t i = 0; i < block_count; i++) {
        free(blocks[i]);
    }
    return unused;
}

/* The order in which blocks die need not be that in which they were made. */
static void *free_all_shuffled(void *unused) {
    uint64_t seed = 12;
    for (size_t i = block_count; i > 0; i--) {
        size_t at = random_below(&seed, i);
        free(blocks[at]);
        blocks[at] = blocks[i - 1];
    }
    return unused;
}

static void in_a_thread(void *(*run)(void *)) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void check_returned(void) {
    unmap_records();
    malloc_trim(0);
    CHECK_THAT(rss_kib(), <, LEFT_KIB);
    char *block = must_malloc(1000);
    fill(block, 1000, 1);
    free(block);
}

static void all_is_returned(void) {
    map_records();
    allocate_all(NULL);
    free_all(NULL);
    check_returned();
}

static void all_is_returned_after_frees_in_any_order(void) {
    map_records();
    allocate_all(NULL);
    free_all_shuffled(NULL);
    check_returned();
}

static void all_is_returned_after_frees_by_another_thread(void) {
    map_records();
    allocate_all(NULL);
    in_a_thread(free_all);
    check_returned();
}

static void all_is_returned_after_the_owner_ended(void) {
    map_records();
    in_a_thread(allocate_all);
    free_all(NULL);
    check_returned();
}

static void all_is_returned_after_owner_and_freer_ended(void) {
    map_records();
    in_a_thread(allocate_all);
    in_a_thread(free_all_shuffled);
    check_returned();
}

static pthread_barrier_t allocated;

static void *allocate_and_sleep(void *unused) {
    allocate_all(NULL);
    pthread_barrier_wait(&allocated);
    for (;;) {
        pause();
    }
    return unused;
}

static void start_sleeping_owner(void) {
    pthread_t thread;
    map_records();
    CHECK_EQ(pthread_barrier_init(&allocated, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, allocate_and_sleep, NULL), 0);
    pthread_barrier_wait(&allocated);
}

/* The owner sleeps for ever; it cannot help. */
static void all_is_returned_while_the_owner_sleeps(void) {
    start_sleeping_owner();
    free_all(NULL);
    check_returned();
}

/* Of each 64 consecutive blocks of 256 bytes (four pages) three stay alive, which pin one page, two
 * or three. The heap's blocks stay whole; at least half of the memory must go. */
static void pages_between_survivors_are_returned(void) {
    enum { SIZE = 256 };
    map_records();
    size_t count = 256 * MIB / SIZE;
    long before = rss_kib();
    for (size_t i = 0; i < count; i++) {
        blocks[i] = must_malloc(SIZE);
        fill(blocks[i], SIZE, (unsigned)i);
    }
    for (size_t i = 0; i < count; i++) {
        if (i % 64 > 2) {
            free(blocks[i]);
        }
    }
    long full = rss_kib();
    malloc_trim(0);
    long left = rss_kib();
    printf("%ld KiB resident, %ld after the frees and malloc_trim\n", full - before, left - before);
    CHECK_THAT(left - before, <=, (full - before) / 2);
    for (size_t i = 0; i < count; i++) {
        if (i % 64 <= 2) {
            verify(blocks[i], SIZE, (unsigned)i);
            free(blocks[i]);
        }
    }
    check_returned();
}

/* Memory that went back can be allocated again, zeroed where that was asked for. */
static void returned_memory_can_be_used_again(void) {
    map_records();
    for (size_t round = 0; round < 3; round++) {
        size_t count = 128 * MIB / 1000;
        for (size_t i = 0; i < count; i++) {
            blocks[i] = round % 2 ? calloc(1, hide(1000)) : malloc(hide(1000));
            CHECK(blocks[i] != NULL);
            if (round % 2) {
                verify_zero(blocks[i], 1000);
            }
            fill(blocks[i], 1000, (unsigned)(round + i));
        }
        for (size_t i = 0; i < count; i++) {
            verify(blocks[i], 1000, (unsigned)(round + i));
            free(blocks[i]);
        }
        malloc_trim(0);
        CHECK_THAT(rss_kib(), <, LEFT_KIB);
    }
}

static void large_blocks_are_returned(void) {
    enum { BLOCKS = 400 };
    static char *large[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        large[i] = must_malloc(MIB + i * 3000);
        memset(large[i], 1, MIB);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(large[i]);
    }
    malloc_trim(0);
    CHECK_THAT(rss_kib(), <, LEFT_KIB);
}

static const struct mode modes[] = {
    MODE(all_is_returned),
    MODE(all_is_returned_after_frees_in_any_order),
    MODE(all_is_returned_after_frees_by_another_thread),
    MODE(all_is_returned_after_the_owner_ended),
    MODE(all_is_returned_after_owner_and_freer_ended),
    MODE(all_is_returned_while_the_owner_sleeps),
    MODE(pages_between_survivors_are_returned),
    MODE(returned_memory_can_be_used_again),
    MODE(large_blocks_are_returned),
};

MAIN_WITH_MODES(modes)
