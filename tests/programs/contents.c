/* What is in a block: all of its usable bytes belong to it, and calloc's are zero. */
#include "behaviour.h"

struct piece {
    unsigned char *block;
    size_t size;
    size_t usable;
    unsigned seed;
};

static void *piece_by(size_t way, size_t size) {
    void *block = NULL;
    switch (way) {
    case 0: return malloc(size);
    case 1: return calloc(1, size);
    case 2: return realloc(malloc(1), size);
    case 3: return memalign(64, size);
    case 4: return aligned_alloc(4096, size);
    case 5: CHECK_EQ(posix_memalign(&block, 1024, size), 0); return block;
    case 6: return valloc(size);
    default: return pvalloc(size);
    }
}

static void make_piece(struct piece *piece, size_t way, size_t size, unsigned seed) {
    piece->block = piece_by(way, hide(size));
    CHECK(piece->block != NULL);
    piece->size = size;
    piece->usable = malloc_usable_size(piece->block);
    piece->seed = seed;
    CHECK_THAT(piece->usable, >=, size);
    fill(piece->block, piece->usable, seed);
}

static void drop_piece(struct piece *piece) {
    CHECK_EQ(malloc_usable_size(piece->block), piece->usable);
    verify(piece->block, piece->usable, piece->seed);
    free(piece->block);
}

static void every_usable_byte_stays_usable(void) {
    static struct piece pieces[8 * MAX_BOUNDARIES];
    for (size_t i = 0; i < boundary_count; i++) {
        for (size_t way = 0; way < 8; way++) {
            size_t at = i * 8 + way;
            make_piece(&pieces[at], way, boundaries[i], (unsigned)at);
            free(must_malloc(boundaries[boundary_count - 1 - i]));
        }
    }
    for (size_t at = 0; at < boundary_count * 8; at++) {
        drop_piece(&pieces[at]);
    }
}

static void blocks_never_overlap(void) {
    enum { PIECES = 5000, STEPS = 100000 };
    static struct piece pieces[PIECES];
    uint64_t seed = 31;
    memset(pieces, 0, sizeof pieces);
    for (unsigned step = 0; step < STEPS; step++) {
        struct piece *piece = &pieces[random_below(&seed, PIECES)];
        if (piece->block) {
            drop_piece(piece);
        }
        make_piece(piece, step % 16 ? 0 : step / 16 % 8, random_size(&seed, step % 64 ? 9 : 16),
                   step);
    }
    for (size_t i = 0; i < PIECES; i++) {
        if (pieces[i].block) {
            drop_piece(&pieces[i]);
        }
    }
}

static void *zeroed(size_t size) {
    unsigned char *block = calloc(hide(size), 1);
    CHECK(block != NULL);
    verify_zero(block, size);
    return block;
}

/* Many dirty blocks of one size, freed, then as many zeroed ones of the same size. */
static void calloc_zeroes_dirty_memory_of_the_same_size(void) {
    for (size_t i = 0; i < boundary_count; i++) {
        enum { MOST = 600 };
        static unsigned char *blocks[MOST];
        size_t count = boundaries[i] > 100000 ? 2 : boundaries[i] > 4096 ? 16 : MOST;
        for (size_t j = 0; j < count; j++) {
            blocks[j] = must_malloc(boundaries[i]);
            memset(blocks[j], 0xff, malloc_usable_size(blocks[j]));
        }
        for (size_t j = 0; j < count; j++) {
            free(blocks[j]);
        }
        for (size_t j = 0; j < count; j++) {
            blocks[j] = zeroed(boundaries[i]);
            memset(blocks[j], 0xee, boundaries[i]);
        }
        for (size_t j = count; j-- > 0;) {
            free(blocks[j]);
        }
    }
}

static void calloc_zeroes_dirty_memory_of_other_sizes(void) {
    enum { PIECES = 300, STEPS = 15000 };
    static struct piece pieces[PIECES];
    uint64_t seed = 8;
    memset(pieces, 0, sizeof pieces);
    for (unsigned step = 0; step < STEPS; step++) {
        struct piece *piece = &pieces[random_below(&seed, PIECES)];
        free(piece->block);
        piece->size = random_size(&seed, step % 8 ? 14 : 20);
        piece->block = step % 2 ? zeroed(piece->size) : must_malloc(piece->size);
        memset(piece->block, 0xdd, malloc_usable_size(piece->block));
        if (step % 5000 == 4999) {
            malloc_trim(0);
        }
    }
    for (size_t i = 0; i < PIECES; i++) {
        free(pieces[i].block);
    }
}

static void calloc_zeroes_what_realloc_left_behind(void) {
    for (size_t i = 0; i < boundary_count; i++) {
        size_t size = boundaries[i];
        char *block = must_malloc(size);
        memset(block, 0xcc, size);
        block = realloc(block, hide(size * 2));
        CHECK(block != NULL);
        memset(block, 0xcc, malloc_usable_size(block));
        block = realloc(block, hide(size / 2 + 1));
        CHECK(block != NULL);
        memset(block, 0xcc, malloc_usable_size(block));
        void *first = zeroed(size), *second = zeroed(size / 2 + 1);
        free(block);
        void *third = zeroed(size / 2 + 1);
        free(first);
        free(second);
        free(third);
    }
}

static void calloc_zeroes_what_aligned_blocks_left_behind(void) {
    for (size_t alignment = 32; alignment <= 256 * KIB; alignment *= 2) {
        for (size_t round = 0; round < 6; round++) {
            size_t size = alignment / 2 + round * 1000;
            char *block = memalign(hide(alignment), hide(size));
            CHECK(block != NULL);
            memset(block, 0xbb, malloc_usable_size(block));
            free(block);
            free(zeroed(size));
            free(zeroed(alignment + size));
        }
    }
}

enum { SHARED = 2000 };
static unsigned char *shared[SHARED];

static size_t shared_size(size_t i) {
    return 1 + i * 37 % 9000;
}

static void *dirty_and_free(void *unused) {
    (void)unused;
    for (size_t i = 0; i < SHARED; i++) {
        memset(shared[i], 0xaa, shared_size(i));
        free(shared[i]);
    }
    for (size_t i = 0; i < SHARED; i++) {
        shared[i] = must_malloc(shared_size(i));
        memset(shared[i], 0x99, malloc_usable_size(shared[i]));
    }
    return NULL;
}

static void calloc_zeroes_what_another_thread_dirtied(void) {
    for (size_t round = 0; round < 4; round++) {
        pthread_t thread;
        for (size_t i = 0; i < SHARED; i++) {
            shared[i] = zeroed(shared_size(i));
        }
        CHECK_EQ(pthread_create(&thread, NULL, dirty_and_free, NULL), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        for (size_t i = 0; i < SHARED; i++) {
            free(shared[i]);
        }
    }
}

static const struct mode modes[] = {
    MODE(every_usable_byte_stays_usable),
    MODE(blocks_never_overlap),
    MODE(calloc_zeroes_dirty_memory_of_the_same_size),
    MODE(calloc_zeroes_dirty_memory_of_other_sizes),
    MODE(calloc_zeroes_what_realloc_left_behind),
    MODE(calloc_zeroes_what_aligned_blocks_left_behind),
    MODE(calloc_zeroes_what_another_thread_dirtied),
};

MAIN_WITH_BEHAVIOURS(modes)
