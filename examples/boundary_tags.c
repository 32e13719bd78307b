/* boundary_tags.c - malloc, free, realloc and calloc on a heap of headers and footers: grown by
 * sbrk, best fit, split and coalesced; and what its authors planned next, which is all there.
 *
 * Compile, beside a build of the library:
 *
 *   cc -I../crates/glebe-mem/include boundary_tags.c ../target/release/libglebe_mem.a
 */
#define _DEFAULT_SOURCE
#include <glebe_mem.h>

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How often the library complained, and of what last. */
static int complaints;
static char complaint[200];

static void on_fault(const char *line, void *address) {
    (void)address;
    complaints++;
    snprintf(complaint, sizeof complaint, "%s", line);
    printf("refused: %s\n", strrchr(line, ':') + 2);
}

static void complained_of(const char *words) {
    assert(complaints == 1 && strstr(complaint, words) != NULL);
    complaints = 0;
}

/* The tag before a block: its size without the flags in the low bits and the checksum above, and
 * whether it is free. */
struct tag { size_t size; int is_free; };

static struct tag header(const void *ptr) {
    uint64_t word;
    memcpy(&word, (const char *)ptr - 8, 8);
    return (struct tag){(size_t)(word & 0xfffffffff0u), (int)(word & 1)};
}

static struct tag footer(const void *ptr) {
    return header((const char *)ptr + header(ptr).size - 8);
}

static void show_structure(void) {
    char *a = mem_alloc(100), *b = mem_alloc(200), *c = mem_alloc(300), *wall = mem_alloc(16);
    assert(header(a).size >= 100 + 16 && header(a).size < 100 + 32 && !header(a).is_free);
    assert(footer(a).size == header(a).size && footer(a).is_free == header(a).is_free);
    /* The payload follows the header, and the next block follows the footer. */
    assert(a + header(a).size == b && b + header(b).size == c);

    /* Freed blocks are marked at both ends, and become one with free neighbours: either side. */
    size_t both = header(a).size + header(b).size;
    mem_free(a);
    assert(header(a).is_free && footer(a).is_free);
    mem_free(b);
    assert(header(a).size == both && header(a).is_free && footer(a).size == both);
    mem_free(c);
    assert(header(a).size > both && header(a).is_free && !header(wall).is_free);
    mem_free(wall);
    puts("headers and footers agree; free neighbours became one");
}

static void show_calls(void) {
    /* Best fit, from a binary search tree instead of the list: the second hole, not the first. */
    char *holes[3], *walls[3];
    for (int i = 0; i < 3; i++) {
        holes[i] = mem_alloc((size_t[]){900, 500, 700}[i]);
        walls[i] = mem_alloc(16);
    }
    for (int i = 0; i < 3; i++) {
        mem_free(holes[i]);
    }
    char *best = mem_alloc(480);
    assert(best == holes[1]);

    strcpy(best, "kept");
    char *larger = mem_resize(best, 1000);
    assert(larger != NULL && strcmp(larger, "kept") == 0);
    int *zeroes = mem_alloc_clear(100, sizeof *zeroes);
    for (int i = 0; i < 100; i++) {
        assert(zeroes[i] == 0);
    }
    assert(mem_alloc_clear(SIZE_MAX, 2) == NULL && mem_resize(larger, 0) == NULL);
    mem_free(zeroes);
    for (int i = 0; i < 3; i++) {
        mem_free(walls[i]);
    }
    puts("mem_alloc, mem_resize, mem_alloc_clear and mem_free do as malloc and its kin");
}

/* "mem_free(ptr + 1) should give an error", found by the checksum in the header. */
static void show_checks(void) {
    char *volatile ptr = mem_alloc(100);
    char *volatile other = mem_alloc(100);
    mem_free(ptr + 1);
    complained_of("misaligned pointer");
    mem_free(ptr + 16);
    complained_of("interior pointer");
    /* Bytes that look like a header are none: the checksum covers the place, too. */
    memcpy(ptr + 24, ptr - 8, 8);
    mem_free(ptr + 32);
    complained_of("interior pointer");
    mem_free(ptr);
    mem_free(ptr);
    complained_of("double free");
    mem_free(other);
}

/* "Use mmap() to allocate bigger blocks": they do not touch the break. */
static void show_mmap(void) {
    char *before = sbrk(0), *big = mem_alloc(1 << 20);
    assert(big != NULL && sbrk(0) == before);
    memset(big, 1, 1 << 20);
    mem_free(big);
    puts("a megabyte came by mmap");
}

int main(void) {
    puts("boundary_tags:");
    char *first_break = sbrk(0);
    struct mem_config config = {
        .supplier = MEM_SUPPLIER_BREAK,
        .fit = MEM_FIT_BEST,
        .tags = MEM_TAGS_INLINE,
        .spare = 1,
        .fault = on_fault,
    };
    assert(mem_init(&config) == MEM_OK);
    show_structure();
    show_calls();
    show_checks();
    show_mmap();
    assert(sbrk(0) == first_break);
    puts("boundary_tags: all as described, and the break is where it was");
    return 0;
}
