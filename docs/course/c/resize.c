/* resize.c - chapter 6: blocks get another size: where they are, into a neighbour, or by a move. */
#include "lab.h"

/* Whether a block is where it was. */
static void print_move(const char *what, const unsigned char *old, const unsigned char *new) {
    if (new == NULL) {
        printf("%s: null\n", what);
    } else if (new == old) {
        printf("%s: in place, now %zu bytes\n", what, header(new).stride - 16);
    } else {
        printf("%s: moved from %zu to %zu, now %zu bytes\n", what, place(old), place(new),
               header(new).stride - 16);
    }
}

/* Three blocks of 240 bytes and a wall. */
static void make_row(unsigned char *row[3]) {
    begin_small(1536);
    for (int i = 0; i < 3; i++) {
        row[i] = take(240);
        memset(row[i], 'a' + i, 240);
    }
    take(16);
}

static void ways(void) {
    puts("-- 6.1 five ways");
    unsigned char *row[3];
    make_row(row);
    print_move("shrink to 100", row[1], resize(row[1], 100));

    make_row(row);
    put_back(row[2]);
    print_move("grow to 400, free behind", row[1], resize(row[1], 400));

    make_row(row);
    put_back(row[0]);
    draw("6-before", 0);
    unsigned char *slid = resize(row[1], 400);
    draw("6-after", 0);
    print_move("grow to 400, free in front", row[1], slid);
    printf("first and last byte of the old contents: %c %c\n", slid[0], slid[239]);

    make_row(row);
    print_move("grow to 400, nothing free beside", row[1], resize(row[1], 400));

    make_row(row);
    print_move("grow to 20000", row[1], resize(row[1], 20000));
    printf("the block that could not grow: %zu bytes, first byte %c\n", header(row[1]).stride - 16,
           row[1][0]);
}

static void edges(void) {
    puts("-- 6.2 null and 0");
    begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
    unsigned char *block = mem_realloc(NULL, 100);
    printf("null to 100 bytes: %s\n", block != NULL ? "a block" : "null");
    printf("a block to 0 bytes: %s\n", mem_realloc(block, 0) != NULL ? "a block" : "null");
    printf("free blocks then: %zu\n", add_up().free_blocks);
}

/* Two arrays that grow to 2000 bytes by turns, and so stand in each other's way. */
static void grow(const char *name, int doubles) {
    begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
    unsigned char *arrays[2] = {take(16), take(16)};
    size_t room[2] = {16, 16}, calls = 0, moves = 0, copied = 0;
    for (size_t used = 32; used <= 2000; used += 16) {
        for (int i = 0; i < 2; i++) {
            if (used <= room[i]) {
                continue;
            }
            size_t wanted = doubles ? 2 * room[i] : used;
            unsigned char *old = arrays[i];
            arrays[i] = resize(old, wanted);
            assert(arrays[i] != NULL);
            calls++;
            if (arrays[i] != old) {
                moves++;
                copied += room[i];
            }
            room[i] = wanted;
        }
    }
    printf("%s: %zu calls, %zu moves, %zu bytes copied\n", name, calls, moves, copied);
}

static void arrays(void) {
    puts("-- 6.3 arrays that grow");
    grow("16 bytes more each time", 0);
    grow("twice as much each time", 1);
}

static void clearing(void) {
    puts("-- 6.4 zeroed memory");
    begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
    unsigned char *dirty = take(160);
    memset(dirty, 0xff, 160);
    put_back(dirty);
    unsigned char *clean = mem_alloc_clear(10, 16);
    int sum = 0;
    for (int i = 0; i < 160; i++) {
        sum += clean[i];
    }
    printf("same place: %s, sum of its bytes: %d\n", clean == dirty ? "yes" : "no", sum);
    mem_free(clean);
    void *wrapped = mem_alloc_clear(SIZE_MAX / 8 + 2, 8);
    printf("a product that wraps around to 8: %s\n", wrapped == NULL ? "null" : "a block");
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    ways();
    edges();
    arrays();
    clearing();
    return 0;
}
