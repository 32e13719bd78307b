/* realloc and reallocarray: contents, the special arguments, failure, growth in place or not. */
#include "behaviour.h"

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#pragma GCC diagnostic ignored "-Wuse-after-free"

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* A filled block of one size, reallocated to another, checked, and freed. */
static void check_resize(size_t from, size_t to) {
    char *block = must_malloc(from);
    fill(block, from, 9);
    char *resized = realloc(block, hide(to));
    if (resized == NULL) {
        check_fail(__FILE__, __LINE__, "realloc from %zu to %zu: expected a block, got NULL", from,
                   to);
    }
    CHECK_EQ((uintptr_t)resized % 16, 0);
    CHECK_THAT(malloc_usable_size(resized), >=, to);
    verify_kept(resized, smaller(from, to), from, 9);
    fill(resized, to, 10);
    verify(resized, to, 10);
    free(resized);
}

static void null_is_malloc(void) {
    for (size_t i = 0; i < boundary_count; i++) {
        void *block = realloc(hide_pointer(NULL), hide(boundaries[i]));
        void *array = reallocarray(hide_pointer(NULL), hide(boundaries[i]), 1);
        CHECK(block != NULL && array != NULL);
        fill(block, boundaries[i], 1);
        fill(array, boundaries[i], 2);
        verify(block, boundaries[i], 1);
        verify(array, boundaries[i], 2);
        free(block);
        free(array);
    }
}

static void zero_frees_and_gives_null(void) {
    static const size_t sizes[] = {1, 64, 1000, 10000, 32768, 200000, 8 << 20};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        /* Were the block not freed, this would keep 1 GiB or more resident. */
        size_t rounds = smaller(((size_t)1 << 30) / sizes[i], 200000) + 10;
        long before = rss_kib();
        for (size_t round = 0; round < rounds; round++) {
            char *block = must_malloc(sizes[i]);
            block[0] = block[sizes[i] / 2] = 1;
            void *gone = round % 2 ? realloc(block, hide(0)) : reallocarray(block, hide(0), 7);
            CHECK_EQ(gone, NULL);
        }
        if (rounds * sizes[i] > 256 * MIB || rounds > 100000) {
            CHECK_THAT(rss_kib() - before, <, 16 * 1024);
        }
    }
}

static void contents_survive_across_every_boundary(void) {
    for (size_t i = 0; i + 3 < boundary_count; i++) {
        for (size_t step = 1; step <= 3; step++) {
            check_resize(boundaries[i], boundaries[i + step]);
            check_resize(boundaries[i + step], boundaries[i]);
        }
    }
}

static void contents_survive_between_distant_sizes(void) {
    uint64_t seed = 5;
    for (size_t i = 0; i < boundary_count; i++) {
        check_resize(boundaries[i], boundaries[i] * 2);
        check_resize(boundaries[i] * 2, boundaries[i]);
        check_resize(boundaries[i], 1);
        check_resize(1, boundaries[i]);
        for (size_t j = 0; j < 6; j++) {
            check_resize(boundaries[i], boundaries[random_below(&seed, boundary_count)]);
        }
    }
}

static void growth_by_single_bytes_keeps_contents(void) {
    char *block = NULL;
    for (size_t size = 1; size <= 70000; size++) {
        block = realloc(block, hide(size));
        CHECK(block != NULL);
        block[size - 1] = (char)(size * 31);
    }
    for (size_t size = 1; size <= 70000; size++) {
        CHECK_EQ(block[size - 1], (char)(size * 31));
    }
    for (size_t size = 70000; size > 1; size -= 7) {
        block = realloc(block, hide(size));
        CHECK(block != NULL);
        CHECK_EQ(block[size - 1], (char)(size * 31));
        CHECK_EQ(block[0], 31);
    }
    free(block);
}

static void huge_blocks_grow_and_shrink(void) {
    static const size_t sizes[] = {1 << 20, 5 << 20, 16 << 20, 64 << 20, 256 << 20, 700 << 20};
    char *block = must_malloc(MIB);
    fill(block, MIB, 3);
    char *neighbour = must_malloc(MIB);
    for (size_t i = 1; i < COUNT(sizes); i++) {
        block = realloc(block, hide(sizes[i]));
        CHECK(block != NULL);
        verify_kept(block, sizes[i - 1], sizes[i - 1], 3);
        fill(block, sizes[i], 3);
    }
    for (size_t i = COUNT(sizes) - 1; i > 0; i--) {
        block = realloc(block, hide(sizes[i - 1]));
        CHECK(block != NULL);
        verify_kept(block, sizes[i - 1], sizes[i], 3);
        fill(block, sizes[i - 1], 3);
    }
    free(block);
    free(neighbour);
}

static void shrinking_gives_memory_back(void) {
    long before = rss_kib();
    char *block = must_malloc(256 * MIB);
    memset(block, 1, 256 * MIB);
    CHECK_THAT(rss_kib() - before, >, 250 * 1024);
    block = realloc(block, hide(MIB));
    CHECK(block != NULL);
    CHECK_EQ(block[MIB - 1], 1);
    malloc_trim(0);
    CHECK_THAT(rss_kib() - before, <, 32 * 1024);
    free(block);
}

static void failure_keeps_the_old_block(void) {
    static const size_t sizes[] = {1, 64, 1000, 32768, 100000, 2 << 20, 40 << 20};
    static const size_t impossible[] = {
        (size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, PTRDIFF_MAX,
        (size_t)1 << 47,
    };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = must_malloc(sizes[i]);
        size_t usable = malloc_usable_size(block);
        fill(block, sizes[i], 6);
        for (size_t j = 0; j < COUNT(impossible); j++) {
            CHECK_FAILS(realloc(block, hide(impossible[j])), ENOMEM);
            CHECK_FAILS(reallocarray(block, 1, hide(impossible[j])), ENOMEM);
        }
        CHECK_FAILS(reallocarray(block, hide(SIZE_MAX), 3), ENOMEM);
        verify(block, sizes[i], 6);
        CHECK_EQ(malloc_usable_size(block), usable);
        free(block);
    }
}

static void a_walk_of_random_sizes_keeps_contents(void) {
    enum { BLOCKS = 200, STEPS = 20000 };
    static struct { char *block; size_t size; unsigned seed; } live[BLOCKS];
    uint64_t seed = 99;
    memset(live, 0, sizeof live);
    for (unsigned step = 0; step < STEPS; step++) {
        size_t i = random_below(&seed, BLOCKS), size = random_size(&seed, 20);
        char *block = realloc(live[i].block, hide(size));
        CHECK(block != NULL);
        verify_kept(block, smaller(live[i].size, size), live[i].size, live[i].seed);
        live[i].block = block;
        live[i].size = size;
        live[i].seed = step;
        fill(block, size, step);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        verify(live[i].block, live[i].size, live[i].seed);
        free(live[i].block);
    }
}

static void reallocarray_resizes_by_the_product(void) {
    int *numbers = NULL;
    for (size_t count = 1; count <= 1 << 20; count *= 2) {
        numbers = reallocarray(numbers, hide(count), sizeof *numbers);
        CHECK(numbers != NULL);
        CHECK_THAT(malloc_usable_size(numbers), >=, count * sizeof *numbers);
        for (size_t i = count / 2; i < count; i++) {
            numbers[i] = (int)i;
        }
    }
    for (size_t i = 1; i < 1 << 20; i++) {
        CHECK_EQ(numbers[i], i);
    }
    free(numbers);
}

static const struct mode modes[] = {
    MODE(null_is_malloc),
    MODE(zero_frees_and_gives_null),
    MODE(contents_survive_across_every_boundary),
    MODE(contents_survive_between_distant_sizes),
    MODE(growth_by_single_bytes_keeps_contents),
    MODE(huge_blocks_grow_and_shrink),
    MODE(shrinking_gives_memory_back),
    MODE(failure_keeps_the_old_block),
    MODE(a_walk_of_random_sizes_keeps_contents),
    MODE(reallocarray_resizes_by_the_product),
};

MAIN_WITH_BEHAVIOURS(modes)
