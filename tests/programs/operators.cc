/* Every form of operator new and delete, and what they owe to the new handler and to bad_alloc. */
#include "check.h"
#include <dlfcn.h>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#pragma GCC diagnostic ignored "-Wuse-after-free"

static const size_t sizes[] = {0, 1, 8, 16, 17, 100, 256, 257, 1000, 4096, 32768, 32769, 1 << 20};
static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 15, (size_t)PTRDIFF_MAX + 1,
                                    (size_t)1 << 47};

static void use(void *block, size_t size, size_t alignment) {
    CHECK(block != nullptr);
    CHECK_EQ((uintptr_t)block % alignment, 0);
    CHECK_THAT(malloc_usable_size(block), >=, size);
    fill(block, size, 1);
    verify(block, size, 1);
}

static void plain_and_sized_forms() {
    for (size_t size : sizes) {
        void *block = operator new(hide(size));
        use(block, size, 16);
        operator delete(block);
        block = operator new(hide(size));
        operator delete(block, size);
        block = operator new[](hide(size));
        use(block, size, 16);
        operator delete[](block);
        block = operator new[](hide(size));
        operator delete[](block, size);
    }
}

static void nothrow_forms() {
    for (size_t size : sizes) {
        void *block = operator new(hide(size), std::nothrow);
        use(block, size, 16);
        operator delete(block, std::nothrow);
        block = operator new[](hide(size), std::nothrow);
        use(block, size, 16);
        operator delete[](block, std::nothrow);
        operator delete(operator new(hide(size), std::nothrow), size);
    }
}

static void aligned_forms() {
    for (size_t alignment = 1; alignment <= MIB; alignment *= 2) {
        std::align_val_t to{alignment};
        for (size_t size : sizes) {
            void *block = operator new(hide(size), to);
            use(block, size, alignment);
            operator delete(block, to);
            block = operator new[](hide(size), to);
            use(block, size, alignment);
            operator delete[](block, to);
            block = operator new(hide(size), to);
            operator delete(block, size, to);
            block = operator new[](hide(size), to);
            operator delete[](block, size, to);
        }
    }
}

static void aligned_nothrow_forms() {
    for (size_t alignment = 1; alignment <= MIB; alignment *= 2) {
        std::align_val_t to{alignment};
        for (size_t size : sizes) {
            void *block = operator new(hide(size), to, std::nothrow);
            use(block, size, alignment);
            operator delete(block, to, std::nothrow);
            block = operator new[](hide(size), to, std::nothrow);
            use(block, size, alignment);
            operator delete[](block, to, std::nothrow);
        }
    }
}

static void null_may_be_deleted_by_every_form() {
    void *null = hide_pointer(nullptr);
    std::align_val_t to{64};
    operator delete(null);
    operator delete[](null);
    operator delete(null, std::nothrow);
    operator delete[](null, std::nothrow);
    operator delete(null, 100);
    operator delete[](null, 100);
    operator delete(null, to);
    operator delete[](null, to);
    operator delete(null, to, std::nothrow);
    operator delete[](null, to, std::nothrow);
    operator delete(null, 100, to);
    operator delete[](null, 100, to);
}

template <class Allocate> static void must_throw(Allocate allocate) {
    try {
        hide_pointer(allocate());
    } catch (const std::bad_array_new_length &) {
        check_fail(__FILE__, __LINE__, "expected bad_alloc, got bad_array_new_length");
    } catch (const std::bad_alloc &error) {
        CHECK(error.what() != nullptr);
        return;
    }
    check_fail(__FILE__, __LINE__, "expected bad_alloc, got a block");
}

static void impossible_sizes_throw_bad_alloc() {
    for (size_t size : impossible) {
        for (int round = 0; round < 100; round++) {
            must_throw([=] { return operator new(hide(size)); });
            must_throw([=] { return operator new[](hide(size)); });
            must_throw([=] { return operator new(hide(size), std::align_val_t{64}); });
            must_throw([=] { return operator new[](hide(size), std::align_val_t{4096}); });
        }
    }
}

static void impossible_sizes_give_null_when_nothrow() {
    for (size_t size : impossible) {
        CHECK_EQ(operator new(hide(size), std::nothrow), nullptr);
        CHECK_EQ(operator new[](hide(size), std::nothrow), nullptr);
        CHECK_EQ(operator new(hide(size), std::align_val_t{64}, std::nothrow), nullptr);
        CHECK_EQ(operator new[](hide(size), std::align_val_t{64}, std::nothrow), nullptr);
    }
}

static void lengths_that_overflow_throw_bad_array_new_length() {
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 4 + 2, (size_t)1 << 62};
    for (size_t length : lengths) {
        bool caught = false;
        try {
            hide_pointer(new int[hide(length)]);
        } catch (const std::bad_array_new_length &) {
            caught = true;
        }
        CHECK(caught);
    }
}

static int handler_calls;

struct HandlerFailure : std::bad_alloc {};

static void handler_that_throws() {
    if (++handler_calls == 5) {
        throw HandlerFailure();
    }
}

static void handler_that_gives_up() {
    if (++handler_calls == 3) {
        std::set_new_handler(nullptr);
    }
}

static void new_handler_is_called_until_it_throws() {
    std::set_new_handler(handler_that_throws);
    for (int form = 0; form < 4; form++) {
        handler_calls = 0;
        bool caught = false;
        try {
            size_t size = hide(SIZE_MAX);
            std::align_val_t to{128};
            hide_pointer(form == 0   ? operator new(size)
                         : form == 1 ? operator new[](size)
                         : form == 2 ? operator new(size, to)
                                     : operator new[](size, to));
        } catch (const HandlerFailure &) {
            caught = true;
        }
        CHECK(caught);
        CHECK_EQ(handler_calls, 5);
    }
}

static void new_handler_that_throws_gives_null_when_nothrow() {
    std::set_new_handler(handler_that_throws);
    for (int form = 0; form < 4; form++) {
        handler_calls = 0;
        size_t size = hide(SIZE_MAX);
        std::align_val_t to{128};
        void *block = form == 0   ? operator new(size, std::nothrow)
                      : form == 1 ? operator new[](size, std::nothrow)
                      : form == 2 ? operator new(size, to, std::nothrow)
                                  : operator new[](size, to, std::nothrow);
        CHECK_EQ(block, nullptr);
        CHECK_EQ(handler_calls, 5);
    }
}

static void new_handler_is_called_until_it_is_unset() {
    handler_calls = 0;
    std::set_new_handler(handler_that_gives_up);
    must_throw([] { return operator new(hide(SIZE_MAX)); });
    CHECK_EQ(handler_calls, 3);
    handler_calls = 0;
    std::set_new_handler(handler_that_gives_up);
    CHECK_EQ(operator new(hide(SIZE_MAX), std::nothrow), nullptr);
    CHECK_EQ(handler_calls, 3);
}

static std::vector<void *> *ballast;

static void handler_that_frees_memory() {
    handler_calls++;
    CHECK(!ballast->empty());
    for (int i = 0; i < 2 && !ballast->empty(); i++) {
        free(ballast->back());
        ballast->pop_back();
    }
}

/* Run by its test in a small address space, which the ballast fills up. */
static void new_handler_is_called_until_memory_is_free() {
    ballast = new std::vector<void *>();
    ballast->reserve(100000);
    while (void *block = malloc(hide(MIB))) {
        ballast->push_back(block);
        CHECK_THAT(ballast->size(), <, 100000);
    }
    std::set_new_handler(handler_that_frees_memory);
    char *block = (char *)operator new(hide(16 * MIB));
    CHECK_THAT(handler_calls, >=, 1);
    block[0] = block[16 * MIB - 1] = 1;
    operator delete(block);
    for (void *rest : *ballast) {
        free(rest);
    }
}

static void operators_and_malloc_come_from_one_library() {
    Dl_info of_malloc, of_new, of_delete;
    void *(*plain)(size_t) = operator new;
    void (*remove)(void *, size_t) = operator delete;
    CHECK(dladdr((void *)malloc, &of_malloc) != 0);
    CHECK(dladdr((void *)plain, &of_new) != 0);
    CHECK(dladdr((void *)remove, &of_delete) != 0);
    if (of_malloc.dli_fbase != of_new.dli_fbase || of_malloc.dli_fbase != of_delete.dli_fbase) {
        check_fail(__FILE__, __LINE__, "malloc is from %s, operator new from %s, delete from %s",
                   of_malloc.dli_fname, of_new.dli_fname, of_delete.dli_fname);
    }
}

struct Base {
    virtual ~Base() {}
    char bytes[40];
};

struct Derived : Base {
    std::string text = std::string(300, 'x');
    char more[500];
};

struct alignas(256) Wide {
    char bytes[700];
    ~Wide() { bytes[0] = 1; }
};

struct Throws {
    std::string text = std::string(100, 'y');
    char bytes[3000];
    Throws() { throw 7; }
};

static void objects_and_arrays_live_and_die() {
    for (int round = 0; round < 2000; round++) {
        std::unique_ptr<Base> polymorphic(new Derived);
        std::unique_ptr<Wide> wide(new Wide);
        std::unique_ptr<Wide[]> wides(new Wide[round % 9]);
        std::unique_ptr<std::string[]> strings(new std::string[round % 40]);
        CHECK_EQ((uintptr_t)wide.get() % 256, 0);
        CHECK_EQ((uintptr_t)wides.get() % 256, 0);
    }
}

static void constructors_that_throw_leak_nothing() {
    long before = rss_kib();
    for (int round = 0; round < 30000; round++) {
        int caught = 0;
        try {
            hide_pointer(new Throws);
        } catch (int thrown) {
            caught = thrown;
        }
        CHECK_EQ(caught, 7);
    }
    CHECK_THAT(rss_kib() - before, <, 8 * 1024);
}

static void containers_work() {
    std::unordered_map<std::string, std::vector<int>> map;
    for (int i = 0; i < 200000; i++) {
        map["key number " + std::to_string(i % 5000)].push_back(i);
        if (i % 7 == 0) {
            map.erase("key number " + std::to_string(i * 31 % 5000));
        }
    }
    CHECK_THAT(map.size(), >, 100);
}

static const struct mode modes[] = {
    MODE(plain_and_sized_forms),
    MODE(nothrow_forms),
    MODE(aligned_forms),
    MODE(aligned_nothrow_forms),
    MODE(null_may_be_deleted_by_every_form),
    MODE(impossible_sizes_throw_bad_alloc),
    MODE(impossible_sizes_give_null_when_nothrow),
    MODE(lengths_that_overflow_throw_bad_array_new_length),
    MODE(new_handler_is_called_until_it_throws),
    MODE(new_handler_that_throws_gives_null_when_nothrow),
    MODE(new_handler_is_called_until_it_is_unset),
    MODE(new_handler_is_called_until_memory_is_free),
    MODE(operators_and_malloc_come_from_one_library),
    MODE(objects_and_arrays_live_and_die),
    MODE(constructors_that_throw_leak_nothing),
    MODE(containers_work),
};

MAIN_WITH_MODES(modes)
