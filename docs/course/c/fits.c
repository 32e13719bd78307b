/* fits.c - chapter 3: which free block serves a request. */
#include "lab.h"

enum { POLICIES = 4, HOLES = 3 };

static const struct {
    const char *name;
    int fit;
} policies[POLICIES] = {
    {"first fit", MEM_FIT_FIRST},
    {"next fit", MEM_FIT_NEXT},
    {"best fit", MEM_FIT_BEST},
    {"two-level fit", MEM_FIT_CONSTANT},
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

int main(int argc, char **argv) {
    set_up(argc, argv);
    one_request();
    best_wins();
    first_wins();
    next_goes_on();
    return 0;
}
