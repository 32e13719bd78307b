/* glebe.h in C++11, and C++'s own operators beside it; linked with the library in every way there
 * is. Nothing of C++'s library is used that would bring its exceptions into a static program. */
#include <glebe.h>

#include "check.h"

#include <new>

/* No exception leaves any function: callers need no clean-up for it. */
static_assert(noexcept(glebe_malloc(1)), "glebe_malloc may throw");
static_assert(noexcept(glebe_free(nullptr)), "glebe_free may throw");
static_assert(noexcept(glebe_malloc_info(0, stdout)), "glebe_malloc_info may throw");

/* As containers use it. */
template <typename T>
struct Allocator {
    typedef T value_type;
    T *allocate(size_t count) {
        void *block = glebe_reallocarray(nullptr, count, sizeof(T));
        CHECK(block != NULL);
        return static_cast<T *>(block);
    }
    void deallocate(T *block, size_t count) { glebe_free_sized(block, count * sizeof(T)); }
};

static void functions_have_c_names(void) {
    Allocator<long> allocator;
    long *block = allocator.allocate(hide(1000));
    CHECK_THAT(glebe_malloc_usable_size(block), >=, 1000 * sizeof(long));
    allocator.deallocate(block, 1000);
    CHECK_EQ(strcmp(glebe_version(), GLEBE_VERSION), 0);
}

struct alignas(16) Object {
    char bytes[20];
};

static void operators_are_the_librarys(void) {
    Object *object = new Object;
    CHECK_EQ(glebe_malloc_usable_size(hide_pointer(object)), 32);
    delete object;
    char *array = new char[hide(40)];
    CHECK_EQ(glebe_malloc_usable_size(hide_pointer(array)), 48);
    delete[] array;
    CHECK_EQ(hide_pointer(new (std::nothrow) char[hide(SIZE_MAX / 4)]), nullptr);
}

static void plain_names_are_the_librarys(void) {
    void *block = must_malloc(20);
    CHECK_EQ(glebe_malloc_usable_size(block), 32);
    free(block);
}

/* Nothing here names bad_alloc's type, so a linker may think that nobody needs it. */
static void without_memory_new_throws(void) {
    bool caught = false;
    try {
        hide_pointer(new char[hide(SIZE_MAX / 4)]);
    } catch (...) {
        caught = true;
    }
    CHECK(caught);
}

/* The process ends in the second delete. */
static void double_delete(void) {
    Object *object = new Object, *again = static_cast<Object *>(hide_pointer(object));
    delete object;
    delete again;
}

static const struct mode modes[] = {
    MODE(functions_have_c_names),
    MODE(operators_are_the_librarys),
    MODE(plain_names_are_the_librarys),
    MODE(without_memory_new_throws),
    MODE(double_delete),
};

MAIN_WITH_MODES(modes)
