/* Every function that glebe.h declares, called as its comments say; compiled as strict C99 and
 * linked with the library in every way there is. The header comes first: it needs no other. */
#include <glebe.h>

#include "check.h"

/* Over PTRDIFF_MAX. */
#define TOO_LARGE hide(SIZE_MAX / 2 + 1)

static void check_aligned(const void *block, size_t alignment) {
    CHECK(block != NULL);
    CHECK_EQ((uintptr_t)block % alignment, 0);
}

/* The proof that nobody else's malloc was linked: only Glebe has this class, and it knows the
 * block. */
static void plain_names_are_the_librarys(void) {
    void *block = must_malloc(20);
    CHECK_EQ(glebe_malloc_usable_size(block), 32);
    CHECK_EQ(malloc_usable_size(block), 32);
    free(block);
    char *copy = strdup("copied by the C library");
    CHECK_EQ(glebe_malloc_usable_size(copy), 32);
    free(copy);
    CHECK_EQ(glebe_malloc_usable_size(hide_pointer(NULL)), 0);
}

/* The library's figures are those of a heap that the C library's streams live in, too. */
static void the_c_library_allocates_here(void) {
    size_t before = glebe_mallinfo2().uordblks;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    CHECK_THAT(glebe_mallinfo2().uordblks, >, before);
    CHECK_EQ(fclose(file), 0);
}

static void blocks_are_allocated_resized_and_freed(void) {
    char *block = (char *)glebe_malloc(hide(100));
    check_aligned(block, 16);
    fill(block, 100, 1);
    block = (char *)glebe_realloc(block, hide(5000));
    check_aligned(block, 16);
    verify_kept(block, 100, 100, 1);
    block = (char *)glebe_reallocarray(block, hide(30), 1000);
    check_aligned(block, 16);
    verify_kept(block, 100, 100, 1);
    CHECK_THAT(glebe_malloc_usable_size(block), >=, 30000);
    errno = 7;
    CHECK_EQ(glebe_realloc(block, hide(0)), NULL);
    glebe_free(glebe_malloc(hide(0)));
    glebe_free(NULL);
    glebe_cfree(glebe_malloc(hide(10)));
    CHECK_EQ(errno, 7);
    block = (char *)glebe_calloc(hide(100), 10);
    check_aligned(block, 16);
    verify_zero(block, 1000);
    glebe_free(block);
}

static void what_cannot_be_had_is_refused(void) {
    CHECK_FAILS(glebe_malloc(TOO_LARGE), ENOMEM);
    CHECK_FAILS(glebe_calloc(TOO_LARGE, 2), ENOMEM);
    CHECK_FAILS(glebe_realloc(NULL, TOO_LARGE), ENOMEM);
    CHECK_FAILS(glebe_reallocarray(NULL, TOO_LARGE, 2), ENOMEM);
    CHECK_FAILS(glebe_aligned_alloc(16, TOO_LARGE), ENOMEM);
    CHECK_FAILS(glebe_aligned_alloc(hide(48), 100), EINVAL);
    CHECK_FAILS(glebe_aligned_alloc(hide(0), 100), EINVAL);
    CHECK_FAILS(glebe_memalign(16, TOO_LARGE), ENOMEM);
    CHECK_FAILS(glebe_memalign(TOO_LARGE + 1, 100), EINVAL);
    CHECK_FAILS(glebe_valloc(TOO_LARGE), ENOMEM);
    CHECK_FAILS(glebe_pvalloc(TOO_LARGE), ENOMEM);
    void *result = &result;
    errno = 7;
    CHECK_EQ(glebe_posix_memalign(&result, hide(4), 100), EINVAL);
    CHECK_EQ(glebe_posix_memalign(&result, hide(16), TOO_LARGE), ENOMEM);
    CHECK_EQ(result, &result);
    CHECK_EQ(errno, 7);
}

static void blocks_are_aligned(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *block;
    for (size_t alignment = 8; alignment <= MIB; alignment *= 2) {
        block = glebe_aligned_alloc(hide(alignment), hide(100));
        check_aligned(block, alignment);
        glebe_free(block);
        block = glebe_memalign(hide(alignment - 1), hide(100));
        check_aligned(block, alignment);
        glebe_free(block);
        CHECK_EQ(glebe_posix_memalign(&block, hide(alignment), hide(100)), 0);
        check_aligned(block, alignment);
        glebe_free(block);
    }
    block = glebe_valloc(hide(100));
    check_aligned(block, page);
    glebe_free(block);
    block = glebe_pvalloc(hide(100));
    check_aligned(block, page);
    CHECK_THAT(glebe_malloc_usable_size(block), >=, page);
    glebe_free(block);
}

static void sized_frees_take_what_was_asked_for(void) {
    glebe_free_sized(glebe_malloc(hide(100)), 100);
    glebe_free_sized(glebe_calloc(hide(10), 10), 100);
    glebe_free_sized(glebe_realloc(glebe_malloc(hide(10)), hide(3000)), 3000);
    glebe_free_sized(NULL, 5);
    glebe_free_aligned_sized(glebe_aligned_alloc(hide(256), hide(300)), 256, 300);
    glebe_free_aligned_sized(NULL, 256, 300);
}

static void memory_goes_back(void) {
    enum { BLOCKS = 20000 };
    static void *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = glebe_malloc(hide(2000));
        CHECK(blocks[i] != NULL);
        memset(blocks[i], 1, 2000);
    }
    struct glebe_mallinfo2 full = glebe_mallinfo2();
    CHECK_THAT(full.uordblks, >=, BLOCKS * 2000);
    CHECK_EQ(full.arena, full.uordblks + full.fordblks);
    for (size_t i = 0; i < BLOCKS; i++) {
        glebe_free(blocks[i]);
    }
    size_t purged = glebe_purge();
    CHECK_THAT(rss_kib(), <, 20 * 1024);
    CHECK_EQ(purged % 4096, 0);
    int trimmed = glebe_malloc_trim(0);
    CHECK(trimmed == 0 || trimmed == 1);
    CHECK_THAT(glebe_mallinfo2().uordblks, <, BLOCKS * 200);
}

static void figures_agree(void) {
    void *small = glebe_malloc(hide(1000)), *large = glebe_malloc(hide(3 * MIB));
    CHECK(small != NULL && large != NULL);
    struct glebe_mallinfo2 wide = glebe_mallinfo2();
    struct glebe_mallinfo narrow = glebe_mallinfo();
    struct mallinfo2 plain = mallinfo2();
    CHECK_EQ(sizeof wide, sizeof plain);
    CHECK_EQ(memcmp(&wide, &plain, sizeof wide), 0);
    CHECK_EQ(wide.hblks, 1);
    CHECK_EQ(wide.hblkhd, 3 * MIB);
    CHECK_EQ(narrow.arena, wide.arena);
    CHECK_EQ(narrow.hblks, wide.hblks);
    CHECK_EQ(narrow.hblkhd, wide.hblkhd);
    CHECK_EQ(narrow.uordblks, wide.uordblks);
    CHECK_EQ(narrow.fordblks, wide.fordblks);
    CHECK_EQ(narrow.keepcost, wide.keepcost);
    CHECK_EQ(wide.ordblks + wide.smblks + wide.usmblks + wide.fsmblks, 0);
    glebe_free(small);
    glebe_free(large);
}

/* The test looks at both streams. */
static void figures_are_printed(void) {
    CHECK_EQ(glebe_malloc_info(0, stdout), 0);
    CHECK_EQ(fflush(stdout), 0);
    errno = 0;
    CHECK_EQ(glebe_malloc_info(1, stdout), -1);
    CHECK_EQ(errno, EINVAL);
    glebe_malloc_stats();
}

static void options_are_known_or_not(void) {
    CHECK_EQ(glebe_mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
    CHECK_EQ(glebe_mallopt(M_ARENA_MAX, 1), 1);
    CHECK_EQ(glebe_mallopt(M_PERTURB, 1), 0);
    CHECK_EQ(glebe_mallopt(12345, 1), 0);
}

static void header_and_library_are_of_one_version(void) {
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", GLEBE_VERSION_MAJOR, GLEBE_VERSION_MINOR,
             GLEBE_VERSION_PATCH);
    CHECK_EQ(strcmp(version, GLEBE_VERSION), 0);
    CHECK_EQ(strcmp(version, glebe_version()), 0);
    puts(version);
}

/* The process ends in the second free. */
static void double_free_of_a_plain_block(void) {
    void *block = must_malloc(20), *again = hide_pointer(block);
    free(block);
    free(again);
}

/* The process ends in the free. */
static void wrong_size_in_a_sized_free(void) {
    glebe_free_sized(hide_pointer(must_malloc(20)), hide(100));
}

static const struct mode modes[] = {
    MODE(plain_names_are_the_librarys),
    MODE(the_c_library_allocates_here),
    MODE(blocks_are_allocated_resized_and_freed),
    MODE(what_cannot_be_had_is_refused),
    MODE(blocks_are_aligned),
    MODE(sized_frees_take_what_was_asked_for),
    MODE(memory_goes_back),
    MODE(figures_agree),
    MODE(figures_are_printed),
    MODE(options_are_known_or_not),
    MODE(header_and_library_are_of_one_version),
    MODE(double_free_of_a_plain_block),
    MODE(wrong_size_in_a_sized_free),
};

MAIN_WITH_MODES(modes)
