/* Plugins: a shared library that is loaded and unloaded a thousand times, by the main thread, by
 * threads that end before or after it is gone. And the allocator itself as a plugin: loaded late,
 * used under its prefixed names beside the system's own. The path is the second argument. */
#include "check.h"
#include <dlfcn.h>
#include <pthread.h>

static const char *library_path;

typedef char *(*work_function)(char *);

static void *open_library(void) {
    void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        check_fail(__FILE__, __LINE__, "expected %s to load, got: %s", library_path, dlerror());
    }
    return library;
}

static void *must_have(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (found == NULL) {
        check_fail(__FILE__, __LINE__, "expected the symbol %s in %s", name, library_path);
    }
    return found;
}

/* Has the plugin work; what it returns outlives it. */
static char *work(void *library) {
    char *result = ((work_function)must_have(library, "plugin_work"))(must_malloc(3000));
    CHECK(result != NULL);
    CHECK_THAT(strlen(result), >, 5000);
    return result;
}

static void *load_and_unload(void *unused) {
    void *library = open_library();
    char *result = work(library);
    CHECK_EQ(dlclose(library), 0);
    CHECK_EQ(result[0], 'c');
    free(result);
    return unused;
}

static void in_a_thread(void *(*run)(void *), void *argument) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run, argument), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Loads the plugin again and again. The C++ library stays loaded all the time: had the plugin
 * brought it in, its references to the plugin would keep both. */
static void repeat_with_flat_memory(void (*once)(void)) {
    long before = 0;
    CHECK(dlopen("libstdc++.so.6", RTLD_NOW | RTLD_GLOBAL) != NULL);
    for (size_t round = 0; round < 1000; round++) {
        once();
        if (round == 200) {
            before = rss_kib();
        }
    }
    CHECK_THAT(rss_kib(), <=, before + 1024);
}

static void load_in_main(void) {
    load_and_unload(NULL);
}

/* The main thread's thread_local objects keep the plugin loaded: dlclose only counts down. */
static void loaded_a_thousand_times_by_main(void) {
    repeat_with_flat_memory(load_in_main);
}

static void load_in_thread(void) {
    in_a_thread(load_and_unload, NULL);
}

static void loaded_a_thousand_times_by_threads(void) {
    repeat_with_flat_memory(load_in_thread);
}

static void *use_library(void *library) {
    free(work(library));
    return NULL;
}

static void use_in_thread_unload_in_main(void) {
    void *library = open_library();
    in_a_thread(use_library, library);
    in_a_thread(use_library, library);
    CHECK_EQ(dlclose(library), 0);
    CHECK_EQ(dlopen(library_path, RTLD_NOW | RTLD_NOLOAD), NULL);
}

static void used_by_threads_unloaded_by_main(void) {
    repeat_with_flat_memory(use_in_thread_unload_in_main);
}

/* ---- the allocator loaded late */

static void *(*late_malloc)(size_t);
static void (*late_free)(void *);

static void open_late(void) {
    void *library = open_library();
    late_malloc = (void *(*)(size_t))must_have(library, "glebe_malloc");
    late_free = (void (*)(void *))must_have(library, "glebe_free");
}

static void *use_late(void *unused) {
    char *blocks[300];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = late_malloc(i * i + 1);
        CHECK(blocks[i] != NULL);
        fill(blocks[i], i * i + 1, (unsigned)i);
        free(must_malloc(i * i + 1));
    }
    for (size_t i = 0; i < COUNT(blocks); i++) {
        verify(blocks[i], i * i + 1, (unsigned)i);
        late_free(blocks[i]);
    }
    return unused;
}

static void the_allocator_can_be_loaded_late(void) {
    open_late();
    use_late(NULL);
    for (size_t i = 0; i < 20; i++) {
        in_a_thread(use_late, NULL);
    }
}

static pthread_barrier_t used, closed;

static void *use_and_outlive(void *unused) {
    use_late(NULL);
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return unused;
}

/* A thread that used it ends after it was closed: what it left for the thread's end must not point
 * into unmapped code. */
static void a_thread_may_end_after_the_allocator_was_closed(void) {
    pthread_t thread;
    CHECK_EQ(pthread_barrier_init(&used, NULL, 2), 0);
    CHECK_EQ(pthread_barrier_init(&closed, NULL, 2), 0);
    void *library = open_library();
    open_late();
    CHECK_EQ(pthread_create(&thread, NULL, use_and_outlive, NULL), 0);
    pthread_barrier_wait(&used);
    CHECK_EQ(dlclose(library), 0);
    CHECK_EQ(dlclose(library), 0);
    pthread_barrier_wait(&closed);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static const struct mode modes[] = {
    MODE(loaded_a_thousand_times_by_main),
    MODE(loaded_a_thousand_times_by_threads),
    MODE(used_by_threads_unloaded_by_main),
    MODE(the_allocator_can_be_loaded_late),
    MODE(a_thread_may_end_after_the_allocator_was_closed),
};

int main(int argc, char **argv) {
    library_path = argc > 2 ? argv[2] : "";
    return run_modes(modes, COUNT(modes), argc, argv);
}
