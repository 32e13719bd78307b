/* measure.c - chapter 8: what a policy is worth, in figures. */
#include "lab.h"

static const struct {
    const char *name;
    int fit;
} policies[] = {
    {"first fit", MEM_FIT_FIRST},
    {"next fit", MEM_FIT_NEXT},
    {"best fit", MEM_FIT_BEST},
    {"two-level fit", MEM_FIT_CONSTANT},
};

enum { POLICIES = sizeof policies / sizeof policies[0], SLOTS = 48, STEPS = 20000 };

/* Numbers that look random and are the same everywhere. */
static uint32_t seed;

static uint32_t random_below(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* How much of the land users get, filled with blocks of one size. */
static void inside(void) {
    puts("-- 8.1 inside of blocks");
    static const size_t sizes[] = {1, 16, 24, 100, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t counts[2] = {0, 0};
        for (int tags = MEM_TAGS_SIDE; tags <= MEM_TAGS_INLINE; tags++) {
            begin(MEM_FIT_CONSTANT, tags);
            while (try_take(sizes[i]) != NULL) {
                counts[tags]++;
            }
        }
        size_t side = counts[MEM_TAGS_SIDE], in_line = counts[MEM_TAGS_INLINE];
        printf("%zu bytes: side tags %zu blocks, %zu %%; inline tags %zu blocks, %zu %%\n",
               sizes[i], side, side * sizes[i] * 100 / LAND, in_line,
               in_line * sizes[i] * 100 / LAND);
    }
}

/* What a long run of random calls adds up to. */
struct run {
    size_t served, refused, free_blocks, lost, looked_at, distance;
};

/* How many free blocks a search from the lowest one looks at for a request. */
static size_t search_length(size_t n) {
    size_t wanted = (n + 16 + 15) / 16 * 16, looked_at = 0;
    const unsigned char *block = land + 16;
    for (struct tag tag = header(block); tag.stride > 16; tag = header(block)) {
        if (tag.is_free) {
            looked_at++;
            if (tag.stride >= wanted) {
                break;
            }
        }
        block += tag.stride;
    }
    return looked_at;
}

/* Takes and frees blocks of 1 to 800 bytes at random. */
static struct run run(int fit) {
    struct run run = {0, 0, 0, 0, 0, 0};
    unsigned char *slots[SLOTS] = {NULL}, *last = land;
    begin(fit, MEM_TAGS_INLINE);
    seed = 1;
    for (int step = 0; step < STEPS; step++) {
        uint32_t slot = random_below(SLOTS), size = random_below(800) + 1;
        if (slots[slot] != NULL) {
            put_back(slots[slot]);
            slots[slot] = NULL;
            continue;
        }
        run.looked_at += search_length(size);
        slots[slot] = try_take(size);
        if (slots[slot] == NULL) {
            run.refused++;
            continue;
        }
        run.served++;
        run.distance += (size_t)(slots[slot] > last ? slots[slot] - last : last - slots[slot]);
        last = slots[slot];
        struct sums sums = add_up();
        run.free_blocks += sums.free_blocks;
        if (sums.free_bytes != 0) {
            run.lost += 1000 * (sums.free_bytes - sums.largest) / sums.free_bytes;
        }
    }
    return run;
}

static void compare(void) {
    puts("-- 8.2 a long run of random calls");
    for (int i = 0; i < POLICIES; i++) {
        struct run sums = run(policies[i].fit);
        char name[32];
        printf("%s: refused %zu of %zu, free blocks %zu, fragmentation %zu %%\n", policies[i].name,
               sums.refused, sums.refused + sums.served, sums.free_blocks / sums.served,
               sums.lost / sums.served / 10);
        snprintf(name, sizeof name, "8-%s", policies[i].name);
        for (char *at = name; *at != '\0'; at++) {
            *at = *at == ' ' ? '-' : *at;
        }
        draw(name, 0);
    }
}

static void cost(void) {
    puts("-- 8.3 how far first fit looks");
    struct run sums = run(MEM_FIT_FIRST);
    size_t tenths = 10 * sums.looked_at / (sums.served + sums.refused);
    printf("free blocks: %zu, looked at for one request: %zu.%zu\n",
           sums.free_blocks / sums.served, tenths / 10, tenths % 10);
}

static void locality(void) {
    puts("-- 8.4 from one new block to the next");
    for (int i = 0; i < POLICIES; i++) {
        struct run sums = run(policies[i].fit);
        printf("%s: %zu bytes\n", policies[i].name, sums.distance / sums.served);
    }
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    inside();
    compare();
    cost();
    locality();
    return 0;
}
