/* tags.c - chapter 2: the records around a block, what they cost, and where blocks may start. */
#include "lab.h"

/* From one block to the next of the same size. */
static void strides(void) {
    puts("-- 2.1 from block to block");
    static const size_t sizes[] = {1, 16, 17, 32, 100, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
        unsigned char *first = take(sizes[i]), *second = take(sizes[i]);
        printf("%zu bytes: next block %zu bytes on\n", sizes[i], (size_t)(second - first));
    }
}

static void print_tag(const char *name, struct tag tag) {
    printf("%s: %zu bytes, %s\n", name, tag.stride, tag.is_free ? "free" : "used");
}

/* The records of one block, while it lives and after. */
static void tags(void) {
    puts("-- 2.2 header and footer");
    begin_small(512);
    unsigned char *block = take(100);
    take(16);
    print_tag("header", header(block));
    print_tag("footer", footer(block));
    printf("header of the next block %zu bytes behind this one\n", header(block).stride);
    draw("2-used", 0);
    put_back(block);
    draw("2-freed", 0);
    print_tag("header after free", header(block));
    print_tag("footer after free", footer(block));
}

/* Where blocks may start, and what is no block at all. */
static void corners(void) {
    puts("-- 2.3 alignment and corners");
    begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
    size_t low_bits = 0;
    for (size_t n = 1; n <= 100; n++) {
        unsigned char *block = take(n);
        low_bits |= (uintptr_t)block & 15;
        put_back(block);
    }
    printf("low four bits seen in 100 addresses: %zu\n", low_bits);
    printf("0 bytes: %s\n", try_take(0) == NULL ? "null" : "a block");
    printf("%zu bytes, all of the land: %s\n", LAND, try_take(LAND) == NULL ? "null" : "a block");
    mem_free(NULL);
    puts("free of null: nothing");
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    strides();
    tags();
    corners();
    return 0;
}
