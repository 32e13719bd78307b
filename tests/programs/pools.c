/* pools.c - mem_alloc and its kin: every function, every corner, every kind of pool, beside malloc
 * and beside others who move the program break. */
#include "check.h"

#include <glebe_mem.h>
#include <pthread.h>
#include <sys/mman.h>

/* ---- Suppliers of the test ------------------------------------------------------------------ */

/* A kernel over mappings, which counts, and whose blocks are not clean. */
static size_t granted, grants, refuse_from = SIZE_MAX;

static void *counting_alloc(size_t n) {
    CHECK(n > 0);
    if (++grants >= refuse_from) {
        return NULL;
    }
    size_t *at = mmap(NULL, (n + 1) * MEM_BLOCK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    memset(at, 0xdd, (n + 1) * MEM_BLOCK_SIZE);
    at[0] = n;
    granted += n;
    return (char *)at + MEM_BLOCK_SIZE;
}

static void counting_free(void *ptr) {
    CHECK(ptr != NULL);
    size_t *at = (size_t *)((char *)ptr - MEM_BLOCK_SIZE);
    granted -= at[0];
    CHECK_EQ(munmap(at, (at[0] + 1) * MEM_BLOCK_SIZE), 0);
}

static char buffer[MIB + 7];

/* A configuration of this supplier. */
static struct mem_config config_of(int supplier) {
    struct mem_config config = {0};
    config.supplier = supplier;
    if (supplier == MEM_SUPPLIER_BUFFER) {
        config.buffer = buffer + 7;
        config.buffer_size = MIB;
    } else if (supplier == MEM_SUPPLIER_KERNEL) {
        config.block_alloc = counting_alloc;
        config.block_free = counting_free;
    }
    return config;
}

static void init(struct mem_config config) {
    CHECK_EQ(mem_init(&config), MEM_OK);
}

/* ---- Functions ------------------------------------------------------------------------------ */

static void corners(void) {
    errno = 0;
    CHECK(mem_alloc(0) == NULL && mem_alloc_clear(0, 8) == NULL && mem_alloc_clear(8, 0) == NULL);
    CHECK(mem_realloc(NULL, 0) == NULL);
    mem_free(NULL);
    CHECK_EQ(errno, 0);
    CHECK_FAILS(mem_alloc(SIZE_MAX), ENOMEM);
    CHECK_FAILS(mem_alloc(PTRDIFF_MAX), ENOMEM);
    CHECK_FAILS(mem_alloc((size_t)1 << 50), ENOMEM);
    CHECK_FAILS(mem_alloc_clear(SIZE_MAX / 2, 3), ENOMEM);
    char *block = mem_alloc(10);
    CHECK_FAILS(mem_realloc(block, PTRDIFF_MAX), ENOMEM);
    CHECK_FAILS(mem_resize(block, (size_t)1 << 50), ENOMEM);
    fill(block, 10, 1);
    verify(block, 10, 1);
    mem_free(block);
}

static void alignment(void) {
    for (size_t n = 1; n < 300 * KIB; n = n * 5 / 4 + 1) {
        char *block = mem_alloc(n), *cleared = mem_alloc_clear(n, 1);
        CHECK((uintptr_t)block % 16 == 0 && (uintptr_t)cleared % 16 == 0);
        block = mem_realloc(block, n + 100);
        CHECK((uintptr_t)block % 16 == 0);
        mem_free(block);
        mem_free(cleared);
    }
}

static void freed_memory_is_used_again(void) {
    char *kept = mem_alloc(100), *block = mem_alloc(1000);
    for (int i = 0; i < 1000; i++) {
        mem_free(block);
        char *again = mem_alloc(1000);
        CHECK(again == block);
    }
    mem_free(block);
    mem_free(kept);
}

static void resizing_in_place(void) {
    char *block = mem_alloc(2000);
    fill(block, 2000, 3);
    char *same = mem_realloc(block, 500);
    CHECK(same == block);
    same = mem_resize(block, 1500);
    CHECK(same == block);
    verify_kept(block, 500, 2000, 3);
    mem_free(block);
}

static void resizing_by_a_move(void) {
    char *block = mem_alloc(100), *wall = mem_alloc(100);
    fill(block, 100, 4);
    char *moved = mem_resize(block, 5000);
    CHECK(moved != NULL && moved != block);
    verify(moved, 100, 4);
    /* Into the free block in front. */
    char *front = mem_alloc(3000), *mid = mem_alloc(3000), *end = mem_alloc(16);
    fill(mid, 3000, 5);
    mem_free(front);
    char *slid = mem_realloc(mid, 5000);
    CHECK(slid != NULL);
    verify(slid, 3000, 5);
    mem_free(slid);
    mem_free(end);
    mem_free(moved);
    mem_free(wall);
    block = mem_realloc(NULL, 50);
    CHECK(block != NULL && mem_resize(block, 0) == NULL);
}

static void clearing(void) {
    for (size_t size = 100; size < 2 * MIB; size *= 6) {
        char *dirty = mem_alloc(size);
        memset(dirty, 0xff, size);
        mem_free(dirty);
        char *clear = mem_alloc_clear(size / 4, 4);
        verify_zero(clear, size / 4 * 4);
        mem_free(clear);
    }
}

/* Blocks from 128 KiB up have a mapping each: writing moves no land, and shrinking gives back. */
static void large_blocks(void) {
    init(config_of(MEM_SUPPLIER_MMAP));
    char *block = mem_alloc(64 * MIB);
    memset(block, 1, 64 * MIB);
    long full = rss_kib();
    block = mem_realloc(block, 200 * KIB);
    CHECK(block != NULL && block[200 * KIB - 1] == 1);
    CHECK_THAT(rss_kib(), <, full - 60 * 1024);
    block = mem_realloc(block, 10);
    CHECK(block != NULL && block[9] == 1);
    block = mem_realloc(block, 2 * MIB);
    CHECK(block != NULL && block[9] == 1);
    mem_free(block);
    CHECK_THAT(rss_kib(), <, full - 60 * 1024);
}

/* ---- Every kind of pool --------------------------------------------------------------------- */

/* A long sequence of all calls with every byte checked, and then everything freed. */
static void soak(unsigned seed, size_t count, unsigned bits, int may_fail) {
    enum { SLOTS = 200 };
    static struct { char *block; size_t size; } slots[SLOTS];
    uint64_t random = seed;
    for (size_t step = 0; step < count; step++) {
        size_t i = random_below(&random, SLOTS), size = random_size(&random, bits);
        char *old = slots[i].block, *new = NULL;
        unsigned what = (unsigned)random_below(&random, 4);
        if (old == NULL) {
            new = what == 0 ? mem_alloc_clear(1, size) : mem_alloc(size);
            if (what == 0 && new != NULL) {
                verify_zero(new, size);
            }
        } else if (what == 0) {
            new = mem_realloc(old, size);
            if (new == NULL) {
                CHECK(may_fail);
                continue;
            }
            size_t kept = size < slots[i].size ? size : slots[i].size;
            verify_kept(new, kept, slots[i].size, (unsigned)i);
        } else {
            verify(old, slots[i].size, (unsigned)i);
            mem_free(old);
        }
        CHECK(new != NULL || old != NULL || may_fail);
        slots[i].block = new;
        slots[i].size = size;
        if (new != NULL) {
            fill(new, size, (unsigned)i);
        }
    }
    for (size_t i = 0; i < SLOTS; i++) {
        mem_free(slots[i].block);
        slots[i].block = NULL;
    }
}

static void every_pool(void) {
    int null = open("/dev/null", O_WRONLY);
    for (int supplier = MEM_SUPPLIER_DEFAULT; supplier <= MEM_SUPPLIER_BUFFER; supplier++) {
        for (int fit = MEM_FIT_CONSTANT; fit <= MEM_FIT_QUICK; fit++) {
            for (int tags = MEM_TAGS_SIDE; tags <= MEM_TAGS_INLINE; tags++) {
                struct mem_config config = config_of(supplier);
                config.fit = fit;
                config.tags = tags;
                init(config);
                soak(1, 4000, supplier == MEM_SUPPLIER_BUFFER ? 13 : 18,
                     supplier == MEM_SUPPLIER_BUFFER);
                for (int format = MEM_DUMP_TABLE; format <= MEM_DUMP_SVG; format++) {
                    CHECK_EQ(mem_dump_to(null, format, 0), MEM_OK);
                }
            }
        }
    }
    init(config_of(MEM_SUPPLIER_DEFAULT));
    CHECK_EQ(granted, 0);
    close(null);
}

/* ---- Configuration -------------------------------------------------------------------------- */

static void bad_configurations(void) {
    struct mem_config good = config_of(MEM_SUPPLIER_MMAP), bad;
#define REFUSED(change)                                                                         \
    do {                                                                                        \
        bad = good;                                                                             \
        change;                                                                                 \
        CHECK_EQ(mem_init(&bad), MEM_INVALID);                                                  \
    } while (0)
    REFUSED(bad.supplier = 5);
    REFUSED(bad.supplier = -1);
    REFUSED(bad.fit = 5);
    REFUSED(bad.tags = 2);
    REFUSED(bad.reserved[2] = 1);
    REFUSED(bad.buffer = buffer);
    REFUSED(bad.block_alloc = counting_alloc);
    REFUSED(bad.supplier = MEM_SUPPLIER_BUFFER);
    good = config_of(MEM_SUPPLIER_KERNEL);
    REFUSED(bad.block_free = NULL);
    REFUSED(bad.buffer_size = 1);
    good = config_of(MEM_SUPPLIER_BUFFER);
    REFUSED(bad.buffer_size = SIZE_MAX);
    REFUSED(bad.single_from = 4096);
    bad = good;
    bad.buffer_size = 40;
    CHECK_EQ(mem_init(&bad), MEM_NO_MEMORY);
    bad = config_of(MEM_SUPPLIER_MMAP);
    bad.initial = 2 * (bad.limit = 64 * KIB);
    CHECK_EQ(mem_init(&bad), MEM_NO_MEMORY);

    char *block = mem_alloc(10);
    CHECK_EQ(mem_init(NULL), MEM_BUSY);
    mem_free(block);
    CHECK_EQ(mem_init(NULL), MEM_OK);
    block = mem_alloc(MIB);
    CHECK_EQ(mem_init(NULL), MEM_BUSY);
    mem_free(block);
}

/* Small and large blocks together keep to the limit. */
static void limits(void) {
    struct mem_config config = config_of(MEM_SUPPLIER_MMAP);
    config.limit = MIB;
    config.spare = 1;
    init(config);
    char *large = mem_alloc(900 * KIB);
    CHECK(large != NULL);
    CHECK_FAILS(mem_alloc(200 * KIB), ENOMEM);
    static char *small[1024];
    size_t count = 0;
    while ((small[count] = mem_alloc(KIB)) != NULL) {
        count++;
    }
    CHECK_THAT(count, >, 80);
    CHECK_THAT(count, <, 124);
    mem_free(large);
    CHECK_FAILS(mem_alloc(1000 * KIB), ENOMEM);
    while (count > 0) {
        mem_free(small[--count]);
    }
    CHECK((large = mem_alloc(1000 * KIB)) != NULL);
    mem_free(large);
}

/* A kernel's blocks: as few as needed, all given back, and a refusal is no more than that. */
static void a_kernel(void) {
    grants = 0;
    init(config_of(MEM_SUPPLIER_KERNEL));
    CHECK_EQ(granted, 0);
    char *one = mem_alloc(1), *two = mem_alloc(3000);
    CHECK_EQ(granted, 1);
    char *three = mem_alloc(3000);
    CHECK_EQ(granted, 2);
    refuse_from = 0;
    CHECK_FAILS(mem_alloc(10000), ENOMEM);
    CHECK_FAILS(mem_realloc(two, 10000), ENOMEM);
    refuse_from = SIZE_MAX;
    mem_free(one);
    mem_free(two);
    mem_free(three);
    CHECK_EQ(granted, 0);

    struct mem_config config = config_of(MEM_SUPPLIER_KERNEL);
    config.initial = 10 * MEM_BLOCK_SIZE;
    config.single_from = 100 * KIB;
    init(config);
    CHECK_EQ(granted, 10);
    one = mem_alloc_clear(100, KIB);
    CHECK_EQ(granted, 10 + 26);
    verify_zero(one, 100 * KIB);
    mem_free(one);
    CHECK_EQ(granted, 10);
    init(config_of(MEM_SUPPLIER_DEFAULT));
    CHECK_EQ(granted, 0);
}

/* With quick fit a freed block waits for a request of its size, or for a trim. */
static void trimming(void) {
    struct mem_config config = config_of(MEM_SUPPLIER_KERNEL);
    config.fit = MEM_FIT_QUICK;
    config.step = 16 * MEM_BLOCK_SIZE;
    init(config);
    char *one = mem_alloc(100), *two = mem_alloc(100), table[4096] = "";
    mem_free(one);
    mem_free(two);
    CHECK_EQ(granted, 16);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(mem_dump_to(ends[1], MEM_DUMP_TABLE, 0), MEM_OK);
    CHECK(read(ends[0], table, sizeof table - 1) > 0);
    CHECK(strstr(table, "  w6:0\n") && strstr(table, "  w6:1\n"));
    CHECK_EQ(mem_dump_to(ends[1], MEM_DUMP_JSON, 0), MEM_OK);
    CHECK(read(ends[0], table, sizeof table - 1) > 0);
    CHECK(strstr(table, "\"position\":1,\"waits\":true}"));
    close(ends[0]);
    close(ends[1]);
    CHECK(mem_alloc(97) == two);
    mem_free(two);
    mem_trim();
    CHECK_EQ(granted, 0);
    init(config_of(MEM_SUPPLIER_DEFAULT));
    mem_trim();
}

/* A buffer is used to its last block and nothing beside it is touched. */
static void a_buffer(void) {
    memset(buffer, 0x5a, sizeof buffer);
    struct mem_config config = config_of(MEM_SUPPLIER_BUFFER);
    config.buffer_size = 10000;
    init(config);
    static char *blocks[1000];
    size_t count = 0;
    while ((blocks[count] = mem_alloc(16)) != NULL) {
        fill(blocks[count], 16, (unsigned)count);
        CHECK(blocks[count] >= buffer + 7 && blocks[count] + 16 <= buffer + 7 + 10000);
        count++;
    }
    CHECK_THAT(count, >, 10000 / 16 * 9 / 10);
    for (size_t i = 0; i < count; i++) {
        verify(blocks[i], 16, (unsigned)i);
        mem_free(blocks[i]);
    }
    CHECK_EQ(buffer[6], 0x5a);
    CHECK_EQ(buffer[7 + 10000], 0x5a);
    init(config_of(MEM_SUPPLIER_DEFAULT));
}

/* mem_block_alloc and mem_block_free in a program that does not define them. */
static void blocks_without_a_kernel(void) {
    char *runs[40];
    for (size_t i = 0; i < COUNT(runs); i++) {
        runs[i] = mem_block_alloc(i + 1);
        CHECK((uintptr_t)runs[i] % MEM_BLOCK_SIZE == 0 && runs[i] != NULL);
        fill(runs[i], (i + 1) * MEM_BLOCK_SIZE, (unsigned)i);
    }
    CHECK(mem_block_alloc(hide(0)) == NULL && mem_block_alloc(hide(SIZE_MAX)) == NULL);
    for (size_t i = 0; i < COUNT(runs); i++) {
        verify(runs[i], (i + 1) * MEM_BLOCK_SIZE, (unsigned)i);
        mem_block_free(runs[i]);
    }
    /* They may be named as a kernel's, too. */
    struct mem_config config = {0};
    config.supplier = MEM_SUPPLIER_KERNEL;
    init(config);
    soak(9, 2000, 16, 0);
    init(config_of(MEM_SUPPLIER_DEFAULT));
}

/* ---- Callbacks ------------------------------------------------------------------------------ */

static int faults;
static void *fault_at;

/* May use the functions itself. */
static void on_fault(const char *line, void *address) {
    CHECK(strncmp(line, "glebe: ", 7) == 0 && strchr(line, '\n') == NULL);
    char *block = mem_alloc(10);
    CHECK(block != NULL);
    mem_free(block);
    faults++;
    fault_at = address;
}

static void a_fault_callback(void) {
    struct mem_config config = config_of(MEM_SUPPLIER_MMAP);
    config.fault = on_fault;
    init(config);
    char *block = mem_alloc(100), *other = os_malloc(100);
    mem_free(block);
    mem_free(hide_pointer(block));
    CHECK_EQ(faults, 1);
    CHECK(fault_at == block);
    errno = 0;
    CHECK(mem_realloc(hide_pointer(block), 10) == NULL && errno == 0);
    os_free(other + 16);
    CHECK(os_realloc(other + 1, 10) == NULL && fault_at == other + 1);
    CHECK_EQ(faults, 4);
    os_free(other);
    CHECK_EQ(faults, 4);
}

static char written[8192];
static size_t written_length;

static ptrdiff_t on_write(int fd, const void *bytes, size_t n) {
    CHECK_EQ(fd, 77);
    n = n > 100 ? 100 : n; /* Some at a time. */
    memcpy(written + written_length, bytes, n);
    written_length += n;
    return (ptrdiff_t)n;
}

static ptrdiff_t on_write_fail(int fd, const void *bytes, size_t n) {
    (void)bytes, (void)n;
    return -fd;
}

static void a_write_callback(void) {
    struct mem_config config = config_of(MEM_SUPPLIER_MMAP);
    config.write = on_write;
    init(config);
    char *block = mem_alloc(100);
    CHECK_EQ(mem_dump_to(77, MEM_DUMP_TABLE, 0), MEM_OK);
    CHECK(strncmp(written, "glebe pool: ", 12) == 0);
    CHECK(strcmp(written + written_length - 7, ". free\n") == 0);
    mem_free(block);
    config.write = on_write_fail;
    init(config);
    CHECK_EQ(mem_dump_to(77, MEM_DUMP_JSON, 0), MEM_UNWRITTEN);
}

static void dumps_that_fail(void) {
    CHECK_EQ(mem_dump_to(-1, MEM_DUMP_TABLE, 0), MEM_UNWRITTEN);
    CHECK_EQ(mem_dump_to(1000, MEM_DUMP_TABLE, 0), MEM_UNWRITTEN);
    CHECK_EQ(mem_dump_to(1, 3, 0), MEM_INVALID);
    CHECK_EQ(mem_dump_to(1, MEM_DUMP_SVG, 4), MEM_INVALID);
}

/* ---- Company -------------------------------------------------------------------------------- */

static void *thread(void *argument) {
    enum { SLOTS = 64 };
    struct { char *block; size_t size; int is_os; } slots[SLOTS] = {{0}};
    uint64_t random = (uintptr_t)argument;
    for (int step = 0; step < 20000; step++) {
        size_t i = random_below(&random, SLOTS);
        if (slots[i].block != NULL) {
            verify(slots[i].block, slots[i].size, (unsigned)i);
            slots[i].is_os ? os_free(slots[i].block) : mem_free(slots[i].block);
            slots[i].block = NULL;
            continue;
        }
        slots[i].size = random_size(&random, 11);
        slots[i].is_os = (int)random_below(&random, 2);
        slots[i].block = slots[i].is_os ? os_malloc(slots[i].size) : mem_alloc(slots[i].size);
        fill(slots[i].block, slots[i].size, (unsigned)i);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        slots[i].is_os ? os_free(slots[i].block) : mem_free(slots[i].block);
    }
    return NULL;
}

static void threads(void) {
    pthread_t ids[8];
    for (uintptr_t i = 0; i < COUNT(ids); i++) {
        CHECK_EQ(pthread_create(&ids[i], NULL, thread, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        CHECK_EQ(pthread_join(ids[i], NULL), 0);
    }
    CHECK_EQ(mem_init(NULL), MEM_OK);
}

/* Three heaps on one program break (malloc's, os_malloc's, mem_alloc's), and the program itself,
 * which raises the break by odd steps. Nobody's memory is touched by another. */
static void beside_malloc_and_sbrk(void) {
    enum { SLOTS = 300 };
    static struct { char *block; size_t size; unsigned owner; } slots[SLOTS];
    static char *own[200];
    init(config_of(MEM_SUPPLIER_BREAK));
    uint64_t random = 5;
    size_t owned = 0;
    for (int step = 0; step < 30000; step++) {
        size_t i = random_below(&random, SLOTS);
        if (step % 150 == 0 && owned < COUNT(own)) {
            own[owned] = sbrk(101);
            CHECK(own[owned] != (void *)-1);
            fill(own[owned], 101, (unsigned)owned);
            owned++;
        }
        if (slots[i].block == NULL) {
            size_t size = slots[i].size = random_size(&random, 14);
            slots[i].owner = (unsigned)random_below(&random, 3);
            slots[i].block = slots[i].owner == 0   ? must_malloc(size)
                             : slots[i].owner == 1 ? os_malloc(size)
                                                   : mem_alloc(size);
            CHECK(slots[i].block != NULL);
            fill(slots[i].block, size, (unsigned)i);
        } else {
            verify(slots[i].block, slots[i].size, (unsigned)i);
            (slots[i].owner == 0 ? free : slots[i].owner == 1 ? os_free : mem_free)(slots[i].block);
            slots[i].block = NULL;
        }
    }
    for (size_t i = 0; i < owned; i++) {
        verify(own[i], 101, (unsigned)i);
    }
}

static const struct mode modes[] = {
    MODE(corners),
    MODE(alignment),
    MODE(freed_memory_is_used_again),
    MODE(resizing_in_place),
    MODE(resizing_by_a_move),
    MODE(clearing),
    MODE(large_blocks),
    MODE(every_pool),
    MODE(bad_configurations),
    MODE(limits),
    MODE(a_kernel),
    MODE(trimming),
    MODE(a_buffer),
    MODE(blocks_without_a_kernel),
    MODE(a_fault_callback),
    MODE(a_write_callback),
    MODE(dumps_that_fail),
    MODE(threads),
    MODE(beside_malloc_and_sbrk),
};

MAIN_WITH_MODES(modes)
