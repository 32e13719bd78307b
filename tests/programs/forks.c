/* fork: from a program whose threads allocate all the time, from inside a thread, from a signal
 * handler, again and again, and with handlers that take locks or allocate themselves.
 * Whatever the parent's threads were doing, the child must be able to allocate, to free the blocks
 * of threads it does not have, to start threads and to fork again. */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { FORKS = 100, BUSY = 2, SHARED = 256 };

/* Blocks that the busy threads exchange; the child frees some of them. */
static void *shared[SHARED];

static void *stay_busy(void *number) {
    uint64_t seed = (uintptr_t)number + 1;
    for (;;) {
        size_t size = random_size(&seed, random_below(&seed, 50) ? 12 : 19);
        size_t *block = must_malloc(size + sizeof size);
        *block = size;
        size_t at = random_below(&seed, SHARED);
        block = __atomic_exchange_n(&shared[at], block, __ATOMIC_ACQ_REL);
        if (block != NULL) {
            CHECK_THAT(malloc_usable_size(block), >=, *block);
            free(block);
        }
    }
    return NULL;
}

static void start_busy_threads(void) {
    for (uintptr_t i = 0; i < BUSY; i++) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, stay_busy, (void *)i), 0);
    }
    usleep(2000);
}

static void allocate_in_child(void) {
    static const size_t sizes[] = {1, 16, 100, 1000, 4000, 20000, 40000, 500000};
    for (size_t round = 0; round < 3; round++) {
        char *blocks[COUNT(sizes)][4];
        for (size_t i = 0; i < COUNT(sizes); i++) {
            for (unsigned j = 0; j < 4; j++) {
                blocks[i][j] = j % 2 ? must_malloc(sizes[i]) : calloc(1, hide(sizes[i]));
                CHECK(blocks[i][j] != NULL);
                fill(blocks[i][j], sizes[i], j);
            }
        }
        for (size_t i = 0; i < COUNT(sizes); i++) {
            for (unsigned j = 0; j < 4; j++) {
                verify(blocks[i][j], sizes[i], j);
                free(blocks[i][j]);
            }
        }
    }
}

static void free_blocks_of_others(void) {
    for (size_t i = 0; i < SHARED; i++) {
        size_t *block = __atomic_exchange_n(&shared[i], NULL, __ATOMIC_ACQ_REL);
        if (block != NULL) {
            CHECK_THAT(malloc_usable_size(block), >=, *block);
            free(block);
        }
    }
}

static void wait_for(pid_t pid) {
    int status;
    CHECK_THAT(pid, >, 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* Forks; the child runs `child` and ends, the parent waits for it. */
static void fork_and_wait(void (*child)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        child();
        _exit(0);
    }
    wait_for(pid);
}

static void fork_often(void (*child)(void)) {
    for (size_t i = 0; i < FORKS; i++) {
        fork_and_wait(child);
    }
}

static void children_of_a_busy_program_allocate(void) {
    start_busy_threads();
    fork_often(allocate_in_child);
}

static void children_free_the_blocks_of_other_threads(void) {
    start_busy_threads();
    fork_often(free_blocks_of_others);
}

static void *allocate_in_thread(void *unused) {
    allocate_in_child();
    return unused;
}

static void start_threads_in_child(void) {
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, allocate_in_thread, NULL), 0);
    }
    free_blocks_of_others();
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

static void children_start_threads(void) {
    start_busy_threads();
    fork_often(start_threads_in_child);
}

/* The child's first to allocate is a thread that it has just started, on the stack of one that has
 * ended, so that pthread_create itself does not; who forked goes on with its own heap. */
static volatile int has_begun;

static void fill_many_times(unsigned tag) {
    enum { MANY = 5000, ROUNDS = 20 };
    char **blocks = must_malloc(MANY * sizeof *blocks);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < MANY; i++) {
            blocks[i] = must_malloc(16 + i % 200);
            fill(blocks[i], 16 + i % 200, tag);
        }
        for (size_t i = 0; i < MANY; i++) {
            verify(blocks[i], 16 + i % 200, tag);
            free(blocks[i]);
        }
    }
    free(blocks);
}

static void *begin(void *unused) {
    free(must_malloc(64));
    has_begun = 1;
    fill_many_times(1);
    return unused;
}

static void go_on_beside_a_new_thread(void) {
    pthread_t first, second;
    CHECK_EQ(pthread_create(&first, NULL, begin, NULL), 0);
    while (!has_begun) {
        usleep(100);
    }
    fill_many_times(2);
    CHECK_EQ(pthread_create(&second, NULL, begin, NULL), 0);
    fill_many_times(3);
    CHECK_EQ(pthread_join(first, NULL), 0);
    CHECK_EQ(pthread_join(second, NULL), 0);
}

static void a_new_thread_of_the_child_allocates_first(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, allocate_in_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < 10; i++) {
        fork_and_wait(go_on_beside_a_new_thread);
    }
}

static void fork_again_in_child(void) {
    start_busy_threads();
    fork_and_wait(allocate_in_child);
    fork_and_wait(free_blocks_of_others);
    fork_and_wait(start_threads_in_child);
}

static void children_fork_again(void) {
    start_busy_threads();
    for (size_t i = 0; i < FORKS / 4; i++) {
        fork_and_wait(fork_again_in_child);
    }
}

static int generation;

static void descend(void) {
    allocate_in_child();
    free_blocks_of_others();
    if (++generation < 12) {
        start_busy_threads();
        fork_and_wait(descend);
    }
}

static void twelve_generations(void) {
    start_busy_threads();
    fork_and_wait(descend);
}

enum { MANY = 400, MIDDLING = 1000 };

static sem_t slabs_are_left, never;

/* Leaves a slab with room, and one without a live block from which the thread allocates next. */
static void *leave_slabs_and_sleep(void *unused) {
    static char *blocks[MANY];
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = must_malloc(MIDDLING);
    }
    for (size_t i = 0; i < MANY; i += i < MANY / 2 ? 2 : 1) {
        free(blocks[i]);
    }
    CHECK_EQ(sem_post(&slabs_are_left), 0);
    sem_wait(&never);
    return unused;
}

static void *allocate_many(void *unused) {
    char *blocks[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        size_t size = i % 8 ? MIDDLING : 100 * MIDDLING;
        blocks[i] = must_malloc(size);
        fill(blocks[i], size, i);
    }
    for (unsigned i = 0; i < MANY; i++) {
        verify(blocks[i], i % 8 ? MIDDLING : 100 * MIDDLING, i);
        free(blocks[i]);
    }
    return unused;
}

static void allocate_many_in_threads(void) {
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, allocate_many, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

/* The child's threads take over the heaps of the parent's. */
static void children_take_over_empty_slabs(void) {
    pthread_t thread;
    CHECK_EQ(sem_init(&slabs_are_left, 0, 0), 0);
    CHECK_EQ(sem_init(&never, 0, 0), 0);
    CHECK_EQ(pthread_create(&thread, NULL, leave_slabs_and_sleep, NULL), 0);
    CHECK_EQ(sem_wait(&slabs_are_left), 0);
    fork_and_wait(allocate_many_in_threads);
}

static void *fork_in_thread(void *unused) {
    for (size_t i = 0; i < FORKS / 4; i++) {
        fork_and_wait(allocate_in_child);
    }
    return unused;
}

static void threads_fork_at_the_same_time(void) {
    pthread_t threads[4];
    start_busy_threads();
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, fork_in_thread, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

static void *end_at_once(void *unused) {
    free(must_malloc(100));
    return unused;
}

static void *start_and_end_threads(void *unused) {
    for (;;) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, end_at_once, NULL), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
    return unused;
}

static void fork_while_threads_begin_and_end(void) {
    for (size_t i = 0; i < 2; i++) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, start_and_end_threads, NULL), 0);
    }
    usleep(2000);
    fork_often(start_threads_in_child);
}

/* ---- handlers: a lock that another thread holds while it allocates */

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_library(void) {
    pthread_mutex_lock(&library_lock);
}

static void unlock_library(void) {
    pthread_mutex_unlock(&library_lock);
}

static void *allocate_under_lock(void *unused) {
    uint64_t seed = 9;
    for (;;) {
        pthread_mutex_lock(&library_lock);
        for (size_t i = 0; i < 50; i++) {
            size_t size = random_size(&seed, 17);
            free(must_malloc(size));
        }
        pthread_mutex_unlock(&library_lock);
        usleep(20);
    }
    return unused;
}

static void allocate_under_lock_in_child(void) {
    lock_library();
    allocate_in_child();
    unlock_library();
}

static void fork_with_locking_handlers(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, allocate_under_lock, NULL), 0);
    start_busy_threads();
    fork_often(allocate_under_lock_in_child);
}

/* Registered before any allocation when the mode's name asks for it: it must not matter whose
 * handlers are older. */
static int registered_early;

static void register_early_handlers(int argc, char **argv) {
    if (argc > 1 && strstr(argv[1], "registered_first") != NULL) {
        registered_early = pthread_atfork(lock_library, unlock_library, unlock_library) == 0;
    }
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(int, char **) =
    register_early_handlers;

static void locking_handlers_registered_first_do_not_deadlock(void) {
    CHECK(registered_early);
    fork_with_locking_handlers();
}

static void locking_handlers_registered_last_do_not_deadlock(void) {
    free(must_malloc(100));
    CHECK_EQ(pthread_atfork(lock_library, unlock_library, unlock_library), 0);
    fork_with_locking_handlers();
}

/* ---- handlers that allocate */

static char *from_prepare;
static int handled;

static void allocate_in_prepare(void) {
    allocate_in_child();
    from_prepare = must_malloc(3000);
    fill(from_prepare, 3000, 4);
}

static void free_after_fork(void) {
    verify(from_prepare, 3000, 4);
    free(from_prepare);
    allocate_in_child();
    handled++;
}

static void handlers_that_allocate(void) {
    CHECK_EQ(pthread_atfork(allocate_in_prepare, free_after_fork, free_after_fork), 0);
    start_busy_threads();
    fork_often(allocate_in_child);
    CHECK_EQ(handled, FORKS);
}

static void handlers_of_both_kinds_together(void) {
    CHECK_EQ(pthread_atfork(allocate_in_prepare, free_after_fork, free_after_fork), 0);
    locking_handlers_registered_last_do_not_deadlock();
    CHECK_EQ(handled, FORKS);
}

/* ---- signal handlers that fork */

static volatile sig_atomic_t forked;

static void fork_in_handler(int signal_number) {
    (void)signal_number;
    int saved = errno;
    pid_t pid = fork();
    if (pid == 0) {
        allocate_in_child();
        _exit(0);
    }
    wait_for(pid);
    forked++;
    errno = saved;
}

/* The handler interrupts nothing of the allocator in its own thread, only in others. */
static void a_signal_handler_forks_among_busy_threads(void) {
    start_busy_threads();
    CHECK(signal(SIGUSR1, fork_in_handler) != SIG_ERR);
    for (int i = 1; i <= FORKS; i++) {
        CHECK_EQ(raise(SIGUSR1), 0);
        CHECK_EQ(forked, i);
    }
}

static void fork_and_exit_in_handler(int signal_number) {
    (void)signal_number;
    int saved = errno, status;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0) {
        forked++;
    }
    errno = saved;
}

/* The handler interrupts the allocator itself, in a program of one thread; its child only ends. */
static void a_signal_handler_that_interrupts_the_allocator_forks(void) {
    struct itimerval every = {{0, 500}, {0, 500}};
    uint64_t seed = 6;
    void *blocks[200] = {0};
    CHECK(signal(SIGALRM, fork_and_exit_in_handler) != SIG_ERR);
    CHECK_EQ(setitimer(ITIMER_REAL, &every, NULL), 0);
    while (forked < FORKS) {
        size_t i = random_below(&seed, COUNT(blocks));
        free(blocks[i]);
        blocks[i] = must_malloc(random_size(&seed, random_below(&seed, 20) ? 14 : 22));
    }
    every.it_value.tv_usec = 0;
    CHECK_EQ(setitimer(ITIMER_REAL, &every, NULL), 0);
    allocate_in_child();
}

static const struct mode modes[] = {
    MODE(children_of_a_busy_program_allocate),
    MODE(children_free_the_blocks_of_other_threads),
    MODE(children_start_threads),
    MODE(a_new_thread_of_the_child_allocates_first),
    MODE(children_fork_again),
    MODE(twelve_generations),
    MODE(children_take_over_empty_slabs),
    MODE(threads_fork_at_the_same_time),
    MODE(fork_while_threads_begin_and_end),
    MODE(locking_handlers_registered_first_do_not_deadlock),
    MODE(locking_handlers_registered_last_do_not_deadlock),
    MODE(handlers_that_allocate),
    MODE(handlers_of_both_kinds_together),
    MODE(a_signal_handler_forks_among_busy_threads),
    MODE(a_signal_handler_that_interrupts_the_allocator_forks),
};

MAIN_WITH_MODES(modes)
