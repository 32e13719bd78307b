/* pools_bare.c - libglebe_mem in a program without any C library: the four functions that compilers
 * call, a kernel of 64 blocks, output and the end by system calls. Linked by -nostdlib, so that
 * anything more that the library needed would be an error. */
#include <glebe_mem.h>

void *memcpy(void *to, const void *from, size_t n) {
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return result;
}

void *memset(void *to, int byte, size_t n) {
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t n) {
    char *target = to;
    const char *source = from;
    for (size_t i = 0; i < n; i++) {
        size_t at = target < source ? i : n - 1 - i;
        target[at] = source[at];
        __asm__ volatile("" : : : "memory");
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t n) {
    const unsigned char *a = left, *b = right;
    for (; n > 0; a++, b++, n--) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}

static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

static __attribute__((noreturn)) void end(int status) {
    for (;;) {
        call(231, status, 0, 0);
    }
}

static _Alignas(MEM_BLOCK_SIZE) char memory[64][MEM_BLOCK_SIZE];
static size_t next, back;

/* Hands out the blocks one after the other. */
void *mem_block_alloc(size_t n) {
    if (n > 64 - next) {
        return NULL;
    }
    next += n;
    return memory[next - n];
}

void mem_block_free(void *ptr) {
    back += ptr != NULL;
}

static ptrdiff_t on_write(int fd, const void *bytes, size_t n) {
    return call(1, fd, (long)bytes, (long)n);
}

static int faults;

static void on_fault(const char *line, void *address) {
    (void)line, (void)address;
    faults++;
}

static void check(int holds, int number) {
    if (!holds) {
        end(number);
    }
}

/* The stack is as the kernel left it; the call makes it as functions expect. */
__asm__(".globl _start\n_start: call begin");

__attribute__((used, noreturn)) void begin(void) {
    char *first = mem_alloc(100);
    check(first >= memory[0] && first < memory[64], 1);
    mem_free(first);
    check(back == 1, 2);
    struct mem_config config;
    memset(&config, 0, sizeof config);
    config.fit = MEM_FIT_BEST;
    config.tags = MEM_TAGS_INLINE;
    config.write = on_write;
    config.fault = on_fault;
    check(mem_init(&config) == MEM_OK, 3);
    char *block = mem_alloc_clear(10, 10);
    check(block >= memory[0] && block[99] == 0, 4);
    block = mem_realloc(block, 9000);
    check(block != NULL && block[99] == 0, 5);
    mem_free(block + 16);
    check(faults == 1, 6);
    check(mem_alloc(1 << 20) == NULL, 7);
    mem_dump();
    mem_free(block);
    char *heap = os_malloc(100);
    check(heap != NULL, 8);
    heap[99] = 1;
    heap = os_realloc(heap, 200000);
    check(heap != NULL && heap[99] == 1, 9);
    os_free(heap);
    end(0);
}
