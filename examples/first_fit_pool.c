/* first_fit_pool.c - a memory pool with the first-fit strategy: allocate, free, reuse, dump.
 *
 * The pool is 64 KiB by mmap, one free block at first. Its records are a header and a footer
 * around each block, its free blocks a list by address.
 *
 * Compile, beside a build of the library:
 *
 *   cc -I../crates/glebe-mem/include first_fit_pool.c ../target/release/libglebe_mem.a
 */
#include <glebe_mem.h>

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define POOL_SIZE ((size_t)64 * 1024)

/* The pool, and its initial free block, which the dump shows. */
static void create(void) {
    struct mem_config config = {
        .supplier = MEM_SUPPLIER_MMAP,
        .fit = MEM_FIT_FIRST,
        .tags = MEM_TAGS_INLINE,
        .initial = POOL_SIZE,
        .limit = POOL_SIZE,
        .single_from = MEM_NEVER,
    };
    assert(mem_init(&config) == MEM_OK);
    puts("-- a new pool");
    mem_dump();
}

/* Can allocate memory of different sizes, none of it overlapping. */
static void test_sizes(void) {
    enum { COUNT = 12 };
    char *ptrs[COUNT];
    for (int i = 0; i < COUNT; i++) {
        size_t size = (size_t)1 << i;
        ptrs[i] = mem_alloc(size);
        assert(ptrs[i] != NULL);
        memset(ptrs[i], i, size);
    }
    for (int i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < (size_t)1 << i; at++) {
            assert(ptrs[i][at] == i);
        }
        mem_free(ptrs[i]);
    }
}

/* Takes the first free block that is large enough, and splits it if it is much larger. */
static void test_first_fit(void) {
    char *large = mem_alloc(1000), *wall = mem_alloc(16);
    char *exact = mem_alloc(100), *end = mem_alloc(16);
    mem_free(exact);
    mem_free(large);
    puts("-- two free blocks, and the rest: the first is larger than what is asked for next");
    mem_dump();
    char *first = mem_alloc(100);
    assert(first == large);
    char *second = mem_alloc(100);
    assert(second > large && second < wall);
    puts("-- 100 bytes were taken twice, both from the first free block");
    mem_dump();
    mem_free(first);
    mem_free(second);
    mem_free(wall);
    mem_free(end);
}

/* Can reuse freed memory. */
static void test_reuse(void) {
    char *first = mem_alloc(500);
    mem_free(first);
    for (int i = 0; i < 10000; i++) {
        char *again = mem_alloc(500);
        assert(again == first);
        mem_free(again);
    }
}

/* Edge cases: no bytes, too many, an exhausted pool, NULL, everything freed again. */
static void test_edges(void) {
    assert(mem_alloc(0) == NULL);
    assert(mem_alloc(POOL_SIZE) == NULL);
    mem_free(NULL);
    static char *ptrs[POOL_SIZE / 16];
    size_t count = 0;
    while ((ptrs[count] = mem_alloc(48)) != NULL) {
        count++;
    }
    printf("-- the pool was exhausted after %zu blocks of 48 bytes\n", count);
    assert(count == (POOL_SIZE - 128) / (48 + 16));
    for (size_t i = 0; i < count; i += 2) {
        mem_free(ptrs[i]);
    }
    assert(mem_alloc(200) == NULL);
    for (size_t i = 1; i < count; i += 2) {
        mem_free(ptrs[i]);
    }
    char *whole = mem_alloc(POOL_SIZE - 128);
    assert(whole != NULL);
    mem_free(whole);
}

int main(void) {
    create();
    test_sizes();
    test_first_fit();
    test_reuse();
    test_edges();
    puts("-- everything is free, and one block again");
    mem_dump();
    return 0;
}
