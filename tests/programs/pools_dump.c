/* pools_dump.c - one pool in a known state, dumped as the first argument says: table, json, svg, os
 * or, in between of what stdio prints, stdout. */
#include "check.h"

#include <glebe_mem.h>

static void known_state(void) {
    struct mem_config config = {0};
    config.supplier = MEM_SUPPLIER_MMAP;
    config.fit = MEM_FIT_FIRST;
    config.tags = MEM_TAGS_INLINE;
    config.initial = 64 * KIB;
    CHECK_EQ(mem_init(&config), MEM_OK);
    char *blocks[5];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = mem_alloc((size_t[]){100, 5000, 16, 12000, 30000}[i]);
        CHECK(blocks[i] != NULL);
    }
    mem_free(blocks[1]);
    mem_free(blocks[3]);
    CHECK(mem_alloc(200 * KIB) != NULL);
}

static void dump(int format) {
    known_state();
    CHECK_EQ(mem_dump_to(1, format, MEM_DUMP_RELATIVE), MEM_OK);
}

static void table(void) {
    dump(MEM_DUMP_TABLE);
}

static void json(void) {
    dump(MEM_DUMP_JSON);
}

static void svg(void) {
    dump(MEM_DUMP_SVG);
}

/* Absolute addresses, and a block at the address that is printed first. */
static void absolute(void) {
    struct mem_config config = {0};
    config.supplier = MEM_SUPPLIER_MMAP;
    CHECK_EQ(mem_init(&config), MEM_OK);
    printf("%#014lx\n", (unsigned long)mem_alloc(100));
    CHECK_EQ(mem_dump_to(1, MEM_DUMP_TABLE, 0), MEM_OK);
}

static void os(void) {
    char *small = os_malloc(1000), *freed = os_malloc(2000), *wall = os_malloc(16);
    char *large = os_malloc(128 * KIB);
    CHECK(small != NULL && wall != NULL && large != NULL);
    os_free(freed);
    CHECK_EQ(mem_dump_to(1, MEM_DUMP_TABLE, MEM_DUMP_OS | MEM_DUMP_RELATIVE), MEM_OK);
}

/* More free blocks than have their places told, and more ranges than are drawn: as an image, and on
 * standard error as a table. */
static void many(void) {
    struct mem_config config = {0};
    config.initial = MIB;
    config.single_from = 4096;
    CHECK_EQ(mem_init(&config), MEM_OK);
    static char *blocks[10000];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = mem_alloc(40);
        if (i % 20 == 0) {
            CHECK(mem_alloc(5000) != NULL);
        }
    }
    for (size_t i = 0; i < COUNT(blocks); i += 2) {
        mem_free(blocks[i]);
    }
    CHECK_EQ(mem_dump_to(1, MEM_DUMP_SVG, MEM_DUMP_RELATIVE), MEM_OK);
    CHECK_EQ(mem_dump_to(2, MEM_DUMP_TABLE, MEM_DUMP_RELATIVE), MEM_OK);
}

/* What was printed before comes before, although it is still in stdio's buffer. */
static void in_order(void) {
    known_state();
    printf("before\n");
    mem_dump();
    printf("after\n");
}

static const struct mode modes[] = {
    MODE(table), MODE(json), MODE(svg), MODE(absolute), MODE(os), MODE(many), MODE(in_order),
};

MAIN_WITH_MODES(modes)
