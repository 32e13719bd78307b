/* Starting programs, and processes that were made without fork's handlers: vfork, posix_spawn,
 * system, popen, _Fork, and clone called directly. The programs started are this one again, so
 * that the allocator works in them too. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static char *const again[] = {(char *)"/proc/self/exe", (char *)"allocate", NULL};

static void allocate(void) {
    for (size_t size = 1; size <= 2 * MIB; size = size * 3 / 2 + 1) {
        char *block = must_malloc(size), *zeroed = calloc(1, hide(size));
        CHECK(zeroed != NULL);
        fill(block, size, 3);
        block = realloc(block, hide(size * 2));
        CHECK(block != NULL);
        verify_kept(block, size, size, 3);
        free(block);
        free(zeroed);
    }
}

static void wait_for(pid_t pid) {
    int status;
    CHECK_THAT(pid, >, 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void *allocate_forever(void *unused) {
    for (;;) {
        allocate();
    }
    return unused;
}

static void start_busy_thread(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, allocate_forever, NULL), 0);
    usleep(1000);
}

/* The name of this program, which the shell and vfork's child need in full. */
static const char *own_name(void) {
    static char name[4096];
    ssize_t length = readlink("/proc/self/exe", name, sizeof name - 1);
    CHECK_THAT(length, >, 0);
    return name;
}

static void vfork_and_exec(void) {
    const char *name = own_name();
    start_busy_thread();
    for (size_t i = 0; i < 50; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execv(name, again);
            _exit(127);
        }
        wait_for(pid);
    }
}

static void posix_spawn_starts_programs(void) {
    start_busy_thread();
    for (size_t i = 0; i < 50; i++) {
        pid_t pid;
        CHECK_EQ(posix_spawn(&pid, own_name(), NULL, NULL, again, environ), 0);
        wait_for(pid);
    }
}

static void system_runs_commands(void) {
    char command[5000];
    snprintf(command, sizeof command, "'%s' allocate && '%s' allocate", own_name(), own_name());
    start_busy_thread();
    for (size_t i = 0; i < 20; i++) {
        CHECK_EQ(system(command), 0);
    }
}

static void popen_reads_and_writes(void) {
    start_busy_thread();
    for (size_t i = 0; i < 20; i++) {
        char line[100] = "";
        FILE *from = popen("echo from a shell; cat /dev/null", "r");
        CHECK(from != NULL);
        CHECK(fgets(line, sizeof line, from) != NULL);
        CHECK_EQ(strcmp(line, "from a shell\n"), 0);
        CHECK_EQ(pclose(from), 0);
        FILE *to = popen("cat > /dev/null", "w");
        CHECK(to != NULL);
        CHECK_THAT(fprintf(to, "%0*d\n", 100000, 7), >, 100000);
        CHECK_EQ(pclose(to), 0);
    }
}

static void plain_fork_without_handlers(void) {
    allocate();
    for (size_t i = 0; i < 50; i++) {
        pid_t pid = _Fork();
        if (pid == 0) {
            allocate();
            _exit(0);
        }
        wait_for(pid);
    }
}

/* As a container run-time does it: the C library does not know about this process. */
static pid_t raw_clone(void) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void clone_called_directly(void) {
    allocate();
    for (size_t i = 0; i < 50; i++) {
        pid_t pid = raw_clone();
        if (pid == 0) {
            allocate();
            _exit(0);
        }
        wait_for(pid);
    }
}

static pthread_barrier_t asleep;
static void *from_sleeper[200];

static void *allocate_and_sleep(void *unused) {
    for (size_t i = 0; i < COUNT(from_sleeper); i++) {
        from_sleeper[i] = must_malloc(i * 50 + 1);
    }
    pthread_barrier_wait(&asleep);
    for (;;) {
        pause();
    }
    return unused;
}

/* The other thread is outside the allocator, so that its locks are free in the child. */
static void clone_beside_a_sleeping_thread(void) {
    pthread_t thread;
    CHECK_EQ(pthread_barrier_init(&asleep, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, allocate_and_sleep, NULL), 0);
    pthread_barrier_wait(&asleep);
    for (size_t i = 0; i < 50; i++) {
        pid_t pid = raw_clone();
        if (pid == 0) {
            for (size_t j = 0; j < COUNT(from_sleeper); j++) {
                free(from_sleeper[j]);
            }
            allocate();
            _exit(0);
        }
        wait_for(pid);
    }
}

static int allocate_in_clone(void *unused) {
    (void)unused;
    allocate();
    return 0;
}

/* CLONE_VM: a process that shares this one's memory, while its parent waits. */
static void clone_that_shares_memory(void) {
    size_t size = 256 * KIB;
    for (size_t i = 0; i < 20; i++) {
        char *stack = must_malloc(size);
        wait_for(clone(allocate_in_clone, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
        free(stack);
        allocate();
    }
}

static const struct mode modes[] = {
    MODE(allocate),
    MODE(vfork_and_exec),
    MODE(posix_spawn_starts_programs),
    MODE(system_runs_commands),
    MODE(popen_reads_and_writes),
    MODE(plain_fork_without_handlers),
    MODE(clone_called_directly),
    MODE(clone_beside_a_sleeping_thread),
    MODE(clone_that_shares_memory),
};

MAIN_WITH_MODES(modes)
