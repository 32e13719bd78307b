/* Allocation before main: from .preinit_array and from constructors of every priority. */
#include "early.h"

static struct early in_preinit, in_first_constructor, in_last_constructor;

static void preinit(void) {
    allocate_early(&in_preinit, 10);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(void) = preinit;

__attribute__((constructor(101))) static void first_constructor(void) {
    allocate_early(&in_first_constructor, 30);
}

__attribute__((constructor)) static void last_constructor(void) {
    allocate_early(&in_last_constructor, 40);
}

static void blocks_from_preinit_array_live_on(void) {
    check_early(&in_preinit, 10);
}

static void blocks_from_constructors_live_on(void) {
    check_early(&in_first_constructor, 30);
    check_early(&in_last_constructor, 40);
}

static const struct mode modes[] = {
    MODE(blocks_from_preinit_array_live_on),
    MODE(blocks_from_constructors_live_on),
};

MAIN_WITH_MODES(modes)
