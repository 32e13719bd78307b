/* growing_heap.c - the life of a heap on the program break, step by step: alignment and padding,
 * allocation, freeing, resizing, what fragmentation is and what helps against it.
 *
 * Compile, beside a build of the library:
 *
 *   cc -I../crates/glebe-mem/include growing_heap.c ../target/release/libglebe_mem.a
 */
#define _DEFAULT_SOURCE
#include <glebe_mem.h>

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECES 16
#define SIZE ((size_t)3000)

static char *first_break;

static size_t heap_size(void) {
    return (size_t)((char *)sbrk(0) - first_break);
}

/* Alignment: every block starts at a multiple of 16; sizes are padded up to one. */
static void alignment(void) {
    char *previous = NULL;
    void *ptrs[40];
    for (size_t n = 1; n <= 40; n++) {
        char *ptr = ptrs[n - 1] = mem_alloc(n);
        assert((uintptr_t)ptr % 16 == 0);
        assert(previous == NULL || ptr >= previous + n - 1);
        previous = ptr;
    }
    for (size_t n = 1; n <= 40; n++) {
        mem_free(ptrs[n - 1]);
    }
    puts("1. sizes 1 to 40 were padded to multiples of 16");
}

/* malloc: a free block that is large enough, or else a larger heap. */
static void allocate(char *pieces[]) {
    size_t before = heap_size();
    for (int i = 0; i < PIECES; i++) {
        pieces[i] = mem_alloc(SIZE);
        assert(pieces[i] != NULL);
        memset(pieces[i], i, SIZE);
    }
    assert(heap_size() > before && heap_size() >= PIECES * SIZE);
    printf("2. %d blocks of %zu bytes: the heap grew to %zu KiB\n", PIECES, SIZE,
           heap_size() / 1024);
}

/* Fragmentation: every second block is free, half of the heap, but there is no large free block.
 * Once the others are freed, too, neighbours are coalesced into one. */
static void fragmentation(char *pieces[]) {
    size_t full = heap_size();
    for (int i = 0; i < PIECES; i += 2) {
        mem_free(pieces[i]);
    }
    puts("3. every second block is free:");
    mem_dump_to(1, MEM_DUMP_TABLE, MEM_DUMP_RELATIVE);
    char *reused = mem_alloc(SIZE - 100);
    assert(heap_size() == full && reused >= first_break);
    char *too_large = mem_alloc(2 * SIZE);
    assert(too_large > pieces[PIECES - 1]);
    printf("   %zu bytes fit into a hole, %zu did not, and came from the end\n", SIZE - 100,
           2 * SIZE);
    mem_free(too_large);
    mem_free(reused);
    mem_free(pieces[1]);
    char *coalesced = mem_alloc(3 * SIZE);
    assert(coalesced == pieces[0]);
    puts("   with one more freed, three neighbours are one block, and its place is taken again");
    mem_free(coalesced);
}

/* realloc: in place while there is room behind, else by a move; the data come along. */
static void resize(char *pieces[]) {
    char *ptr = pieces[3];
    char *grown = mem_realloc(ptr, SIZE + SIZE / 2);
    assert(grown == ptr && grown[SIZE - 1] == 3);
    char *moved = mem_realloc(grown, 10 * SIZE);
    assert(moved != NULL && moved != grown && moved[0] == 3 && moved[SIZE - 1] == 3);
    pieces[3] = moved;
    puts("4. a block grew into the free one behind it, then moved with its contents");
}

/* free: the heap becomes smaller when the freed block is at its end. */
static void shrink(char *pieces[]) {
    size_t before = heap_size();
    for (int i = PIECES - 1; i > 3; i -= 2) {
        mem_free(pieces[i]);
    }
    mem_free(pieces[3]);
    assert(heap_size() < before);
    printf("5. all is freed: the heap is %zu KiB again\n", heap_size() / 1024);
}

int main(void) {
    puts("growing_heap:");
    first_break = sbrk(0);
    struct mem_config config = {
        .supplier = MEM_SUPPLIER_BREAK,
        .fit = MEM_FIT_FIRST,
        .tags = MEM_TAGS_INLINE,
        .step = MEM_BLOCK_SIZE,
        .spare = 1,
    };
    assert(mem_init(&config) == MEM_OK);
    static char *pieces[PIECES];
    alignment();
    allocate(pieces);
    fragmentation(pieces);
    resize(pieces);
    shrink(pieces);
    assert(heap_size() == 0);
    return 0;
}
