/* Aligned blocks: every alignment with every kind of size, and what happens to bad alignments. */
#include "behaviour.h"

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="

enum way { MEMALIGN, ALIGNED_ALLOC, POSIX_MEMALIGN, WAYS };

static void *aligned_by(enum way way, size_t alignment, size_t size) {
    void *block = NULL;
    switch (way) {
    case MEMALIGN: return memalign(alignment, size);
    case ALIGNED_ALLOC: return aligned_alloc(alignment, size);
    default: return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
    }
}

static void *must_align(enum way way, size_t alignment, size_t size) {
    void *block = aligned_by(way, hide(alignment), hide(size));
    if (block == NULL || (uintptr_t)block % alignment != 0 || (uintptr_t)block % 16 != 0) {
        check_fail(__FILE__, __LINE__, "way %d, %zu bytes at %zu: expected alignment, got %p",
                   way, size, alignment, block);
    }
    CHECK_THAT(malloc_usable_size(block), >=, size);
    return block;
}

static void every_alignment_goes_with_every_size(void) {
    for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2) {
        const size_t sizes[] = {0,   1,    alignment - 1, alignment, alignment + 1, 2 * alignment,
                                100, 1040, 5000,          16 * KIB,  40000,         alignment * 3};
        for (enum way way = 0; way < WAYS; way++) {
            void *blocks[COUNT(sizes)];
            if (way == POSIX_MEMALIGN && alignment < sizeof(void *)) {
                continue;
            }
            for (size_t i = 0; i < COUNT(sizes); i++) {
                blocks[i] = must_align(way, alignment, sizes[i]);
                fill(blocks[i], sizes[i], (unsigned)i);
            }
            for (size_t i = 0; i < COUNT(sizes); i++) {
                verify(blocks[i], sizes[i], (unsigned)i);
                free(blocks[i]);
            }
        }
    }
}

static void alignments_past_4_mib_never_crash(void) {
    for (size_t alignment = 8 * MIB; alignment != 0; alignment *= 2) {
        const size_t sizes[] = {0, 1, 4096, MIB, alignment - 1, alignment, SIZE_MAX - alignment};
        for (size_t i = 0; i < COUNT(sizes); i++) {
            for (enum way way = 0; way < WAYS; way++) {
                errno = 0;
                char *block = aligned_by(way, hide(alignment), hide(sizes[i]));
                if (block == NULL) {
                    CHECK(way == POSIX_MEMALIGN || errno == ENOMEM || errno == EINVAL);
                    continue;
                }
                CHECK_EQ((uintptr_t)block % alignment, 0);
                CHECK_THAT(malloc_usable_size(block), >=, sizes[i]);
                block[0] = 1;
                free(block);
            }
        }
    }
}

static void aligned_alloc_refuses_bad_alignments(void) {
    static const size_t bad[] = {0, 3, 24, 6, 100, 4095, 4097, SIZE_MAX, SIZE_MAX - 15};
    static const size_t sizes[] = {0, 1, 24, 4096, 100000};
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t j = 0; j < COUNT(sizes); j++) {
            CHECK_FAILS(aligned_alloc(hide(bad[i]), hide(sizes[j])), EINVAL);
        }
    }
}

/* glibc rounds a bad alignment up, others refuse it; either way the process goes on. */
static void memalign_survives_bad_alignments(void) {
    static const size_t bad[] = {0, 3, 24, 6, 100, 4095, 4097, SIZE_MAX, SIZE_MAX - 15};
    for (size_t i = 0; i < COUNT(bad); i++) {
        errno = 0;
        void *block = memalign(hide(bad[i]), 1000);
        CHECK(block != NULL || errno == EINVAL || errno == ENOMEM);
        CHECK_EQ((uintptr_t)block % 16, 0);
        free(block);
    }
}

static void posix_memalign_returns_its_code_and_touches_nothing(void) {
    static const size_t bad[] = {0, 1, 2, 4, 7, 12, 24, 100, 4097, SIZE_MAX};
    void *const mark = (void *)bad;
    void *block = mark;
    for (size_t i = 0; i < COUNT(bad); i++) {
        errno = 12345;
        CHECK_EQ(posix_memalign(&block, hide(bad[i]), 100), EINVAL);
        CHECK_EQ(errno, 12345);
        CHECK_EQ(block, mark);
    }
    static const size_t large[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, (size_t)1 << 47};
    for (size_t i = 0; i < COUNT(large); i++) {
        for (size_t alignment = sizeof(void *); alignment <= MIB; alignment *= 2) {
            errno = 12345;
            CHECK_EQ(posix_memalign(&block, alignment, hide(large[i])), ENOMEM);
            CHECK_EQ(errno, 12345);
            CHECK_EQ(block, mark);
        }
    }
}

static void posix_memalign_keeps_errno_when_it_succeeds(void) {
    for (size_t size = 1; size <= MIB; size *= 2) {
        void *block;
        errno = 12345;
        CHECK_EQ(posix_memalign(&block, 64, hide(size)), 0);
        CHECK_EQ(errno, 12345);
        free(block);
    }
}

static void valloc_and_pvalloc_give_whole_pages(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < boundary_count; i++) {
        size_t size = hide(boundaries[i]);
        size_t whole = (size + page - 1) / page * page;
        void *block = valloc(size), *pages = pvalloc(size);
        CHECK(block != NULL && pages != NULL);
        CHECK_EQ((uintptr_t)block % page, 0);
        CHECK_EQ((uintptr_t)pages % page, 0);
        CHECK_THAT(malloc_usable_size(block), >=, size);
        CHECK_THAT(malloc_usable_size(pages), >=, whole);
        fill(block, size, 1);
        fill(pages, whole, 2);
        verify(block, size, 1);
        verify(pages, whole, 2);
        free(block);
        free(pages);
    }
    void *empty = pvalloc(hide(0));
    CHECK(empty != NULL);
    CHECK_EQ((uintptr_t)empty % page, 0);
    free(empty);
}

static void aligned_blocks_can_be_reallocated(void) {
    static const size_t sizes[] = {1, 100, 1000, 5000, 40000, 300000};
    for (size_t alignment = 16; alignment <= MIB; alignment *= 4) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            for (size_t j = 0; j < COUNT(sizes); j++) {
                size_t kept = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
                char *block = must_align(MEMALIGN, alignment, sizes[i]);
                fill(block, sizes[i], 5);
                block = realloc(block, hide(sizes[j]));
                CHECK(block != NULL);
                CHECK_EQ((uintptr_t)block % 16, 0);
                verify_kept(block, kept, sizes[i], 5);
                fill(block, sizes[j], 6);
                verify(block, sizes[j], 6);
                free(block);
            }
        }
    }
}

struct piece {
    char *block;
    size_t size;
    unsigned seed;
};

static void aligned_and_plain_blocks_live_together(void) {
    enum { PIECES = 400, STEPS = 20000 };
    static struct piece pieces[PIECES];
    uint64_t seed = 77;
    memset(pieces, 0, sizeof pieces);
    for (unsigned step = 0; step < STEPS; step++) {
        struct piece *piece = &pieces[random_below(&seed, PIECES)];
        if (piece->block) {
            verify(piece->block, piece->size, piece->seed);
            free(piece->block);
        }
        size_t alignment = (size_t)1 << random_below(&seed, 17);
        piece->size = random_size(&seed, 15);
        piece->block = step % 2 ? must_malloc(piece->size)
                                : must_align(MEMALIGN, alignment, piece->size);
        piece->seed = step;
        fill(piece->block, piece->size, step);
    }
    for (size_t i = 0; i < PIECES; i++) {
        verify(pieces[i].block, pieces[i].size, pieces[i].seed);
        free(pieces[i].block);
    }
}

static void many_aligned_blocks_of_one_kind(void) {
    enum { BLOCKS = 300 };
    for (size_t alignment = 32; alignment <= 64 * KIB; alignment *= 4) {
        for (size_t size = 1; size <= 64 * KIB; size *= 16) {
            char *blocks[BLOCKS];
            for (unsigned i = 0; i < BLOCKS; i++) {
                blocks[i] = must_align(ALIGNED_ALLOC, alignment, size);
                fill(blocks[i], size, i);
            }
            for (unsigned i = 0; i < BLOCKS; i++) {
                verify(blocks[i], size, i);
                free(blocks[i]);
            }
        }
    }
}

static const struct mode modes[] = {
    MODE(every_alignment_goes_with_every_size),
    MODE(alignments_past_4_mib_never_crash),
    MODE(aligned_alloc_refuses_bad_alignments),
    MODE(memalign_survives_bad_alignments),
    MODE(posix_memalign_returns_its_code_and_touches_nothing),
    MODE(posix_memalign_keeps_errno_when_it_succeeds),
    MODE(valloc_and_pvalloc_give_whole_pages),
    MODE(aligned_blocks_can_be_reallocated),
    MODE(aligned_and_plain_blocks_live_together),
    MODE(many_aligned_blocks_of_one_kind),
};

MAIN_WITH_BEHAVIOURS(modes)
