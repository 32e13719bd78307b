/* kernel_blocks.c - a memory allocator for a new operating system, and its test cases.
 *
 * The kernel provides two functions, mem_block_alloc and mem_block_free, that hand out blocks of
 * 4096 bytes. Here the kernel is played by a fixed range of 256 blocks (1 MiB) and a table of who
 * has which. Everything mem_alloc gives comes from there: as these two functions are defined,
 * libglebe_mem takes its blocks from them and from nowhere else.
 *
 * Compile, beside a build of the library:
 *
 *   cc -I../crates/glebe-mem/include kernel_blocks.c ../target/release/libglebe_mem.a
 */
#include <glebe_mem.h>

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- The kernel ----------------------------------------------------------------------------- */

#define BLOCKS 256

static _Alignas(MEM_BLOCK_SIZE) unsigned char memory[BLOCKS][MEM_BLOCK_SIZE];

/* For the first block of a grant its length, for the others what it was long ago; and which blocks
 * are granted. */
static size_t lengths[BLOCKS];
static bool granted[BLOCKS];

static size_t blocks_in_use, most_in_use;

void *mem_block_alloc(size_t n) {
    assert(n > 0);
    size_t run = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        run = granted[i] ? 0 : run + 1;
        if (run == n) {
            size_t first = i + 1 - n;
            lengths[first] = n;
            memset(&granted[first], true, n * sizeof granted[0]);
            blocks_in_use += n;
            most_in_use = blocks_in_use > most_in_use ? blocks_in_use : most_in_use;
            return memory[first];
        }
    }
    return NULL;
}

void mem_block_free(void *ptr) {
    assert(ptr != NULL);
    size_t first = (size_t)((unsigned char(*)[MEM_BLOCK_SIZE])ptr - memory);
    assert(first < BLOCKS && granted[first]);
    memset(&granted[first], false, lengths[first] * sizeof granted[0]);
    blocks_in_use -= lengths[first];
}

/* ---- Test cases ----------------------------------------------------------------------------- */

static bool is_kernel_memory(const void *ptr, size_t n) {
    uintptr_t start = (uintptr_t)memory, at = (uintptr_t)ptr;
    return at >= start && at + n <= start + sizeof memory;
}

/* The result is contiguous memory of at least n bytes, all of it the kernel's. */
static void test_sizes(void) {
    for (size_t n = 1; n <= 40000; n = n * 3 / 2 + 1) {
        unsigned char *ptr = mem_alloc(n);
        assert(ptr != NULL && is_kernel_memory(ptr, n));
        memset(ptr, 0xa5, n);
        mem_free(ptr);
    }
    assert(blocks_in_use == 0);
}

/* NULL for no bytes, for too many, and when memory is out; freeing NULL does nothing. */
static void test_refusals(void) {
    assert(mem_alloc(0) == NULL);
    assert(mem_alloc(sizeof memory + 1) == NULL);
    assert(mem_alloc(PTRDIFF_MAX) == NULL);
    mem_free(NULL);
    assert(blocks_in_use == 0);
}

/* A minimal amount of space per allocation: many small ones share a block. */
static void test_efficiency(void) {
    enum { COUNT = 10000, SIZE = 16 };
    static void *ptrs[COUNT];
    most_in_use = 0;
    for (size_t i = 0; i < COUNT; i++) {
        ptrs[i] = mem_alloc(SIZE);
        assert(ptrs[i] != NULL);
    }
    size_t bytes = most_in_use * MEM_BLOCK_SIZE;
    printf("%d allocations of %d bytes took %zu blocks: %.1f %% of them in use\n", COUNT, SIZE,
           most_in_use, 100.0 * COUNT * SIZE / (double)bytes);
    assert(bytes < COUNT * SIZE * 5 / 4);
    for (size_t i = 0; i < COUNT; i++) {
        mem_free(ptrs[i]);
    }
    assert(blocks_in_use == 0);
}

/* Memory is reusable: the same megabyte serves a hundred of them. */
static void test_reuse(void) {
    for (size_t round = 0; round < 100; round++) {
        void *ptrs[20];
        for (size_t i = 0; i < 20; i++) {
            ptrs[i] = mem_alloc(sizeof memory / 25);
            assert(ptrs[i] != NULL);
        }
        /* In another order each time. */
        for (size_t i = 0; i < 20; i++) {
            mem_free(ptrs[(i * 7 + round) % 20]);
        }
        assert(blocks_in_use == 0);
    }
}

/* No two allocations overlap, and none is disturbed, over a long sequence of both calls. */
static void test_long_sequence(void) {
    static struct { unsigned char *ptr; size_t n; } slots[500];
    uint32_t random = 1;
    size_t bytes = 0, most_bytes = 0;
    most_in_use = 0;
    for (int step = 0; step < 200000; step++) {
        random = random * 1664525 + 1013904223;
        size_t i = (random >> 8) % 500;
        if (slots[i].ptr != NULL) {
            for (size_t j = 0; j < slots[i].n; j++) {
                assert(slots[i].ptr[j] == (unsigned char)i);
            }
            mem_free(slots[i].ptr);
            slots[i].ptr = NULL;
            bytes -= slots[i].n;
        } else {
            slots[i].n = (random >> 20) % 2000 + 1;
            slots[i].ptr = mem_alloc(slots[i].n);
            assert(slots[i].ptr != NULL);
            memset(slots[i].ptr, (int)i, slots[i].n);
            bytes += slots[i].n;
            most_bytes = bytes > most_bytes ? bytes : most_bytes;
        }
    }
    double share = 100.0 * (double)most_bytes / (double)(most_in_use * MEM_BLOCK_SIZE);
    printf("200000 calls: at most %zu bytes at a time, and %zu blocks: %.1f %% of them in use\n",
           most_bytes, most_in_use, share);
    assert(share > 70);
    for (size_t i = 0; i < 500; i++) {
        mem_free(slots[i].ptr);
    }
    assert(blocks_in_use == 0);
}

/* What mem_realloc is for: an array that grows one element at a time, without knowing its length
 * beforehand, and mostly without copying. */
static void test_realloc(void) {
    int *numbers = NULL;
    size_t moves = 0;
    for (int i = 0; i < 20000; i++) {
        int *grown = mem_realloc(numbers, ((size_t)i + 1) * sizeof *numbers);
        assert(grown != NULL);
        moves += numbers != NULL && grown != numbers;
        numbers = grown;
        numbers[i] = i;
    }
    for (int i = 0; i < 20000; i++) {
        assert(numbers[i] == i);
    }
    printf("an array grew 20000 times and moved %zu times\n", moves);
    assert(moves < 200);
    assert(mem_realloc(numbers, sizeof memory * 2) == NULL && numbers[1] == 1);
    numbers = mem_realloc(numbers, 4);
    assert(numbers != NULL && numbers[0] == 0);
    assert(mem_realloc(numbers, 0) == NULL);
    assert(blocks_in_use == 0);
}

int main(void) {
    test_sizes();
    test_refusals();
    test_efficiency();
    test_reuse();
    test_long_sequence();
    test_realloc();
    puts("kernel_blocks: all tests passed");
    return 0;
}
