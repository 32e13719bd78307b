/* Allocation from an IRELATIVE resolver, which runs while the dynamic linker still relocates the
 * program. At that time thread-local variables are not yet set from their initial values (they are
 * zero), and when relocation is done they are overwritten with them; an allocator must stand both,
 * and still know the blocks it gave out before. */
#include "early.h"

static struct early in_resolver;

static int resolved_answer(void) {
    return 42;
}

/* Without the stack protector: its canary may not be set when this runs. */
__attribute__((optimize("no-stack-protector"))) static int (*resolve_answer(void))(void) {
    allocate_early(&in_resolver, 20);
    return resolved_answer;
}

int answer(void) __attribute__((ifunc("resolve_answer")));

static void blocks_from_an_ifunc_resolver_live_on(void) {
    CHECK_EQ(answer(), 42);
    check_early(&in_resolver, 20);
}

static const struct mode modes[] = {
    MODE(blocks_from_an_ifunc_resolver_live_on),
};

MAIN_WITH_MODES(modes)
