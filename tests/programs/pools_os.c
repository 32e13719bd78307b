/* pools_os.c - os_malloc, os_calloc, os_realloc and os_free: where their memory comes from and goes
 * to, by what the break and /proc/self/maps say. */
#include "check.h"

#include <glebe_mem.h>

static char *first_break;

static size_t raised(void) {
    return (size_t)((char *)sbrk(0) - first_break);
}

static int in_heap(const void *block) {
    return (const char *)block >= first_break && (const char *)block < (char *)sbrk(0);
}

/* Whether an address is mapped, by /proc/self/maps. Reads without allocating. */
static int is_mapped(const void *address) {
    static char text[256 * 1024];
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(fd);
    text[length] = 0;
    for (char *line = text; line != NULL && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        unsigned long from = 0, to = 0;
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && (unsigned long)address >= from &&
            (unsigned long)address < to) {
            return 1;
        }
    }
    return 0;
}

static void start(void) {
    free(must_malloc(10)); /* malloc's own part of the break comes first. */
    first_break = sbrk(0);
}

static void first_small_request(void) {
    start();
    CHECK(os_malloc(0) == NULL && os_calloc(0, 5) == NULL && os_realloc(NULL, 0) == NULL);
    os_free(NULL);
    CHECK_EQ(raised(), 0);
    char *block = os_malloc(1);
    CHECK_THAT(raised(), >=, 128 * KIB);
    CHECK_THAT(raised(), <, 128 * KIB + 16);
    CHECK(in_heap(block));
    size_t before = raised();
    for (int i = 0; i < 1000; i++) {
        os_malloc(100);
    }
    CHECK_EQ(raised(), before);
}

static void a_large_request_needs_no_heap(void) {
    start();
    char *block = os_malloc(128 * KIB);
    fill(block, 128 * KIB, 1);
    verify(block, 128 * KIB, 1);
    CHECK_EQ(raised(), 0);
    os_free(block);
}

static void thresholds(void) {
    start();
    char *below = os_malloc(128 * KIB - 1), *at = os_malloc(128 * KIB);
    CHECK(in_heap(below) && !in_heap(at) && is_mapped(at));
    char *zeroed_below = os_calloc(4095, 1), *zeroed_at = os_calloc(1024, 4);
    CHECK(in_heap(zeroed_below) && !in_heap(zeroed_at) && is_mapped(zeroed_at));
    verify_zero(zeroed_below, 4095);
    verify_zero(zeroed_at, 4096);
    os_free(at);
    os_free(zeroed_at);
    CHECK(!is_mapped(at) && !is_mapped(zeroed_at));
    os_free(below);
    os_free(zeroed_below);
}

static void failures(void) {
    CHECK_FAILS(os_malloc(SIZE_MAX), ENOMEM);
    CHECK_FAILS(os_malloc((size_t)1 << 50), ENOMEM);
    CHECK_FAILS(os_calloc(SIZE_MAX / 2, 3), ENOMEM);
    char *block = os_malloc(10);
    fill(block, 10, 1);
    CHECK_FAILS(os_realloc(block, (size_t)1 << 50), ENOMEM);
    verify(block, 10, 1);
    os_free(block);
}

static void best_fit_split_and_coalesce(void) {
    char *holes[3], *walls[3];
    for (int i = 0; i < 3; i++) {
        holes[i] = os_malloc((size_t[]){3000, 1000, 2000}[i]);
        walls[i] = os_malloc(16);
    }
    for (int i = 0; i < 3; i++) {
        os_free(holes[i]);
    }
    char *best = os_malloc(900);
    CHECK(best == holes[1]);
    char *first = os_malloc(1900);
    CHECK(first == holes[2]);
    char *split = os_malloc(1000), *rest = os_malloc(1000);
    CHECK(split == holes[0] && rest > split && rest < walls[0]);
    os_free(split);
    os_free(rest);
    char *whole = os_malloc(3000);
    CHECK(whole == holes[0]);
}

static void resizing(void) {
    start();
    char *block = os_malloc(10000);
    fill(block, 10000, 1);
    CHECK(os_realloc(block, 100) == block);
    char *neighbour = os_malloc(5000);
    CHECK(neighbour > block && neighbour < block + 10000);
    os_free(neighbour);
    CHECK(os_realloc(block, 5000) == block);
    verify_kept(block, 100, 10000, 1);
    fill(block, 5000, 2);
    char *wall = os_malloc(16);
    char *mapped = os_realloc(block, 128 * KIB);
    CHECK(!in_heap(mapped) && is_mapped(mapped));
    verify(mapped, 5000, 2);
    char *back = os_realloc(mapped, 128 * KIB - 1);
    CHECK(in_heap(back) && !is_mapped(mapped));
    verify(back, 5000, 2);
    char *grown = os_realloc(back, 300 * KIB);
    verify(grown, 5000, 2);
    char *larger = os_realloc(grown, 3 * MIB);
    CHECK(!is_mapped(grown) || larger == grown);
    verify(larger, 5000, 2);
    CHECK(os_realloc(larger, 0) == NULL && !is_mapped(larger));
    os_free(wall);
}

/* What the heap grew by goes back when its end is free; beneath live blocks nothing moves. */
static void the_break_goes_down_again(void) {
    start();
    char *first = os_malloc(100), *blocks[20];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = os_malloc(100 * KIB);
        fill(blocks[i], 100 * KIB, (unsigned)i);
    }
    CHECK_THAT(raised(), >, 2000 * KIB);
    for (size_t i = COUNT(blocks); i-- > 0;) {
        verify(blocks[i], 100 * KIB, (unsigned)i);
        os_free(blocks[i]);
    }
    CHECK_THAT(raised(), <=, 128 * KIB + 16);
    CHECK(in_heap(first));
    os_free(first);
}

/* One large mapping at a time, as a trace of system calls shows it. */
static void for_strace(void) {
    first_break = sbrk(0);
    char *small = os_malloc(100);
    char *large = os_malloc(128 * KIB);
    char *page = os_calloc(1, 4096);
    os_free(page);
    os_free(large);
    os_free(small);
}

static const struct mode modes[] = {
    MODE(first_small_request),
    MODE(a_large_request_needs_no_heap),
    MODE(thresholds),
    MODE(failures),
    MODE(best_fit_split_and_coalesce),
    MODE(resizing),
    MODE(the_break_goes_down_again),
    MODE(for_strace),
};

MAIN_WITH_MODES(modes)
