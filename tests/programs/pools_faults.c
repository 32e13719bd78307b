/* pools_faults.c - calls that must be refused: the mode prints the address that the line has to
 * name, makes the call, and must not come back from it. */
#include "check.h"

#include <glebe_mem.h>

static char *volatile block;

/* What comes is about this address. */
static void about(const void *address) {
    printf("%#lx\n", (unsigned long)address);
    fflush(stdout);
}

/* The pool of the tests: with an argument `inline` of headers and footers. */
static int tags;

static void begin(int fit) {
    struct mem_config config = {0};
    config.fit = fit;
    config.tags = tags;
    CHECK_EQ(mem_init(&config), MEM_OK);
    block = mem_alloc(100);
    CHECK(mem_alloc(100) != NULL);
}

static void refused(void *address) {
    about(address);
    mem_free(hide_pointer(address));
}

static void twice(void) {
    begin(MEM_FIT_CONSTANT);
    mem_free(block);
    refused(block);
}

static void twice_after_a_join(void) {
    begin(MEM_FIT_CONSTANT);
    char *second = mem_alloc(100);
    CHECK(mem_alloc(100) != NULL);
    mem_free(block);
    mem_free(second);
    refused(second);
}

static void one_byte_off(void) {
    begin(MEM_FIT_CONSTANT);
    refused(block + 1);
}

static void inside(void) {
    begin(MEM_FIT_CONSTANT);
    refused(block + 32);
}

static void of_malloc(void) {
    begin(MEM_FIT_CONSTANT);
    refused(must_malloc(100));
}

static void of_the_stack(void) {
    begin(MEM_FIT_CONSTANT);
    char local[64];
    refused(hide_pointer(local));
}

static void of_a_variable(void) {
    refused(&tags);
}

static void of_os_malloc(void) {
    begin(MEM_FIT_CONSTANT);
    refused(os_malloc(100));
}

static void realloc_of_a_freed_one(void) {
    begin(MEM_FIT_CONSTANT);
    mem_free(block);
    about(block);
    CHECK(mem_realloc(hide_pointer(block), 200) == NULL);
}

static void resize_inside(void) {
    begin(MEM_FIT_CONSTANT);
    about(block + 16);
    CHECK(mem_resize(hide_pointer(block + 16), 200) == NULL);
}

static void inside_a_large_one(void) {
    begin(MEM_FIT_CONSTANT);
    char *large = mem_alloc(MIB);
    refused(large + 4096);
}

static void a_large_one_twice(void) {
    begin(MEM_FIT_CONSTANT);
    char *large = mem_alloc(MIB);
    mem_free(large);
    refused(large);
}

static void records_of_a_large_one(void) {
    begin(MEM_FIT_CONSTANT);
    char *large = mem_alloc(MIB);
    /* They are the end of the last page, which the block did not need. */
    refused(large + MIB + 4096 - 16);
}

static void written_after_free(void) {
    begin(MEM_FIT_FIRST);
    mem_free(block);
    memset(hide_pointer(block), 0x41, 16);
    about(block);
    CHECK(mem_alloc(100) == NULL);
}

/* Inline tags only. */
static void written_past_the_end(void) {
    begin(MEM_FIT_CONSTANT);
    memset(hide_pointer(block), 0x41, 128);
    refused(block);
}

static void os_twice(void) {
    block = os_malloc(100);
    os_free(block);
    about(block);
    os_free(hide_pointer(block));
}

static void os_inside(void) {
    block = os_malloc(100);
    about(block + 48);
    os_free(hide_pointer(block + 48));
}

static void os_of_mem_alloc(void) {
    block = mem_alloc(100);
    about(block);
    os_free(hide_pointer(block));
}

static void os_realloc_of_a_freed_one(void) {
    block = os_malloc(100);
    os_free(block);
    about(block);
    CHECK(os_realloc(hide_pointer(block), 10) == NULL);
}

static void block_twice(void) {
    void *wall = mem_block_alloc(1);
    block = mem_block_alloc(2);
    CHECK(wall != NULL);
    mem_block_free(block);
    about(block);
    mem_block_free(hide_pointer(block));
}

static const struct mode modes[] = {
    MODE(twice),
    MODE(twice_after_a_join),
    MODE(one_byte_off),
    MODE(inside),
    MODE(of_malloc),
    MODE(of_the_stack),
    MODE(of_a_variable),
    MODE(of_os_malloc),
    MODE(realloc_of_a_freed_one),
    MODE(resize_inside),
    MODE(inside_a_large_one),
    MODE(a_large_one_twice),
    MODE(records_of_a_large_one),
    MODE(written_after_free),
    MODE(written_past_the_end),
    MODE(os_twice),
    MODE(os_inside),
    MODE(os_of_mem_alloc),
    MODE(os_realloc_of_a_freed_one),
    MODE(block_twice),
};

int main(int argc, char **argv) {
    tags = argc > 2 && strcmp(argv[2], "inline") == 0 ? MEM_TAGS_INLINE : MEM_TAGS_SIDE;
    return run_modes(modes, COUNT(modes), argc, argv);
}
