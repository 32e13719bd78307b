/* The end of threads and of the process in C++: destructors of thread_local and static objects,
 * functions registered with atexit, on_exit and at_quick_exit, and exit while other threads go on
 * allocating. Each ending runs in a child, which must report that it came as far as expected. */
#include "check.h"
#include <pthread.h>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

extern "C" int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern "C" void *__dso_handle;

/* How many endings ran, shared between the program and its children. */
static int *endings;

static void allocate_at_the_end(unsigned seed) {
    for (size_t size = 1; size <= 300000; size = size * 2 + 3) {
        char *block = (char *)must_malloc(size);
        fill(block, size, seed);
        block = (char *)realloc(block, hide(size * 3));
        CHECK(block != nullptr);
        verify_kept(block, size, size, seed);
        free(block);
    }
    std::vector<std::string> strings(50, std::string(seed % 100 + 40, 'z'));
    CHECK_EQ(strings.back().size(), seed % 100 + 40);
    __atomic_fetch_add(endings, 1, __ATOMIC_RELAXED);
}

/* Runs `child` in a child process, which must exit with 0 after `expected` endings. */
static void run_child(void (*child)(), int expected) {
    if (endings == nullptr) {
        endings = (int *)mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                              0);
        CHECK(endings != MAP_FAILED);
    }
    *endings = 0;
    pid_t pid = fork();
    CHECK_THAT(pid, >=, 0);
    if (pid == 0) {
        child();
        exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(*endings, expected);
}

/* Holds blocks of several sizes until it is destroyed, and allocates even then. */
struct Holder {
    std::vector<std::string> strings;
    char *raw;
    explicit Holder(size_t count) : strings(count, std::string(100, 'h')) {
        raw = (char *)must_malloc(count * 100);
        fill(raw, count * 100, 1);
    }
    ~Holder() {
        verify(raw, strings.size() * 100, 1);
        for (const std::string &one : strings) {
            CHECK_EQ(one.size(), 100);
        }
        if (endings != nullptr) {
            allocate_at_the_end((unsigned)strings.size());
        }
        free(raw);
    }
};

static Holder of_the_program(30);
static Holder large_of_the_program(3000);
thread_local Holder of_the_thread(20);
thread_local Holder large_of_the_thread(2000);

static void touch_thread_locals() {
    CHECK_EQ(of_the_thread.strings.size() + large_of_the_thread.strings.size(), 2020);
}

static void threads_with_thread_locals() {
    for (int round = 0; round < 10; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++) {
            threads.emplace_back(touch_thread_locals);
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
    }
}

static void thread_local_destructors_allocate() {
    run_child(threads_with_thread_locals, 10 * 4 * 2 + 2);
}

static void thread_locals_of_main_are_destroyed_at_exit() {
    run_child(touch_thread_locals, 2 + 2);
}

static void static_destructors_allocate() {
    run_child([] {}, 2);
}

static void end_of_thread(void *block) {
    allocate_at_the_end(7);
    free(block);
}

static void *register_ends_of_thread(void *) {
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(__cxa_thread_atexit_impl(end_of_thread, must_malloc(1000), __dso_handle), 0);
    }
    return nullptr;
}

static void cxa_thread_atexit_functions_allocate() {
    run_child(
        [] {
            for (int i = 0; i < 20; i++) {
                pthread_t thread;
                CHECK_EQ(pthread_create(&thread, nullptr, register_ends_of_thread, nullptr), 0);
                CHECK_EQ(pthread_join(thread, nullptr), 0);
            }
        },
        20 * 5 + 2);
}

static void at_exit() {
    allocate_at_the_end(3);
}

static void on_exit_with(int, void *block) {
    allocate_at_the_end(4);
    free(block);
}

/* More than 32 handlers make the C library allocate room for them. */
static void atexit_and_on_exit_functions_allocate() {
    run_child(
        [] {
            for (int i = 0; i < 100; i++) {
                CHECK_EQ(atexit(at_exit), 0);
                CHECK_EQ(on_exit(on_exit_with, must_malloc(5000)), 0);
            }
        },
        200 + 2);
}

static void quick_exit_functions_allocate() {
    run_child(
        [] {
            for (int i = 0; i < 50; i++) {
                CHECK_EQ(at_quick_exit(at_exit), 0);
            }
            quick_exit(0);
        },
        50);
}

static void *allocate_forever(void *number) {
    uint64_t seed = (uintptr_t)number;
    for (;;) {
        size_t size = random_size(&seed, 15);
        char *block = (char *)must_malloc(size);
        fill(block, size, 2);
        std::string text(size % 1000, 't');
        verify(block, size, 2);
        free(block);
    }
}

static int exit_delay;

static void exit_among_busy_threads() {
    for (uintptr_t i = 0; i < 4; i++) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, nullptr, allocate_forever, (void *)i), 0);
    }
    CHECK_EQ(atexit(at_exit), 0);
    usleep((useconds_t)exit_delay);
}

static void exit_while_other_threads_allocate() {
    for (int i = 0; i < 60; i++) {
        exit_delay = i % 20 * 100;
        run_child(exit_among_busy_threads, 3);
    }
}

static void *exit_from_here(void *) {
    touch_thread_locals();
    exit(0);
}

/* exit called by a thread that is not the main one destroys that thread's objects. */
static void exit_from_another_thread() {
    for (int i = 0; i < 20; i++) {
        run_child(
            [] {
                pthread_t thread;
                CHECK_EQ(pthread_create(&thread, nullptr, exit_from_here, nullptr), 0);
                for (;;) pause();
            },
            2 + 2);
    }
}

static char *left_by_thread[100];

static void *leave_blocks(void *) {
    for (size_t i = 0; i < COUNT(left_by_thread); i++) {
        left_by_thread[i] = (char *)must_malloc(i * 400 + 1);
        fill(left_by_thread[i], i * 400 + 1, 8);
    }
    return nullptr;
}

static void free_left_blocks() {
    for (size_t i = 0; i < COUNT(left_by_thread); i++) {
        verify(left_by_thread[i], i * 400 + 1, 8);
        free(left_by_thread[i]);
    }
    allocate_at_the_end(1);
}

/* The process's last thread is not its first: main ends by pthread_exit. */
static void the_main_thread_may_end_first() {
    run_child(
        [] {
            static pthread_t main_thread;
            main_thread = pthread_self();
            leave_blocks(nullptr);
            pthread_t thread;
            auto last = [](void *) -> void * {
                pthread_join(main_thread, nullptr);
                free_left_blocks();
                exit(0);
            };
            CHECK_EQ(pthread_create(&thread, nullptr, last, nullptr), 0);
            pthread_exit(nullptr);
        },
        1 + 2);
}

static void blocks_of_an_ended_thread_are_freed_at_exit() {
    run_child(
        [] {
            pthread_t thread;
            CHECK_EQ(pthread_create(&thread, nullptr, leave_blocks, nullptr), 0);
            CHECK_EQ(pthread_join(thread, nullptr), 0);
            CHECK_EQ(atexit(free_left_blocks), 0);
        },
        1 + 2);
}

static const struct mode modes[] = {
    MODE(thread_local_destructors_allocate),
    MODE(thread_locals_of_main_are_destroyed_at_exit),
    MODE(static_destructors_allocate),
    MODE(cxa_thread_atexit_functions_allocate),
    MODE(atexit_and_on_exit_functions_allocate),
    MODE(quick_exit_functions_allocate),
    MODE(exit_while_other_threads_allocate),
    MODE(exit_from_another_thread),
    MODE(the_main_thread_may_end_first),
    MODE(blocks_of_an_ended_thread_are_freed_at_exit),
};

MAIN_WITH_MODES(modes)
