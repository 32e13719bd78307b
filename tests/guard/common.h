// What the guard's programs share: random numbers from a fixed seed, sizes, and the end when there
// is no memory.
#ifndef GUARD_COMMON_H
#define GUARD_COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;

static inline uint32_t step(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u; }

static inline uint32_t next(void) { return step(&state) >> 8; }

// Mostly small, some up to 2 KiB, rarely up to 32 KiB: like programs.
static inline size_t mixed_size(void) {
    uint32_t random = next();
    unsigned bits = random % 64 == 0 ? 15 : random % 8 == 0 ? 11 : 7;
    return (next() & ((1u << bits) - 1)) + 1;
}

static inline void *checked(void *pointer) {
    if (!pointer) {
        fputs("guard: the allocator has no memory\n", stderr);
        exit(1);
    }
    return pointer;
}

// The place of the workload with this name among so many; the end, with their names, if none has.
static inline size_t find(const char *program, const char *name, const char *const *names,
                          size_t count) {
    for (size_t i = 0; name && i < count; i++)
        if (!strcmp(name, names[i])) return i;
    fprintf(stderr, "%s: which workload? One of:", program);
    for (size_t i = 0; i < count; i++) fprintf(stderr, " %s", names[i]);
    fputs("\n", stderr);
    exit(2);
}

#endif
