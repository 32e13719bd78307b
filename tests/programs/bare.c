/* Programs that start with less than usual: without standard streams, without an environment.
 * Failures are reported on descriptor 9 when the test has opened it. */
#include "check.h"
#include <pthread.h>

extern char **environ;

static void *allocate(void *unused) {
    for (size_t size = 1; size <= 4 * MIB; size = size * 3 / 2 + 1) {
        char *block = must_malloc(size), *zeroed = calloc(1, hide(size));
        CHECK(zeroed != NULL);
        fill(block, size, 3);
        block = realloc(block, hide(size * 2));
        CHECK(block != NULL);
        verify_kept(block, size, size, 3);
        free(block);
        free(zeroed);
    }
    CHECK_FAILS(malloc(hide(SIZE_MAX)), ENOMEM);
    malloc_trim(0);
    return unused;
}

static void allocate_in_two_threads(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, allocate, NULL), 0);
    allocate(NULL);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* The streams' numbers stay free for the program to use; nothing is written to what it opens. */
static void without_standard_streams(void) {
    check_fd = 9;
    for (int fd = 0; fd < 3; fd++) {
        errno = 0;
        CHECK_EQ(fcntl(fd, F_GETFD), -1);
        CHECK_EQ(errno, EBADF);
    }
    allocate_in_two_threads();
    char name[] = "/tmp/glebe-test-XXXXXX";
    CHECK_EQ(mkstemp(name), 0);
    unlink(name);
    CHECK_EQ(dup(0), 1);
    CHECK_EQ(dup(0), 2);
    allocate_in_two_threads();
    CHECK_EQ(lseek(0, 0, SEEK_END), 0);
}

static void without_an_environment(void) {
    for (char **variable = environ; *variable != NULL; variable++) {
        CHECK_EQ(strncmp(*variable, "LD_PRELOAD=", 11), 0);
    }
    allocate_in_two_threads();
    CHECK_EQ(setenv("A_VARIABLE", "its value", 1), 0);
    CHECK_EQ(strcmp(getenv("A_VARIABLE"), "its value"), 0);
    CHECK_EQ(clearenv(), 0);
    allocate_in_two_threads();
}

static void with_a_null_environment(void) {
    environ = NULL;
    allocate_in_two_threads();
}

static const struct mode modes[] = {
    MODE(without_standard_streams),
    MODE(without_an_environment),
    MODE(with_a_null_environment),
};

MAIN_WITH_MODES(modes)
