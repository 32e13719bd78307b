/* Blocks from before main: how they are made there, and how main makes sure that they live on,
 * can be freed and resized, and left the heap whole. */
#ifndef EARLY_H
#define EARLY_H

#include "check.h"

#define SIZES 60

struct early {
    char *kept[SIZES];
    int ran;
};

static size_t early_size(size_t i) {
    return i < 40 ? i * 24 + 1 : (i - 38) * 3000;
}

/* All kinds of calls; half of the blocks are freed at once. */
static void allocate_early(struct early *early, unsigned seed) {
    for (size_t i = 0; i < SIZES; i++) {
        char *block = i % 3 == 0   ? malloc(early_size(i))
                      : i % 3 == 1 ? calloc(1, early_size(i))
                                   : memalign(64, early_size(i));
        char *passing = malloc(early_size(i) * 2);
        if (block == NULL || passing == NULL) {
            return;
        }
        fill(passing, early_size(i) * 2, seed + 1);
        passing = realloc(passing, early_size(i) * 5);
        fill(block, early_size(i), seed);
        free(passing);
        early->kept[i] = block;
    }
    early->ran = 1;
}

static void check_early(struct early *early, unsigned seed) {
    CHECK_EQ(early->ran, 1);
    for (size_t i = 0; i < SIZES; i++) {
        verify(early->kept[i], early_size(i), seed);
        if (i % 2) {
            early->kept[i] = realloc(early->kept[i], early_size(i) * 3);
            CHECK(early->kept[i] != NULL);
            verify_kept(early->kept[i], early_size(i), early_size(i), seed);
        }
    }
    for (size_t i = 0; i < SIZES; i++) {
        free(early->kept[i]);
    }
    for (size_t i = 1; i < 3000; i++) {
        char *block = must_malloc(i);
        fill(block, i, 1);
        verify(block, i, 1);
        free(block);
    }
}

#endif
