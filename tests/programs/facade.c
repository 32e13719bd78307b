/* The calls around the malloc family: sizes, figures, trimming, C23's sized frees, prefixed twins.
 * A plain C program, and so also the proof that the library needs no C++ run-time library. */
#include "check.h"
#include <dlfcn.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* A function that only some C libraries declare. */
static void *must_find(const char *name) {
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == NULL) {
        check_fail(__FILE__, __LINE__, "expected the symbol %s, got none", name);
    }
    return found;
}

static void usable_size_of_null_is_zero(void) {
    CHECK_EQ(malloc_usable_size(hide_pointer(NULL)), 0);
}

static void trim_says_whether_it_released_memory(void) {
    enum { BLOCKS = 30000 };
    static char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = must_malloc(2000);
        memset(blocks[i], 1, 2000);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    int released = malloc_trim(0);
    CHECK(released == 0 || released == 1);
    CHECK_THAT(rss_kib(), <, 20 * 1024);
    released = malloc_trim(1 << 20);
    CHECK(released == 0 || released == 1);
}

enum { FIGURE_BLOCKS = 100000 };
static char *figure_blocks[FIGURE_BLOCKS];

static void allocate_100_mb(void) {
    for (size_t i = 0; i < FIGURE_BLOCKS; i++) {
        figure_blocks[i] = must_malloc(1000);
        figure_blocks[i][999] = 1;
    }
}

static void free_100_mb(void) {
    for (size_t i = 0; i < FIGURE_BLOCKS; i++) {
        free(figure_blocks[i]);
    }
}

static void mallinfo2_follows_what_is_allocated(void) {
    size_t before = mallinfo2().uordblks;
    allocate_100_mb();
    struct mallinfo2 full = mallinfo2();
    CHECK_THAT(full.uordblks, >=, before + 100 * 1000 * 1000);
    CHECK_THAT(full.uordblks, <=, before + 115 * 1000 * 1000);
    CHECK_THAT(full.arena + full.hblkhd, >=, full.uordblks);
    char *large = must_malloc(50 * MIB);
    struct mallinfo2 larger = mallinfo2();
    CHECK_THAT(larger.uordblks + larger.hblkhd, >=, full.uordblks + full.hblkhd + 50 * MIB);
    free(large);
    free_100_mb();
    CHECK_THAT(mallinfo2().uordblks, <=, before + 5 * 1000 * 1000);
}

static void mallinfo_follows_what_is_allocated(void) {
    int before = mallinfo().uordblks;
    allocate_100_mb();
    int full = mallinfo().uordblks;
    CHECK_THAT(full, >=, before + 100 * 1000 * 1000);
    CHECK_THAT(full, <=, before + 115 * 1000 * 1000);
    free_100_mb();
    CHECK_THAT(mallinfo().uordblks, <=, before + 5 * 1000 * 1000);
}

static void mallopt_returns(void) {
    static const int options[] = {M_MXFAST,         M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD,
                                  M_MMAP_MAX,       M_ARENA_MAX,      M_PERTURB, M_CHECK_ACTION,
                                  M_ARENA_TEST,     0,                12345,     INT_MIN};
    for (size_t i = 0; i < COUNT(options); i++) {
        int accepted = mallopt(options[i], options[i] == M_ARENA_MAX ? 1 : 0);
        CHECK(accepted == 0 || accepted == 1);
    }
    free(must_malloc(100));
}

/* The test reads the document from the standard output and parses it. */
static void malloc_info_writes_xml(void) {
    char *blocks[50];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = must_malloc(i * i * 20 + 1);
    }
    CHECK_EQ(malloc_info(0, stdout), 0);
    CHECK_EQ(fflush(stdout), 0);
    for (size_t i = 0; i < COUNT(blocks); i++) {
        free(blocks[i]);
    }
}

static void malloc_info_refuses_unknown_options(void) {
    errno = 0;
    int code = malloc_info(12345, stdout);
    CHECK(code != 0);
    CHECK(code == EINVAL || errno == EINVAL);
}

/* The test looks at the standard error stream. */
static void malloc_stats_writes_to_standard_error(void) {
    void *block = must_malloc(100000);
    malloc_stats();
    free(block);
}

static void cfree_frees(void) {
    void (*cfree_)(void *) = (void (*)(void *))must_find("cfree");
    long before = rss_kib();
    for (size_t round = 0; round < 2000; round++) {
        char *block = must_malloc(MIB);
        memset(block, 1, MIB);
        cfree_(block);
    }
    cfree_(NULL);
    CHECK_THAT(rss_kib() - before, <, 64 * 1024);
}

typedef void (*sized_free)(void *, size_t);
typedef void (*aligned_sized_free)(void *, size_t, size_t);

/* Every size a block was asked for with is accepted when it is freed. */
static void sized_frees_accept_the_size_asked_for(void) {
    sized_free free_sized_ = (sized_free)must_find("free_sized");
    uint64_t seed = 3;
    free_sized_(NULL, 0);
    free_sized_(NULL, 100);
    for (size_t size = 0; size <= 40000; size += size < 3000 ? 1 : 97) {
        free_sized_(must_malloc(size), size);
        free_sized_(calloc(1, hide(size)), size);
        free_sized_(realloc(NULL, hide(size)), size);
    }
    for (size_t size = 40000; size <= 16 * MIB; size += size / 7) {
        free_sized_(must_malloc(size), size);
        free_sized_(calloc(size, 1), size);
    }
    for (size_t i = 0; i < 20000; i++) {
        size_t first = random_size(&seed, 18), last = random_size(&seed, 18);
        void *block = realloc(must_malloc(first), hide(last));
        CHECK(block != NULL);
        free_sized_(block, last);
    }
}

static void aligned_sized_frees_accept_what_was_asked_for(void) {
    aligned_sized_free free_ = (aligned_sized_free)must_find("free_aligned_sized");
    free_(NULL, 16, 100);
    for (size_t alignment = 1; alignment <= MIB; alignment *= 2) {
        for (size_t size = 0; size <= 5 * alignment; size += alignment) {
            void *block = aligned_alloc(alignment, hide(size));
            CHECK(block != NULL);
            free_(block, alignment, size);
        }
        for (size_t size = 1; size <= MIB; size = size * 2 + 1) {
            void *block = aligned_alloc(alignment, hide(size));
            CHECK(block != NULL);
            free_(block, alignment, size);
        }
    }
}

/* A block from either name may be passed to either. */
static void prefixed_twins_are_interchangeable(void) {
    void *(*malloc_)(size_t) = (void *(*)(size_t))must_find("glebe_malloc");
    void *(*calloc_)(size_t, size_t) = (void *(*)(size_t, size_t))must_find("glebe_calloc");
    void *(*realloc_)(void *, size_t) = (void *(*)(void *, size_t))must_find("glebe_realloc");
    void (*free_)(void *) = (void (*)(void *))must_find("glebe_free");
    size_t (*usable_)(void *) = (size_t(*)(void *))must_find("glebe_malloc_usable_size");
    for (size_t size = 0; size <= 300000; size = size * 3 / 2 + 7) {
        char *plain = must_malloc(size), *twin = malloc_(size), *zeroed = calloc_(size, 1);
        CHECK(twin != NULL && zeroed != NULL);
        verify_zero(zeroed, size);
        CHECK_EQ(usable_(plain), malloc_usable_size(plain));
        CHECK_EQ(usable_(twin), usable_(plain));
        fill(plain, size, 1);
        fill(twin, size, 2);
        plain = realloc_(plain, size + 1000);
        twin = realloc(twin, hide(size + 1000));
        CHECK(plain != NULL && twin != NULL);
        verify_kept(plain, size, size, 1);
        verify_kept(twin, size, size, 2);
        free_(plain);
        free(twin);
        free(zeroed);
    }
    CHECK_EQ(realloc_(must_malloc(100), 0), NULL);
    CHECK_FAILS(malloc_(hide(SIZE_MAX)), ENOMEM);
    CHECK_FAILS(calloc_(hide(SIZE_MAX), 2), ENOMEM);
}

typedef void *(*aligned_twin)(size_t, size_t);
typedef int (*posix_twin)(void **, size_t, size_t);
typedef void *(*array_twin)(void *, size_t, size_t);
typedef void *(*page_twin)(size_t);

static void aligned_twins_are_interchangeable(void) {
    aligned_twin memalign_ = (aligned_twin)must_find("glebe_memalign");
    aligned_twin aligned_alloc_ = (aligned_twin)must_find("glebe_aligned_alloc");
    posix_twin posix_memalign_ = (posix_twin)must_find("glebe_posix_memalign");
    array_twin reallocarray_ = (array_twin)must_find("glebe_reallocarray");
    page_twin valloc_ = (page_twin)must_find("glebe_valloc");
    page_twin pvalloc_ = (page_twin)must_find("glebe_pvalloc");
    for (size_t alignment = 16; alignment <= MIB; alignment *= 2) {
        void *blocks[6];
        blocks[0] = memalign_(alignment, 1000);
        blocks[1] = aligned_alloc_(alignment, 2000);
        CHECK_EQ(posix_memalign_(&blocks[2], alignment, 3000), 0);
        for (size_t i = 0; i < 3; i++) {
            CHECK(blocks[i] != NULL);
            CHECK_EQ((uintptr_t)blocks[i] % alignment, 0);
        }
        blocks[3] = reallocarray_(NULL, alignment, 3);
        blocks[4] = valloc_(alignment);
        blocks[5] = pvalloc_(alignment);
        for (size_t i = 0; i < COUNT(blocks); i++) {
            CHECK(blocks[i] != NULL);
            free(blocks[i]);
        }
    }
    ((sized_free)must_find("glebe_free_sized"))(must_malloc(100), 100);
    ((aligned_sized_free)must_find("glebe_free_aligned_sized"))(memalign(64, 100), 64, 100);
}

static void twins_of_the_calls_around_exist(void) {
    static const char *const names[] = {
        "glebe_malloc_trim", "glebe_mallinfo",     "glebe_mallinfo2", "glebe_mallopt",
        "glebe_malloc_info", "glebe_malloc_stats", "glebe_cfree",     "glebe_version",
        "glebe_purge",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        must_find(names[i]);
    }
    int released = ((int (*)(size_t))must_find("glebe_malloc_trim"))(0);
    CHECK(released == 0 || released == 1);
}

/* Weak references to the C++ run-time library must not load it. */
static void the_cxx_runtime_is_not_loaded(void) {
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        CHECK(strstr(line, "libstdc++") == NULL);
        CHECK(strstr(line, "libgcc_s") == NULL);
    }
    fclose(maps);
}

static const struct mode modes[] = {
    MODE(usable_size_of_null_is_zero),
    MODE(trim_says_whether_it_released_memory),
    MODE(mallinfo2_follows_what_is_allocated),
    MODE(mallinfo_follows_what_is_allocated),
    MODE(mallopt_returns),
    MODE(malloc_info_writes_xml),
    MODE(malloc_info_refuses_unknown_options),
    MODE(malloc_stats_writes_to_standard_error),
    MODE(cfree_frees),
    MODE(sized_frees_accept_the_size_asked_for),
    MODE(aligned_sized_frees_accept_what_was_asked_for),
    MODE(prefixed_twins_are_interchangeable),
    MODE(aligned_twins_are_interchangeable),
    MODE(twins_of_the_calls_around_exist),
    MODE(the_cxx_runtime_is_not_loaded),
};

MAIN_WITH_MODES(modes)
