/* break_and_mmap.c - explicit allocation, reallocation and initialization of memory by os_malloc,
 * os_calloc, os_realloc and os_free, shown by what they do to the program break and to the
 * mappings of the process.
 *
 * Compile, beside a build of the library:
 *
 *   cc -I../crates/glebe-mem/include break_and_mmap.c ../target/release/libglebe_mem.a
 */
#define _DEFAULT_SOURCE
#include <glebe_mem.h>

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KIB ((size_t)1024)

/* Where the break was when the program began. */
static char *first_break;

static size_t raised(void) {
    return (size_t)((char *)sbrk(0) - first_break);
}

static int is_in_heap(const void *ptr) {
    return (const char *)ptr >= first_break && (const char *)ptr < (char *)sbrk(0);
}

/* Whether a byte is mapped at all: the kernel refuses to look at it if not. */
static int is_mapped(const void *ptr) {
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    int looked = write(ends[1], ptr, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return looked;
}

/* os_malloc: the first small request preallocates 128 KiB, later ones are cut from it by best fit;
 * large ones are mappings. */
static void show_malloc(void) {
    assert(os_malloc(0) == NULL && raised() == 0);
    char *a = os_malloc(100);
    assert(is_in_heap(a) && raised() >= 128 * KIB && raised() < 132 * KIB);
    printf("os_malloc(100) raised the break by %zu KiB\n", raised() / KIB);

    /* Three holes, between blocks that stay: 400, 200 and 300 bytes. The best for 180 is the
     * second, and the first fit would have been the first. */
    char *holes[3], *walls[3];
    for (int i = 0; i < 3; i++) {
        holes[i] = os_malloc((size_t[]){400, 200, 300}[i]);
        walls[i] = os_malloc(32);
    }
    for (int i = 0; i < 3; i++) {
        os_free(holes[i]);
    }
    char *best = os_malloc(180);
    assert(best == holes[1]);
    /* A block that is much larger than the request is split. */
    char *front = os_malloc(100), *back = os_malloc(100);
    assert(front == holes[2] && back > front && back < walls[2]);

    char *large = os_malloc(128 * KIB), *small = os_malloc(128 * KIB - 1);
    assert(!is_in_heap(large) && is_in_heap(small));
    os_free(large);
    assert(!is_mapped(large));
    puts("os_malloc(128 KiB) was a mapping, which os_free unmapped at once");

    void *all[] = {a, best, front, back, walls[0], walls[1], walls[2], small};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        os_free(all[i]);
    }
}

/* os_calloc: all bytes are zero, also where blocks were used before; from a page up by mmap. */
static void show_calloc(void) {
    char *used = os_malloc(1000);
    memset(used, 0xff, 1000);
    os_free(used);
    char *zeroed = os_calloc(10, 100), *page = os_calloc(1, 4096);
    assert(is_in_heap(zeroed) && !is_in_heap(page));
    for (int i = 0; i < 1000; i++) {
        assert(zeroed[i] == 0 && page[i] == 0);
    }
    assert(os_calloc(0, 10) == NULL && os_calloc(10, 0) == NULL);
    assert(os_calloc(SIZE_MAX / 2, 3) == NULL);
    os_free(zeroed);
    os_free(page);
    puts("os_calloc gave zeroes: 1000 bytes from the heap, a page by mmap");
}

/* os_realloc: shrinks in place, grows into a free neighbour, moves when it must, also between the
 * heap and mappings. */
static void show_realloc(void) {
    char *a = os_realloc(NULL, 1000);
    strcpy(a, "kept");
    char *shrunk = os_realloc(a, 100);
    assert(shrunk == a);
    char *grown = os_realloc(a, 900);
    assert(grown == a);
    char *wall = os_malloc(16);
    char *moved = os_realloc(a, 5000);
    assert(moved != NULL && moved != a && strcmp(moved, "kept") == 0);
    char *mapped = os_realloc(moved, 200 * KIB);
    assert(mapped != NULL && !is_in_heap(mapped) && strcmp(mapped, "kept") == 0);
    char *back = os_realloc(mapped, 50);
    assert(is_in_heap(back) && !is_mapped(mapped) && strcmp(back, "kept") == 0);
    assert(os_realloc(back, 0) == NULL);
    os_free(wall);
    os_free(NULL);
    puts("os_realloc shrank and grew in place, and moved between heap and mapping");
}

int main(void) {
    /* stdio allocates its buffer, from the break too, before we look. */
    puts("break_and_mmap:");
    first_break = sbrk(0);
    show_malloc();
    show_calloc();
    show_realloc();
    mem_dump_to(1, MEM_DUMP_TABLE, MEM_DUMP_OS | MEM_DUMP_RELATIVE);
    puts("break_and_mmap: all as described");
    return 0;
}
