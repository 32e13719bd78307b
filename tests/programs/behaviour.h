/* What the behaviour programs share: sizes at every boundary, and states to be tried in.
 *
 * A behaviour must hold in any state, so each mode runs three times: on a fresh heap, on one left
 * with holes in every size range, and in a thread of its own. */
#ifndef BEHAVIOUR_H
#define BEHAVIOUR_H

#include "check.h"
#include <pthread.h>

#define MAX_BOUNDARIES 400

/* One below, at and one above every boundary: 16-byte steps to 256 bytes, eight sizes a doubling to
 * 64 KiB, powers of two to 4 MiB. */
static size_t boundaries[MAX_BOUNDARIES];
static size_t boundary_count;

static void add_boundary(size_t size) {
    for (size_t around = size - 1; around <= size + 1; around++) {
        CHECK_THAT(boundary_count, <, MAX_BOUNDARIES);
        boundaries[boundary_count++] = around;
    }
}

static void find_boundaries(void) {
    for (size_t size = 16; size <= 256; size += 16) {
        add_boundary(size);
    }
    for (size_t base = 256; base < 64 * KIB; base *= 2) {
        for (size_t step = 1; step <= 8; step++) {
            add_boundary(base + step * base / 8);
        }
    }
    for (size_t size = 128 * KIB; size <= 4 * MIB; size *= 2) {
        add_boundary(size);
    }
}

/* Leaves holes of every size between blocks that stay. */
static void stir_heap(void) {
    enum { BLOCKS = 4000 };
    static void *blocks[BLOCKS];
    uint64_t seed = 20261;
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            size_t size = random_size(&seed, i % 100 ? 13 : 20);
            blocks[i] = must_malloc(size);
            memset(blocks[i], 0xa5, size < 4096 ? size : 4096);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            if (random_below(&seed, 4) != 0) {
                free(blocks[i]);
            }
        }
    }
}

static void *run_in_thread(void *run) {
    ((const struct mode *)run)->run();
    return NULL;
}

static void run_in_every_state(const struct mode *mode) {
    mode->run();
    stir_heap();
    mode->run();
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run_in_thread, (void *)mode), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static const struct mode *behaviours;
static size_t behaviour_chosen;

static void run_chosen(void) {
    run_in_every_state(&behaviours[behaviour_chosen]);
}

/* As run_modes, each mode in every state. */
static int run_behaviours(const struct mode *modes, size_t count, int argc, char **argv) {
    find_boundaries();
    behaviours = modes;
    struct mode stated[64];
    CHECK_THAT(count, <=, COUNT(stated));
    for (size_t i = 0; i < count; i++) {
        stated[i].name = modes[i].name;
        stated[i].run = run_chosen;
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0) {
            behaviour_chosen = i;
        }
    }
    if (argc > 1) {
        return run_modes(stated, count, argc, argv);
    }
    for (behaviour_chosen = 0; behaviour_chosen < count; behaviour_chosen++) {
        run_chosen();
    }
    return 0;
}

#define MAIN_WITH_BEHAVIOURS(modes)                                                             \
    int main(int argc, char **argv) {                                                           \
        return run_behaviours(modes, COUNT(modes), argc, argv);                                 \
    }

#endif
