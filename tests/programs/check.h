/* What every conformance program shares: checks, modes, patterns, resident memory.
 *
 * A check that fails writes one line to standard error (file:line, what was expected, what was
 * got) without allocating, and ends the process with status 1. A program is a table of modes;
 * its first argument names one, `list` prints them all, and without an argument all are run.
 * The header serves C and C++. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Where failures are written; a program started without standard streams uses 9. */
static int check_fd = 2;

__attribute__((noreturn, format(printf, 3, 4)))
static void check_fail(const char *file, int line, const char *format, ...) {
    char text[512];
    int used = snprintf(text, sizeof text, "%s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    used += vsnprintf(text + used, sizeof text - (size_t)used - 1, format, arguments);
    va_end(arguments);
    if (used > (int)sizeof text - 2) {
        used = (int)sizeof text - 2;
    }
    text[used++] = '\n';
    ssize_t written = write(check_fd, text, (size_t)used);
    (void)written;
    _exit(1);
}

/* Ends the test unless the condition holds. */
#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) check_fail(__FILE__, __LINE__, "expected %s", #condition);            \
    } while (0)

/* Ends the test unless two integers or pointers are equal. */
#define CHECK_EQ(got, expected) CHECK_THAT(got, ==, expected)

/* Ends the test unless `got relation bound` holds between two integers or pointers. */
#define CHECK_THAT(got, relation, bound)                                                        \
    do {                                                                                        \
        intptr_t got_ = (intptr_t)(got), bound_ = (intptr_t)(bound);                            \
        if (!(got_ relation bound_))                                                            \
            check_fail(__FILE__, __LINE__, "%s: expected %s %s = %ld (0x%lx), got %ld (0x%lx)", \
                       #got, #relation, #bound, (long)bound_, (long)bound_, (long)got_,         \
                       (long)got_);                                                             \
    } while (0)

/* Ends the test unless the expression is NULL and sets errno to the code. */
#define CHECK_FAILS(expression, code)                                                           \
    do {                                                                                        \
        errno = 0;                                                                              \
        void *given_ = (expression);                                                            \
        int errno_ = errno;                                                                     \
        if (given_ != NULL || errno_ != (code))                                                 \
            check_fail(__FILE__, __LINE__, "%s: expected NULL and errno %d, got %p and errno %d", \
                       #expression, (code), given_, errno_);                                    \
    } while (0)

/* A value the compiler cannot see through, so that no call is judged or removed at compile time. */
static size_t hide(size_t value) {
    __asm__ volatile("" : "+r"(value));
    return value;
}

static void *hide_pointer(void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

/* malloc that must succeed. */
static void *must_malloc(size_t size) {
    void *block = malloc(hide(size));
    CHECK(block != NULL);
    return block;
}

/* A seeded stream of numbers (splitmix64). */
static uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number below `bound`. */
static size_t random_below(uint64_t *state, size_t bound) {
    return (size_t)(random_next(state) % bound);
}

/* A size from 1 to 2^bits, small ones as frequent as large ones. */
static size_t random_size(uint64_t *state, unsigned bits) {
    size_t top = (size_t)1 << random_below(state, bits + 1);
    return 1 + random_below(state, top);
}

static unsigned char pattern_byte(size_t at, unsigned seed) {
    return (unsigned char)((at * 7 + (at >> 8) * 13 + seed * 31u) | 1);
}

/* Only the ends and one byte in 509 of a block above 64 KiB are written and checked. */
static size_t pattern_next(size_t at, size_t size) {
    int dense = size <= 64 * KIB || at < 512 || at + 512 >= size;
    return dense ? at + 1 : (at + 509 < size - 512 ? at + 509 : size - 512);
}

/* Fills a block with a pattern that depends on the seed; no byte of it is zero. */
static void fill(void *block, size_t size, unsigned seed) {
    for (size_t at = 0; at < size; at = pattern_next(at, size)) {
        ((unsigned char *)block)[at] = pattern_byte(at, seed);
    }
}

/* Checks that the first `kept` bytes of a block filled as one of `size` are unchanged. */
static void verify_kept(const void *block, size_t kept, size_t size, unsigned seed) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t at = 0; at < kept; at = pattern_next(at, size)) {
        if (bytes[at] != pattern_byte(at, seed)) {
            check_fail(__FILE__, __LINE__, "block %p of %zu bytes: byte %zu expected %#x, got %#x",
                       block, size, at, pattern_byte(at, seed), bytes[at]);
        }
    }
}

static void verify(const void *block, size_t size, unsigned seed) {
    verify_kept(block, size, size, seed);
}

/* Checks that every one of `size` bytes is zero. */
static void verify_zero(const void *block, size_t size) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t at = 0; at < size; at++) {
        if (bytes[at] != 0) {
            check_fail(__FILE__, __LINE__, "block %p of %zu bytes: byte %zu expected 0, got %#x",
                       block, size, at, bytes[at]);
        }
    }
}

/* The number after `label` in a file of /proc, read without allocating; -1 when there is none. */
static long proc_number(const char *path, const char *label) {
    char text[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *found = strstr(text, label);
    return found ? strtol(found + strlen(label), NULL, 10) : -1;
}

/* Resident memory in KiB: exact where the kernel offers it, else its estimate. */
static long rss_kib(void) {
    long rss = proc_number("/proc/self/smaps_rollup", "\nRss:");
    return rss >= 0 ? rss : proc_number("/proc/self/status", "\nVmRSS:");
}

struct mode {
    const char *name;
    void (*run)(void);
};

#define MODE(name) {#name, name}

/* Runs the mode that the first argument names. */
static int run_modes(const struct mode *modes, size_t count, int argc, char **argv) {
    const char *wanted = argc > 1 ? argv[1] : NULL;
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        if (wanted && strcmp(wanted, "list") == 0) {
            found = puts(modes[i].name) >= 0;
        } else if (!wanted || strcmp(wanted, modes[i].name) == 0) {
            modes[i].run();
            found = 1;
        }
    }
    if (!found) {
        fprintf(stderr, "%s: no mode '%s'; '%s list' names them\n", argv[0], wanted, argv[0]);
        return 2;
    }
    return 0;
}

#define MAIN_WITH_MODES(modes)                                                                  \
    int main(int argc, char **argv) {                                                           \
        return run_modes(modes, COUNT(modes), argc, argv);                                      \
    }

#endif
