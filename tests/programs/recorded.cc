/* What the recorder has to see, exactly: `recorder.rs` knows what each mode does, call by call.
 *
 * A thread's part is between a block of BEGIN bytes and one of END bytes, each freed at once: what
 * the C and C++ libraries do for themselves is outside. */
#include "check.h"
#include <atomic>
#include <new>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { BEGIN = 777777, END = 888888, THREADS = 4, TURNS = 2000 };

/* No size that the compiler knows. */
static volatile size_t impossible = (size_t)1 << 60;

static void mark(size_t size) {
    free(malloc(size));
}

/* The compiler may leave out a new and its delete, unless it cannot see where the object goes. */
template <typename Type> static Type *seen(Type *object) {
    asm volatile("" : "+r"(object) : : "memory");
    return object;
}

struct alignas(128) Wide {
    char bytes[256];
};

static void every_call(void) {
    bool thrown = false;
    try {
        ::operator delete(::operator new(impossible));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown);
    CHECK(!::operator new(impossible, std::nothrow));
    mark(BEGIN);
    void *first = malloc(100);
    void *second = calloc(10, 20);
    first = realloc(first, 500000);
    CHECK(!realloc(first, impossible));
    CHECK(!malloc(impossible));
    CHECK(malloc_usable_size(second) >= 200);
    void *third = aligned_alloc(64, 640);
    void *fourth;
    CHECK_EQ(posix_memalign(&fourth, 4096, 300), 0);
    void *fifth = memalign(32, 33);
    void *sixth = reallocarray(NULL, 3, 7);
    CHECK(!reallocarray(sixth, impossible, impossible));
    sixth = reallocarray(sixth, 5, 7);
    free(NULL);
    CHECK(!realloc(second, 0));
    delete seen(new int);
    delete[] seen(new char[24]);
    delete seen(new Wide);
    void *plain = ::operator new(40, std::nothrow);
    ::operator delete(plain);
    free(sixth);
    free(fifth);
    free(fourth);
    free(third);
    free(first);
    mark(END);
}

static std::atomic<void *> handed[THREADS];
static std::atomic<size_t> arrived;

/* Blocks grow and move while others are given the places that they leave, and are freed by
 * whoever finds them. */
static void *turns(void *number) {
    size_t self = (size_t)number;
    arrived++;
    while (arrived < THREADS) {
    }
    mark(BEGIN);
    for (size_t turn = 0; turn < TURNS; turn++) {
        void *block = malloc(16 + self);
        block = realloc(block, 32 + turn % 100 + self);
        free(handed[(self + turn) % THREADS].exchange(block));
    }
    mark(END);
    return NULL;
}

static void several_threads(void) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, turns, (void *)i), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

static void a_child(void) {
    mark(BEGIN);
    void *before = malloc(100);
    pid_t child = fork();
    if (child == 0) {
        free(before);
        for (int i = 0; i < 50; i++) {
            free(malloc(200));
        }
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    free(before);
    mark(END);
}

static void another_program(void) {
    mark(BEGIN);
    (void)!malloc(100);
    execl("/proc/self/exe", "recorded", "killed", NULL);
    CHECK(!"execl returns");
}

static void killed(void) {
    mark(BEGIN);
    (void)!malloc(300);
    mark(END);
    raise(SIGKILL);
}

static const struct mode modes[] = {
    MODE(every_call), MODE(several_threads), MODE(a_child), MODE(another_program), MODE(killed),
};

MAIN_WITH_MODES(modes)
