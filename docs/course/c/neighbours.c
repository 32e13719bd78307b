/* neighbours.c - chapter 4: blocks are split when taken and joined when freed. */
#include "lab.h"

/* A hole of a thousand bytes serves smaller requests. */
static void split(void) {
    puts("-- 4.1 splitting");
    begin_small(1536);
    unsigned char *hole = take(1000);
    take(16);
    size_t start = place(hole);
    printf("hole: %zu bytes\n", header(hole).stride);
    put_back(hole);
    unsigned char *blocks[3];
    for (int i = 0; i < 3; i++) {
        blocks[i] = take(200);
        printf("block %d: %zu bytes, %zu into the hole\n", i + 1, header(blocks[i]).stride,
               place(blocks[i]) - start);
    }
    unsigned char *rest = blocks[2] + header(blocks[2]).stride;
    printf("rest: %zu bytes, %s\n", header(rest).stride, header(rest).is_free ? "free" : "used");
    draw("4-split", 0);
}

/* A rest too small for a block stays with what was asked for. */
static void too_small_to_split(void) {
    puts("-- 4.2 when not to split");
    for (size_t n = 64; n <= 112; n += 16) {
        begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
        unsigned char *hole = take(112);
        take(16);
        put_back(hole);
        unsigned char *block = take(n);
        assert(block == hole);
        printf("%zu bytes from a hole of 128: a block of %zu\n", n, header(block).stride);
    }
}

/* The four cases of Knuth: either neighbour may be free. */
static void four_cases(void) {
    puts("-- 4.3 four cases");
    for (int which = 0; which < 4; which++) {
        int left_free = which & 1, right_free = which >> 1;
        begin(MEM_FIT_FIRST, MEM_TAGS_INLINE);
        unsigned char *left = take(112), *middle = take(112), *right = take(112);
        take(16);
        if (left_free) {
            put_back(left);
        }
        if (right_free) {
            put_back(right);
        }
        put_back(middle);
        unsigned char *joined = left_free ? left : middle;
        printf("left %s, right %s: free block of %zu at %s\n", left_free ? "free" : "used",
               right_free ? "free" : "used", header(joined).stride,
               left_free ? "left" : "middle");
    }
}

/* Eight neighbours, freed in three orders. */
static void orders(void) {
    puts("-- 4.4 the order does not matter");
    static const char *const names[] = {"upwards", "downwards", "odd, then even"};
    static const int order[3][8] = {
        {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {1, 3, 5, 7, 0, 2, 4, 6}};
    for (int i = 0; i < 3; i++) {
        begin_small(1536);
        unsigned char *blocks[8];
        for (int j = 0; j < 8; j++) {
            blocks[j] = take(112);
        }
        take(16);
        for (int j = 0; j < 8; j++) {
            put_back(blocks[order[i][j]]);
            if (i == 2 && j == 3) {
                draw("4-every-second-free", 0);
            }
        }
        printf("%s: one free block of %zu\n", names[i], header(blocks[0]).stride);
    }
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    split();
    too_small_to_split();
    four_cases();
    orders();
    return 0;
}
