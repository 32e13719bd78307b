/* lab.h - what the programs of the course share: a pool in 16 KiB of fixed memory, and how it is
 * talked about. Places are printed as offsets in that memory, so that they are the same on every
 * machine and in both languages. With a folder as its argument a program also draws its pictures
 * there. */
#ifndef LAB_H
#define LAB_H

/* For sbrk. */
#define _DEFAULT_SOURCE

#include <glebe_mem.h>

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LAND ((size_t)16 * 1024)

/* The memory of the pool. */
static _Alignas(4096) unsigned char land[LAND];

/* The blocks that live, in no order, so that the next exercise can start with an empty pool. */
static unsigned char *taken[LAND / 16];
static size_t taken_count;

/* Where pictures go; null for nowhere. */
static const char *pictures;

/* A block, or null if there is no room. */
static inline unsigned char *try_take(size_t n) {
    unsigned char *block = mem_alloc(n);
    if (block != NULL) {
        taken[taken_count++] = block;
    }
    return block;
}

/* A block that there must be room for. */
static inline unsigned char *take(size_t n) {
    unsigned char *block = try_take(n);
    assert(block != NULL);
    return block;
}

/* The block is another one now; null if it is gone. */
static inline void replace(const unsigned char *block, unsigned char *by) {
    size_t i = 0;
    while (i < taken_count && taken[i] != block) {
        i++;
    }
    assert(i < taken_count);
    taken[i] = by != NULL ? by : taken[--taken_count];
}

/* Frees a block. */
static inline void put_back(unsigned char *block) {
    replace(block, NULL);
    mem_free(block);
}

/* Gives a block another size: where it is then, or null, and it is as it was. */
static inline unsigned char *resize(unsigned char *block, size_t n) {
    unsigned char *moved = mem_realloc(block, n);
    if (moved != NULL) {
        replace(block, moved);
    }
    return moved;
}

/* Frees all blocks. */
static inline void clear(void) {
    while (taken_count > 0) {
        mem_free(taken[--taken_count]);
    }
}

/* An empty pool in the first `bytes` of the land. At a bad pointer it calls `fault`, or ends the
 * program. */
static inline void begin_in(size_t bytes, int fit, int tags,
                            void (*fault)(const char *, void *)) {
    clear();
    struct mem_config config = {
        .supplier = MEM_SUPPLIER_BUFFER,
        .fit = fit,
        .tags = tags,
        .buffer = land,
        .buffer_size = bytes,
        .fault = fault,
    };
    int result = mem_init(&config);
    assert(result == MEM_OK);
}

/* An empty pool in all of the land. */
static inline void begin_with(int fit, int tags, void (*fault)(const char *, void *)) {
    begin_in(LAND, fit, tags, fault);
}

static inline void begin(int fit, int tags) { begin_with(fit, tags, NULL); }

/* An empty pool in a part of the land that is just enough: a picture of it shows more. */
static inline void begin_small(size_t bytes) {
    begin_in(bytes, MEM_FIT_FIRST, MEM_TAGS_INLINE, NULL);
}

/* Where a block is, seen from the start of the land. */
static inline size_t place(const void *block) {
    return (size_t)((const unsigned char *)block - land);
}

/* What an inline tag says: bytes from block to block, and whether the block is free. */
struct tag {
    size_t stride;
    int is_free;
};

/* The tag at an address: 24 bits of checksum, 36 bits of size, 4 bits of state. */
static inline struct tag read_tag(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return (struct tag){(size_t)(word & 0xfffffffff0u), (int)(word & 1)};
}

/* The tag in front of a block. */
static inline struct tag header(const unsigned char *block) { return read_tag(block - 8); }

/* The tag behind it. */
static inline struct tag footer(const unsigned char *block) {
    return read_tag(block + header(block).stride - 16);
}

/* Free blocks of the land, by a walk from header to header. Inline tags only. */
struct sums {
    size_t free_blocks, free_bytes, largest;
};

static inline struct sums add_up(void) {
    struct sums sums = {0, 0, 0};
    const unsigned char *block = land + 16;
    for (struct tag tag = header(block); tag.stride > 16; tag = header(block)) {
        if (tag.is_free) {
            size_t usable = tag.stride - 16;
            sums.free_blocks++;
            sums.free_bytes += usable;
            sums.largest = usable > sums.largest ? usable : sums.largest;
        }
        block += tag.stride;
    }
    return sums;
}

/* Draws the heap, with MEM_DUMP_OS in `flags` that of os_*. */
static inline void draw(const char *name, unsigned flags) {
    if (pictures == NULL) {
        return;
    }
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s.svg", pictures, name);
    assert(length > 0 && (size_t)length < sizeof path);
    /* Not by stdio, which would take memory from the program break. */
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0) {
        perror(path);
        assert(!"the folder for pictures must exist");
    }
    int result = mem_dump_to(file, MEM_DUMP_SVG, MEM_DUMP_RELATIVE | flags);
    assert(result == MEM_OK);
    result = close(file);
    assert(result == 0);
}

/* For main(): the argument, if there is one, is the folder for pictures. */
static inline void set_up(int argc, char **argv) { pictures = argc > 1 ? argv[1] : NULL; }

#endif
