/* A small address space, set by the test before the program starts (RLIMIT_AS): everything works,
 * running out gives NULL and ENOMEM, and after frees there is memory again.
 * `ulimit -v 65536; ./limits MODE` does the same by hand. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MOST = 500000 };
static char *blocks[MOST];

static size_t address_space(void) {
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    CHECK(limit.rlim_cur != RLIM_INFINITY);
    return limit.rlim_cur;
}

/* Allocates until there is no more; the number of blocks. */
static size_t exhaust(size_t size) {
    size_t count = 0;
    for (;;) {
        errno = 0;
        char *block = malloc(hide(size));
        if (block == NULL) {
            CHECK_EQ(errno, ENOMEM);
            return count;
        }
        CHECK_THAT(count, <, MOST);
        fill(block, size < 64 ? size : 64, (unsigned)count);
        blocks[count++] = block;
    }
}

static void release(size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        verify(blocks[i], size < 64 ? size : 64, (unsigned)i);
        free(blocks[i]);
    }
}

/* At least a quarter of the limit can be had, again and again. */
static void exhaust_and_recover(size_t size) {
    size_t least = address_space() / 4 / size;
    for (size_t round = 0; round < 4; round++) {
        size_t count = exhaust(size);
        CHECK_THAT(count, >=, least);
        CHECK_FAILS(malloc(hide(address_space())), ENOMEM);
        CHECK_FAILS(calloc(1, hide(address_space())), ENOMEM);
        CHECK_FAILS(memalign(4096, hide(address_space())), ENOMEM);
        CHECK_FAILS(realloc(blocks[0], hide(address_space())), ENOMEM);
        release(count, size);
    }
}

static void small_blocks_run_out_and_come_back(void) {
    exhaust_and_recover(1000);
}

static void medium_blocks_run_out_and_come_back(void) {
    exhaust_and_recover(20000);
}

static void large_blocks_run_out_and_come_back(void) {
    exhaust_and_recover(MIB);
}

/* What one size has used up can be had in another. */
static void memory_goes_from_one_size_to_another(void) {
    static const size_t sizes[] = {600, 300000, 5000, 2 << 20, 40000};
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            size_t count = exhaust(sizes[i]);
            CHECK_THAT(count, >=, address_space() / 6 / sizes[i]);
            release(count, sizes[i]);
        }
    }
}

static void a_few_frees_are_enough_to_go_on(void) {
    size_t count = exhaust(20000);
    for (size_t i = 0; i < 200; i++) {
        free(blocks[count - 1 - i]);
        blocks[count - 1 - i] = must_malloc(20000);
        fill(blocks[count - 1 - i], 64, (unsigned)(count - 1 - i));
    }
    release(count, 20000);
}

static void *work(void *seed) {
    uint64_t state = (uintptr_t)seed;
    char *mine[100] = {0};
    for (size_t i = 0; i < 20000; i++) {
        size_t at = random_below(&state, COUNT(mine));
        free(mine[at]);
        mine[at] = must_malloc(random_size(&state, 12));
    }
    for (size_t i = 0; i < COUNT(mine); i++) {
        free(mine[i]);
    }
    return NULL;
}

/* The allocator must not take the whole address space for itself: threads need stacks, programs
 * map files. */
static void threads_and_mappings_find_room(void) {
    size_t share = address_space() / 16;
    free(must_malloc(100));
    for (size_t round = 0; round < 4; round++) {
        pthread_t threads[4];
        pthread_attr_t attributes;
        CHECK_EQ(pthread_attr_init(&attributes), 0);
        CHECK_EQ(pthread_attr_setstacksize(&attributes, address_space() / 64), 0);
        void *mapping = mmap(NULL, share, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                             0);
        CHECK(mapping != MAP_FAILED);
        for (uintptr_t i = 0; i < COUNT(threads); i++) {
            CHECK_EQ(pthread_create(&threads[i], &attributes, work, (void *)i), 0);
        }
        for (size_t i = 0; i < COUNT(threads); i++) {
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
        }
        CHECK_EQ(munmap(mapping, share), 0);
    }
}

static void *exhaust_in_thread(void *unused) {
    (void)unused;
    char *mine[64];
    for (size_t round = 0; round < 200; round++) {
        size_t count = 0;
        while (count < COUNT(mine)) {
            errno = 0;
            mine[count] = malloc(hide(MIB));
            if (mine[count] == NULL) {
                CHECK_EQ(errno, ENOMEM);
                break;
            }
            mine[count++][0] = 1;
        }
        while (count > 0) {
            free(mine[--count]);
        }
        char *small = malloc(hide(100));
        free(small);
    }
    return NULL;
}

static void many_threads_run_out_together(void) {
    pthread_t threads[6];
    pthread_attr_t attributes;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, 64 * KIB), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], &attributes, exhaust_in_thread, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    free(must_malloc(MIB));
}

static const struct mode modes[] = {
    MODE(small_blocks_run_out_and_come_back),
    MODE(medium_blocks_run_out_and_come_back),
    MODE(large_blocks_run_out_and_come_back),
    MODE(memory_goes_from_one_size_to_another),
    MODE(a_few_frees_are_enough_to_go_on),
    MODE(threads_and_mappings_find_room),
    MODE(many_threads_run_out_together),
};

MAIN_WITH_MODES(modes)
