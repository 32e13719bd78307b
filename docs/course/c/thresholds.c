/* thresholds.c - chapter 7: os_malloc, a heap at the program break and mappings beside it. */
#include "lab.h"

static const unsigned char *start;

/* By how many KiB the break is above where it was. */
static size_t heap_kib(void) {
    return (size_t)((const unsigned char *)sbrk(0) - start) / 1024;
}

/* The heap lies below the break, mappings elsewhere. */
static const char *kind(const void *block) {
    uintptr_t at = (uintptr_t)block;
    return at >= (uintptr_t)start && at < (uintptr_t)sbrk(0) ? "heap" : "mapping";
}

static void first_request(void) {
    puts("-- 7.1 the first request");
    printf("before: %zu KiB\n", heap_kib());
    void *block = os_malloc(100);
    printf("100 bytes: %zu KiB\n", heap_kib());
    void *more = os_malloc(50000);
    printf("50000 bytes: %zu KiB\n", heap_kib());
    os_free(more);
    os_free(block);
    printf("all freed: %zu KiB\n", heap_kib());
}

static void thresholds(void) {
    puts("-- 7.2 heap or mapping");
    static const size_t plain[] = {1000, 131071, 131072}, zeroed[] = {1000, 4095, 4096};
    for (int i = 0; i < 3; i++) {
        void *block = os_malloc(plain[i]);
        printf("os_malloc of %zu: %s\n", plain[i], kind(block));
        os_free(block);
    }
    for (int i = 0; i < 3; i++) {
        void *block = os_calloc(1, zeroed[i]);
        printf("os_calloc of %zu: %s\n", zeroed[i], kind(block));
        os_free(block);
    }
}

static void shrinking(void) {
    puts("-- 7.3 the heap shrinks at its end");
    void *low = os_malloc(100000), *middle = os_malloc(100000), *high = os_malloc(100000);
    void *mapping = os_malloc(200000);
    printf("three blocks of 100000: %zu KiB\n", heap_kib());
    os_free(middle);
    draw("7-hole", MEM_DUMP_OS);
    printf("the middle one freed: %zu KiB\n", heap_kib());
    os_free(high);
    printf("the last one freed: %zu KiB\n", heap_kib());
    os_free(low);
    printf("the first one freed: %zu KiB\n", heap_kib());
    os_free(mapping);
}

static void crossing(void) {
    puts("-- 7.4 across the threshold");
    unsigned char *block = os_malloc(1000);
    memset(block, 'x', 1000);
    static const size_t sizes[] = {100000, 200000, 150000, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        block = os_realloc(block, sizes[i]);
        assert(block != NULL && block[0] == 'x' && block[999] == 'x');
        printf("to %zu bytes: %s\n", sizes[i], kind(block));
    }
    os_free(block);
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    /* A buffer of our own, or the C library would take one from above the break. */
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    start = sbrk(0);
    first_request();
    thresholds();
    shrinking();
    crossing();
    return 0;
}
