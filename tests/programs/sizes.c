/* Which sizes succeed, which fail, how the blocks are aligned, and what errno says after. */
#include "behaviour.h"

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="

#define OVER ((size_t)PTRDIFF_MAX + 1)

/* No rounding up may bring these into range; the last exceeds the address space. */
static const size_t impossible[] = {
    OVER,           OVER + 1,        OVER + 4096,      SIZE_MAX / 2 + 100, SIZE_MAX,
    SIZE_MAX - 1,   SIZE_MAX - 7,    SIZE_MAX - 15,    SIZE_MAX - 16,      SIZE_MAX - 31,
    SIZE_MAX - 63,  SIZE_MAX - 4095, SIZE_MAX - 4096,  SIZE_MAX - 65535,   SIZE_MAX - (4u << 20),
    OVER + OVER / 2, PTRDIFF_MAX,    PTRDIFF_MAX - 15, PTRDIFF_MAX - 4095, (size_t)1 << 47,
};

static void check_aligned(void *block, size_t size, const char *from) {
    if (block == NULL || (uintptr_t)block % 16 != 0) {
        check_fail(__FILE__, __LINE__, "%s of %zu bytes: expected a multiple of 16, got %p", from,
                   size, block);
    }
    fill(block, size, 1);
    CHECK_THAT(malloc_usable_size(block), >=, size);
}

static void blocks_are_aligned_to_16_bytes(void) {
    for (size_t i = 0; i < boundary_count; i++) {
        size_t size = hide(boundaries[i]);
        void *blocks[8];
        check_aligned(blocks[0] = malloc(size), size, "malloc");
        check_aligned(blocks[1] = calloc(1, size), size, "calloc");
        check_aligned(blocks[2] = realloc(NULL, size), size, "realloc(NULL)");
        check_aligned(blocks[3] = realloc(malloc(size / 2 + 1), size), size, "realloc");
        check_aligned(blocks[4] = reallocarray(NULL, size, 1), size, "reallocarray");
        check_aligned(blocks[5] = memalign(1, size), size, "memalign(1)");
        check_aligned(blocks[6] = aligned_alloc(8, size), size, "aligned_alloc(8)");
        CHECK_EQ(posix_memalign(&blocks[7], 8, size), 0);
        check_aligned(blocks[7], size, "posix_memalign(8)");
        for (size_t j = 0; j < COUNT(blocks); j++) {
            verify(blocks[j], size, 1);
            free(blocks[j]);
        }
    }
}

static void check_unique(void **blocks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        CHECK(blocks[i] != NULL);
        for (size_t j = 0; j < i; j++) {
            CHECK(blocks[i] != blocks[j]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
}

static void blocks_of_zero_bytes_are_unique_and_freeable(void) {
    void *blocks[1000];
    size_t zero = hide(0);
    for (size_t i = 0; i < COUNT(blocks); i++) {
        switch (i % 8) {
        case 0: blocks[i] = malloc(zero); break;
        case 1: blocks[i] = calloc(zero, 100); break;
        case 2: blocks[i] = calloc(100, zero); break;
        case 3: blocks[i] = realloc(NULL, zero); break;
        case 4: blocks[i] = memalign(64, zero); break;
        case 5: blocks[i] = aligned_alloc(4096, zero); break;
        case 6: CHECK_EQ(posix_memalign(&blocks[i], 32, zero), 0); break;
        case 7: blocks[i] = valloc(zero); break;
        }
    }
    check_unique(blocks, COUNT(blocks));
    void *huge_count = calloc(zero, SIZE_MAX);
    CHECK(huge_count != NULL);
    free(huge_count);
}

static void impossible_sizes_fail_with_enomem(void) {
    for (size_t i = 0; i < COUNT(impossible); i++) {
        size_t size = hide(impossible[i]);
        CHECK_FAILS(malloc(size), ENOMEM);
        CHECK_FAILS(calloc(size, 1), ENOMEM);
        CHECK_FAILS(calloc(1, size), ENOMEM);
        CHECK_FAILS(realloc(NULL, size), ENOMEM);
        CHECK_FAILS(reallocarray(NULL, size, 1), ENOMEM);
        CHECK_FAILS(reallocarray(NULL, 1, size), ENOMEM);
        CHECK_FAILS(valloc(size), ENOMEM);
        CHECK_FAILS(pvalloc(size), ENOMEM);
    }
}

static void impossible_sizes_fail_at_every_alignment(void) {
    for (size_t i = 0; i < COUNT(impossible); i++) {
        for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2) {
            size_t size = hide(impossible[i]);
            CHECK_FAILS(memalign(alignment, size), ENOMEM);
            CHECK_FAILS(aligned_alloc(alignment, size), ENOMEM);
            if (alignment >= sizeof(void *)) {
                void *block = &block;
                CHECK_EQ(posix_memalign(&block, alignment, size), ENOMEM);
                CHECK_EQ(block, &block);
            }
        }
    }
}

static void products_that_overflow_fail_with_enomem(void) {
    static const size_t factors[][2] = {
        {SIZE_MAX, 2},
        {SIZE_MAX, SIZE_MAX},
        {(size_t)1 << 32, (size_t)1 << 32},
        {((size_t)1 << 32) + 1, (size_t)1 << 32},
        {(size_t)1 << 63, 2},
        {SIZE_MAX / 2 + 1, 2},
        {SIZE_MAX / 3 + 1, 3},
        {SIZE_MAX / 16 + 1, 16},
        {SIZE_MAX / 4096 + 2, 4096},
        {(size_t)1 << 33, (size_t)1 << 30},
    };
    for (size_t i = 0; i < COUNT(factors); i++) {
        for (size_t swap = 0; swap < 2; swap++) {
            size_t count = hide(factors[i][swap]), size = hide(factors[i][1 - swap]);
            CHECK_FAILS(calloc(count, size), ENOMEM);
            CHECK_FAILS(reallocarray(NULL, count, size), ENOMEM);
            char *block = must_malloc(100);
            fill(block, 100, 3);
            CHECK_FAILS(reallocarray(block, count, size), ENOMEM);
            verify(block, 100, 3);
            free(block);
        }
    }
}

static void products_that_fit_succeed(void) {
    static const size_t factors[][2] = {{1, 1}, {3, 5}, {1000, 1000}, {65536, 64}, {1, 100000}};
    for (size_t i = 0; i < COUNT(factors); i++) {
        size_t count = hide(factors[i][0]), size = hide(factors[i][1]);
        void *zeroed = calloc(count, size);
        void *array = reallocarray(NULL, count, size);
        CHECK(zeroed != NULL && array != NULL);
        CHECK_THAT(malloc_usable_size(zeroed), >=, count * size);
        CHECK_THAT(malloc_usable_size(array), >=, count * size);
        verify_zero(zeroed, count * size);
        fill(array, count * size, 4);
        verify(array, count * size, 4);
        free(zeroed);
        free(array);
    }
}

static void free_keeps_errno(void) {
    static const size_t sizes[] = {1, 64, 5000, 32768, 100000, 4 << 20, 100 << 20};
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char *block = must_malloc(sizes[i]);
            block[0] = block[sizes[i] - 1] = 1;
            errno = 12345;
            free(block);
            CHECK_EQ(errno, 12345);
        }
        errno = 12345;
        free(hide_pointer(NULL));
        CHECK_EQ(errno, 12345);
    }
}

static void free_keeps_errno_through_a_great_many_frees(void) {
    enum { BLOCKS = 20000 };
    void **blocks = must_malloc(BLOCKS * sizeof *blocks);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = must_malloc(16 + i % 3000);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        errno = 12345;
        free(blocks[i]);
        CHECK_EQ(errno, 12345);
    }
    free(blocks);
}

static void blocks_up_to_1_gib_can_be_had(void) {
    for (size_t size = 1; size <= (size_t)1 << 30; size *= 2) {
        char *block = must_malloc(size + 1);
        block[0] = block[size / 2] = block[size] = 1;
        CHECK_THAT(malloc_usable_size(block), >=, size + 1);
        free(block);
    }
}

static const struct mode modes[] = {
    MODE(blocks_are_aligned_to_16_bytes),
    MODE(blocks_of_zero_bytes_are_unique_and_freeable),
    MODE(impossible_sizes_fail_with_enomem),
    MODE(impossible_sizes_fail_at_every_alignment),
    MODE(products_that_overflow_fail_with_enomem),
    MODE(products_that_fit_succeed),
    MODE(free_keeps_errno),
    MODE(free_keeps_errno_through_a_great_many_frees),
    MODE(blocks_up_to_1_gib_can_be_had),
};

MAIN_WITH_BEHAVIOURS(modes)
