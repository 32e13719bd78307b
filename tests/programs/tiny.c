/* The smallest programs: what a hundred blocks cost in resident memory, and the first block of all,
 * marked for whoever counts the system calls before it. */
#include "check.h"

/* Prints resident memory in KiB. */
static void resident_memory_of_a_hundred_blocks(void) {
    static char *blocks[100];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = must_malloc(i * 5 + 1);
        fill(blocks[i], i * 5 + 1, 1);
    }
    long rss = rss_kib();
    CHECK_THAT(rss, >, 0);
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", rss);
    CHECK_EQ(write(1, text, (size_t)length), length);
    for (size_t i = 0; i < COUNT(blocks); i++) {
        free(blocks[i]);
    }
}

static void first_block(void) {
    static const char mark[] = "first block\n";
    char *block = malloc(hide(100));
    ssize_t written = write(1, mark, sizeof mark - 1);
    _exit(block != NULL && written == sizeof mark - 1 ? 0 : 1);
}

static const struct mode modes[] = {
    MODE(resident_memory_of_a_hundred_blocks),
    MODE(first_block),
};

MAIN_WITH_MODES(modes)
