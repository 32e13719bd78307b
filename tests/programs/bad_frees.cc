/* One bad free per run: `bad_frees CASE WAY` prepares a pointer that must not be freed and passes
 * it to one of the functions that free or look into a block.
 *
 * It first prints `address <hex> usable <bytes>` (0 when the pointer never was a block). A free
 * that another thread has to hear of may be noticed later, so the program then gives the allocator
 * every occasion to notice: the threads end, the heap works on, memory is trimmed. Only if nothing
 * happens does it print `survived` and exit with 3. `list` prints the cases, `ways` the ways. */
#include "check.h"
#include <dlfcn.h>
#include <new>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wuse-after-free"
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#pragma GCC diagnostic ignored "-Wfree-nonheap-object"
#pragma GCC diagnostic ignored "-Wint-to-pointer-cast"

/* A pointer about to be misused, with the size and alignment to claim for it. */
struct Victim {
    void *address;
    size_t size;
    size_t usable;
    size_t alignment = 16;
    bool in_another_thread = false;
    bool reused_at_once = false;
};

static void *must_find(const char *name) {
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == nullptr) {
        check_fail(__FILE__, __LINE__, "expected the symbol %s, got none", name);
    }
    return found;
}

/* ---- ways to misuse it */

struct Way {
    const char *name;
    void (*use)(const Victim &);
};

static void by_free_sized(const Victim &v) {
    ((void (*)(void *, size_t))must_find("free_sized"))(v.address, v.size);
}

static void by_free_aligned_sized(const Victim &v) {
    auto function = (void (*)(void *, size_t, size_t))must_find("free_aligned_sized");
    function(v.address, v.alignment, v.size);
}

static const Way ways[] = {
    {"free", [](const Victim &v) { free(v.address); }},
    {"realloc", [](const Victim &v) { hide_pointer(realloc(v.address, hide(v.size * 64 + 9))); }},
    {"realloc_to_zero", [](const Victim &v) { hide_pointer(realloc(v.address, hide(0))); }},
    {"reallocarray",
     [](const Victim &v) { hide_pointer(reallocarray(v.address, 64, v.size + 9)); }},
    {"malloc_usable_size", [](const Victim &v) { hide(malloc_usable_size(v.address)); }},
    {"free_sized", by_free_sized},
    {"free_aligned_sized", by_free_aligned_sized},
    {"delete", [](const Victim &v) { operator delete(v.address); }},
    {"delete_array", [](const Victim &v) { operator delete[](v.address); }},
    {"delete_sized", [](const Victim &v) { operator delete(v.address, v.size); }},
    {"delete_array_sized", [](const Victim &v) { operator delete[](v.address, v.size); }},
    {"delete_nothrow", [](const Victim &v) { operator delete(v.address, std::nothrow); }},
    {"delete_aligned",
     [](const Victim &v) { operator delete(v.address, std::align_val_t{v.alignment}); }},
    {"delete_sized_aligned",
     [](const Victim &v) { operator delete(v.address, v.size, std::align_val_t{v.alignment}); }},
    {"cfree", [](const Victim &v) { ((void (*)(void *))must_find("cfree"))(v.address); }},
    {"glebe_free", [](const Victim &v) { ((void (*)(void *))must_find("glebe_free"))(v.address); }},
};

/* ---- help for the cases */

static Victim live(size_t size) {
    char *block = (char *)must_malloc(size);
    block[0] = 1;
    return {block, size, malloc_usable_size(block)};
}

static Victim freed(size_t size) {
    Victim victim = live(size);
    free(victim.address);
    return victim;
}

static Victim moved(Victim victim, ptrdiff_t by) {
    victim.address = (char *)victim.address + by;
    return victim;
}

static Victim foreign(void *address, size_t size = 64) {
    return {address, size, 0};
}

template <class Work> static void in_thread(Work work) {
    pthread_t thread;
    auto start = [](void *argument) -> void * {
        (*(Work *)argument)();
        return nullptr;
    };
    CHECK_EQ(pthread_create(&thread, nullptr, start, &work), 0);
    CHECK_EQ(pthread_join(thread, nullptr), 0);
}

/* Runs its work in a thread that then sleeps until the process ends. */
template <class Work> static void in_sleeping_thread(Work work) {
    static pthread_barrier_t done;
    static Work *shared;
    shared = &work;
    pthread_barrier_init(&done, nullptr, 2);
    pthread_t thread;
    auto start = [](void *) -> void * {
        (*shared)();
        pthread_barrier_wait(&done);
        for (;;) pause();
        return nullptr;
    };
    CHECK_EQ(pthread_create(&thread, nullptr, start, nullptr), 0);
    pthread_barrier_wait(&done);
}

static void work_in_other_sizes(size_t but_not) {
    void *blocks[500];
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT(blocks); i++) {
            size_t size = 8 + i * 41 % 9000;
            blocks[i] = must_malloc(size <= but_not && size + but_not / 4 + 32 > but_not
                                        ? but_not * 3 + 64
                                        : size);
        }
        for (void *block : blocks) {
            free(block);
        }
    }
}

/* Points at a local of main. */
static char *stack_bytes;

static char static_bytes[256] __attribute__((aligned(64)));

__attribute__((aligned(64), noinline)) static void some_code() {
    __asm__ volatile("nop");
}

/* ---- mappings beside the heap: tables, guard gaps, land not yet opened */

struct Mapping {
    uintptr_t start, end;
};

/* The other mappings of the reservation that the heap's block lies in, that is, those that touch
 * each other without a hole and have no file. */
static size_t mappings_around(void *block, Mapping *found, size_t most) {
    static char text[1 << 20];
    size_t length = 0, count = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t got; (got = read(fd, text + length, sizeof text - 1 - length)) > 0;) {
        length += (size_t)got;
    }
    close(fd);
    bool has_block = false;
    uintptr_t last_end = 0;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        unsigned long start, end, inode;
        sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode);
        if (start != last_end || inode != 0) {
            if (has_block) break;
            count = 0;
        }
        last_end = inode == 0 ? end : 0;
        bool holds = start <= (uintptr_t)block && (uintptr_t)block < end;
        has_block |= holds;
        if (!holds && inode == 0 && count < most) {
            found[count++] = {start, end};
        }
    }
    return has_block ? count : 0;
}

/* Somewhere in the n-th mapping beside the heap; exit status 77 says that there is none. */
static Victim beside_the_heap(size_t n) {
    Mapping found[64];
    size_t count = mappings_around(must_malloc(64), found, COUNT(found));
    if (n >= count) {
        _exit(77);
    }
    uintptr_t middle = found[n].start + (found[n].end - found[n].start) / 2;
    return foreign((void *)(middle & ~(uintptr_t)15));
}

/* ---- the cases */

struct Case {
    const char *name;
    Victim (*prepare)();
};

static Victim freed_in_another_thread(size_t size, bool sleeping) {
    Victim victim = live(size);
    auto work = [&] { free(victim.address); };
    sleeping ? in_sleeping_thread(work) : in_thread(work);
    return victim;
}

static Victim from_ended_thread(size_t size, bool freed_there) {
    Victim victim{};
    in_thread([&] { victim = freed_there ? freed(size) : live(size); });
    return victim;
}

static Victim elsewhere(Victim victim) {
    victim.in_another_thread = true;
    return victim;
}

/* The slot is handed out again before anything else happens. */
static Victim reused(Victim victim) {
    victim.reused_at_once = true;
    return victim;
}

static Victim freed_in_a_batch(size_t size) {
    Victim batch[1000];
    for (Victim &one : batch) one = live(size);
    for (Victim &one : batch) free(one.address);
    return batch[500];
}

static Victim claimed(Victim victim, size_t size) {
    victim.size = size;
    return victim;
}

static Victim from_calloc(size_t count, size_t size) {
    void *block = calloc(hide(count), size);
    CHECK(block != nullptr);
    return {block, count * size, malloc_usable_size(block)};
}

static Victim aligned(size_t alignment, size_t size) {
    void *block = aligned_alloc(alignment, size);
    CHECK(block != nullptr);
    return {block, size, malloc_usable_size(block), alignment};
}

static const Case cases[] = {
    /* controls: nothing is wrong with these */
    {"valid_small", [] { return live(64); }},
    {"valid_medium", [] { return live(20000); }},
    {"valid_large", [] { return live(1 << 20); }},
    {"valid_null", [] { return foreign(nullptr, 100); }},
    {"valid_in_another_thread", [] { return elsewhere(live(64)); }},
    {"valid_from_ended_thread", [] { return from_ended_thread(64, false); }},
    {"valid_other_size_of_the_class", [] { return claimed(live(64), 50); }},
    /* double frees in one thread */
    {"double_small", [] { return freed(64); }},
    {"double_smallest", [] { return freed(1); }},
    {"double_medium", [] { return freed(20000); }},
    {"double_large", [] { return freed(1 << 20); }},
    {"double_huge", [] { return freed(200 << 20); }},
    {"double_after_other_work",
     [] { Victim v = freed(64); work_in_other_sizes(64); return v; }},
    {"double_medium_after_other_work",
     [] { Victim v = freed(20000); work_in_other_sizes(20000); return v; }},
    {"double_after_trim", [] { Victim v = freed(64); malloc_trim(0); return v; }},
    {"double_in_a_batch", [] { return freed_in_a_batch(48); }},
    {"double_in_a_batch_of_medium", [] { return freed_in_a_batch(3000); }},
    {"double_after_realloc_moved_it",
     [] { Victim v = live(64); hide_pointer(realloc(v.address, 100000)); return v; }},
    {"double_of_aligned",
     [] { Victim v = aligned(256, 512); free(v.address); return v; }},
    {"double_of_calloc",
     [] { Victim v = from_calloc(7, 16); free(v.address); return v; }},
    /* double frees between threads */
    {"owner_then_another", [] { return elsewhere(freed(64)); }},
    {"owner_then_another_medium", [] { return elsewhere(freed(20000)); }},
    {"owner_then_another_large", [] { return elsewhere(freed(1 << 20)); }},
    {"ended_thread_then_owner", [] { return freed_in_another_thread(64, false); }},
    {"ended_thread_then_owner_medium", [] { return freed_in_another_thread(20000, false); }},
    {"ended_thread_then_owner_large", [] { return freed_in_another_thread(1 << 20, false); }},
    {"ended_thread_then_owner_reused", [] { return reused(freed_in_another_thread(64, false)); }},
    {"sleeping_thread_then_owner_reused", [] { return reused(freed_in_another_thread(64, true)); }},
    {"sleeping_thread_then_owner", [] { return freed_in_another_thread(64, true); }},
    {"sleeping_thread_then_owner_medium", [] { return freed_in_another_thread(20000, true); }},
    {"sleeping_thread_then_owner_large", [] { return freed_in_another_thread(1 << 20, true); }},
    {"two_other_threads", [] { return elsewhere(freed_in_another_thread(64, false)); }},
    {"two_other_threads_medium", [] { return elsewhere(freed_in_another_thread(20000, false)); }},
    {"sleeping_thread_then_third", [] { return elsewhere(freed_in_another_thread(64, true)); }},
    {"owner_ended_freed_there", [] { return from_ended_thread(64, true); }},
    {"owner_ended_freed_there_medium", [] { return from_ended_thread(20000, true); }},
    {"owner_ended_freed_twice_here",
     [] { Victim v = from_ended_thread(64, false); free(v.address); return v; }},
    {"owner_ended_freed_here_then_elsewhere",
     [] { Victim v = from_ended_thread(64, false); free(v.address); return elsewhere(v); }},
    /* pointers into a live block */
    {"misaligned_by_1", [] { return moved(live(64), 1); }},
    {"misaligned_by_8", [] { return moved(live(64), 8); }},
    {"misaligned_in_large", [] { return moved(live(1 << 20), 4097); }},
    {"interior_16_of_64", [] { return moved(live(64), 16); }},
    {"interior_48_of_64", [] { return moved(live(64), 48); }},
    {"interior_64_of_256", [] { return moved(live(256), 64); }},
    {"interior_middle_of_medium", [] { return moved(live(20000), 10000); }},
    {"interior_of_medium_at_4096", [] { return moved(live(20000), 4096); }},
    {"interior_middle_of_large", [] { return moved(live(1 << 20), 1 << 19); }},
    {"interior_of_large_at_4096", [] { return moved(live(1 << 20), 4096); }},
    {"interior_of_large_at_16384", [] { return moved(live(1 << 20), 16384); }},
    {"interior_of_large_at_16", [] { return moved(live(100000), 16); }},
    {"interior_of_huge", [] { return moved(live(64 << 20), 32 << 20); }},
    {"interior_of_aligned", [] { return moved(aligned(4096, 8192), 4096); }},
    {"before_a_block", [] { return moved(live(64), -16); }},
    /* pointers that no allocator gave out */
    {"stack", [] { return foreign(stack_bytes); }},
    {"static_variable", [] { return foreign(static_bytes); }},
    {"static_variable_misaligned", [] { return foreign(static_bytes + 3); }},
    {"own_mapping", [] { return foreign(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); }},
    {"code", [] { return foreign((void *)some_code); }},
    {"small_integer", [] { return foreign((void *)0x10); }},
    {"small_integer_misaligned", [] { return foreign((void *)0xdeadbeef); }},
    {"not_canonical", [] { return foreign((void *)0xdeadbeefdeadbef0); }},
    {"top_of_address_space", [] { return foreign((void *)0xfffffffffffffff0); }},
    {"half_of_address_space", [] { return foreign((void *)0x8000000000000000); }},
    /* pointers into the region that were never handed out */
    {"past_everything", [] { return foreign((char *)must_malloc(64) + (64 << 20)); }},
    {"free_neighbour", [] { Victim v = live(1200); return moved(v, 3 * (long)v.usable); }},
    {"free_neighbour_of_medium", [] { Victim v = live(18000); return moved(v, (long)v.usable); }},
    {"past_a_large_block", [] { Victim v = live(1 << 20); return moved(v, (long)v.usable); }},
    {"beside_the_heap_0", [] { return beside_the_heap(0); }},
    {"beside_the_heap_1", [] { return beside_the_heap(1); }},
    {"beside_the_heap_2", [] { return beside_the_heap(2); }},
    {"beside_the_heap_3", [] { return beside_the_heap(3); }},
    {"beside_the_heap_4", [] { return beside_the_heap(4); }},
    {"beside_the_heap_5", [] { return beside_the_heap(5); }},
    /* sizes that the block was never asked for with */
    {"size_too_large", [] { return claimed(live(64), 4096); }},
    {"size_too_small", [] { return claimed(live(64), 16); }},
    {"size_zero_of_64", [] { return claimed(live(64), 0); }},
    {"size_one_class_up", [] { return claimed(live(64), 65); }},
    {"size_one_class_down", [] { return claimed(live(64), 48); }},
    {"size_of_large_for_small", [] { return claimed(live(64), 1 << 20); }},
    {"size_of_small_for_large", [] { return claimed(live(1 << 20), 64); }},
    {"size_of_larger_for_large", [] { return claimed(live(100000), 200000); }},
    {"size_of_smaller_for_large", [] { return claimed(live(200000), 100000); }},
    {"size_wrong_for_medium", [] { return claimed(live(20000), 30000); }},
    {"size_impossible", [] { return claimed(live(64), SIZE_MAX); }},
    {"size_wrong_for_aligned", [] { return claimed(aligned(64, 128), 1024); }},
    {"size_wrong_in_another_thread", [] { return elsewhere(claimed(live(64), 4096)); }},
};

/* Takes slots of the size until the address is handed out again, or most likely never will be. */
static void reuse(const Victim &victim) {
    for (size_t i = 0; i < 3000 && must_malloc(victim.size) != victim.address; i++) {
    }
}

/* Every occasion to notice a free that came from elsewhere. */
static void settle(const Victim &victim) {
    if (victim.reused_at_once) reuse(victim);
    for (int round = 0; round < 3; round++) {
        size_t but_not = round == 0 ? victim.size : 0;
        work_in_other_sizes(but_not);
        in_thread([=] { work_in_other_sizes(but_not); });
        malloc_trim(0);
    }
}

/* What the program does about SIGABRT, which must end it nevertheless. */
static void meddle_with_sigabrt(const char *how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    if (strcmp(how, "ignored") == 0) {
        signal(SIGABRT, SIG_IGN);
    } else if (strcmp(how, "blocked") == 0) {
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
    } else {
        signal(SIGABRT, [](int) { dprintf(1, "handled\n"); });
    }
}

static const Way *find_way(const char *name) {
    for (const Way &way : ways) {
        if (strcmp(way.name, name) == 0) return &way;
    }
    return nullptr;
}

static const Case *find_case(const char *name) {
    for (const Case &one : cases) {
        if (strcmp(one.name, name) == 0) return &one;
    }
    return nullptr;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (const Case &one : cases) puts(one.name);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "ways") == 0) {
        for (const Way &way : ways) puts(way.name);
        return 0;
    }
    const Case *chosen = argc >= 3 ? find_case(argv[1]) : nullptr;
    const Way *way = argc >= 3 ? find_way(argv[2]) : nullptr;
    if (chosen == nullptr || way == nullptr) {
        fprintf(stderr,
                "usage: %s CASE WAY [ignored|blocked|handled]; 'list' names the cases, 'ways' the "
                "ways; the last word is what the program does about SIGABRT\n",
                argv[0]);
        return 2;
    }
    if (argc > 3) meddle_with_sigabrt(argv[3]);
    alignas(64) char local[64];
    stack_bytes = (char *)hide_pointer(local);
    Victim victim = chosen->prepare();
    /* No stdio: its buffer might get the very memory that the case has given back. */
    char line[64];
    int length = snprintf(line, sizeof line, "address %#lx usable %zu\n",
                          (unsigned long)victim.address, victim.usable);
    /* Some cases close it. */
    if (write(1, line, (size_t)length) != length) errno = 0;
    victim.in_another_thread ? in_thread([&] { way->use(victim); }) : way->use(victim);
    settle(victim);
    dprintf(1, "survived\n");
    return strncmp(chosen->name, "valid", 5) == 0 ? 0 : 3;
}
