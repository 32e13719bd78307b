/* fits.c - chapter 3: which free block serves a request. */
#include "lab.h"

/* Quick fit, which lets what is freed wait, is the last, and only in 3.5. */
enum { POLICIES = 4, ALL_POLICIES, HOLES = 3 };

static const struct {
    const char *name;
    int fit;
} policies[ALL_POLICIES] = {
    {"first fit", MEM_FIT_FIRST},
    {"next fit", MEM_FIT_NEXT},
    {"best fit", MEM_FIT_BEST},
    {"two-level fit", MEM_FIT_CONSTANT},
    {"quick fit", MEM_FIT_QUICK},
};

/* Holes of these sizes, with walls between them, and nothing else free. */
static void make_holes(int fit, unsigned char *holes[HOLES], const size_t sizes[HOLES]) {
    begin(fit, MEM_TAGS_INLINE);
    for (int i = 0; i < HOLES; i++) {
        holes[i] = take(sizes[i]);
        take(16);
    }
    while (try_take(add_up().largest) != NULL) {
    }
    for (int i = 0; i < HOLES; i++) {
        put_back(holes[i]);
    }
}

/* The number of the hole that a block lies in, from 1. */
static int hole_of(const unsigned char *block, unsigned char *const holes[HOLES]) {
    int found = 0;
    while (found < HOLES && block >= holes[found]) {
        found++;
    }
    return found;
}

/* Serves requests from the holes, and prints which. */
static void serve(int policy, const size_t sizes[HOLES], const size_t requests[], int count) {
    unsigned char *holes[HOLES];
    make_holes(policies[policy].fit, holes, sizes);
    printf("%s:", policies[policy].name);
    for (int i = 0; i < count; i++) {
        unsigned char *block = try_take(requests[i]);
        const char *end = i + 1 < count ? "," : "\n";
        if (block == NULL) {
            printf(" %zu nowhere%s", requests[i], end);
        } else {
            printf(" %zu in hole %d%s", requests[i], hole_of(block, holes), end);
        }
    }
}

static void one_request(void) {
    puts("-- 3.1 three holes, one request");
    static const size_t sizes[HOLES] = {400, 1200, 304}, request[] = {300};
    for (int policy = 0; policy < POLICIES; policy++) {
        serve(policy, sizes, request, 1);
    }
    unsigned char *holes[HOLES];
    make_holes(MEM_FIT_FIRST, holes, sizes);
    draw("3-three-holes", 0);
}

static void best_wins(void) {
    puts("-- 3.2 where best fit does better");
    static const size_t sizes[HOLES] = {1200, 400, 304}, requests[] = {300, 400, 1200};
    for (int policy = 0; policy < POLICIES; policy++) {
        serve(policy, sizes, requests, 3);
    }
}

static void first_wins(void) {
    puts("-- 3.3 where first fit does better");
    static const size_t sizes[HOLES] = {1296, 1200, 16}, requests[] = {1008, 1104, 240};
    for (int policy = 0; policy < POLICIES; policy++) {
        serve(policy, sizes, requests, 3);
    }
}

static void next_goes_on(void) {
    puts("-- 3.4 next fit goes on where it stopped");
    static const size_t sizes[HOLES] = {400, 1200, 304}, requests[] = {300, 100, 50};
    for (int policy = 0; policy < 2; policy++) {
        serve(policy, sizes, requests, 3);
    }
}

/* How many of the requests of one size get the place that was freed just before. */
static void quick_takes_the_last(void) {
    puts("-- 3.5 quick fit takes what was freed last");
    for (int policy = 0; policy < ALL_POLICIES; policy++) {
        begin(policies[policy].fit, MEM_TAGS_INLINE);
        unsigned char *blocks[8];
        for (int i = 0; i < 8; i++) {
            blocks[i] = take(48);
        }
        int same = 0;
        for (int i = 0; i < 8; i++) {
            unsigned char *before = blocks[i];
            put_back(before);
            blocks[i] = take(48);
            same += blocks[i] == before;
        }
        printf("%s: %d of 8\n", policies[policy].name, same);
    }
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    one_request();
    best_wins();
    first_wins();
    next_goes_on();
    quick_takes_the_last();
    return 0;
}
