/* supplier.c - chapter 1: blocks from the kernel, and what is cut out of them. */
#include "lab.h"

enum { KERNEL_BLOCKS = 64 };

/* The kernel: a range of blocks, handed out from the bottom, taken back by count. */
static _Alignas(MEM_BLOCK_SIZE) unsigned char kernel[KERNEL_BLOCKS][MEM_BLOCK_SIZE];
static size_t lengths[KERNEL_BLOCKS], asked, next_block, in_use;

static void *block_alloc(size_t n) {
    if (n > KERNEL_BLOCKS - next_block) {
        return NULL;
    }
    unsigned char *grant = kernel[next_block];
    lengths[next_block] = n;
    next_block += n;
    in_use += n;
    asked++;
    return grant;
}

static void block_free(void *ptr) {
    size_t first = (size_t)((unsigned char(*)[MEM_BLOCK_SIZE])ptr - kernel);
    in_use -= lengths[first];
    if (in_use == 0) {
        next_block = 0;
    }
}

/* An empty pool over the kernel's blocks. */
static void begin_on_kernel(void) {
    clear();
    struct mem_config config = {
        .supplier = MEM_SUPPLIER_KERNEL,
        .fit = MEM_FIT_FIRST,
        .tags = MEM_TAGS_INLINE,
        .block_alloc = block_alloc,
        .block_free = block_free,
    };
    int result = mem_init(&config);
    assert(result == MEM_OK);
    asked = 0;
}

/* Many small requests share a block of the kernel. */
static void share(void) {
    puts("-- 1.1 many requests, few blocks");
    begin_on_kernel();
    printf("at the start: blocks %zu\n", in_use);
    for (int i = 1; i <= 100; i++) {
        take(100);
        if (i == 1 || i == 10 || i == 100) {
            printf("%d times 100 bytes: blocks %zu, asked %zu times\n", i, in_use, asked);
        }
    }
    draw("1-shared-block", 0);
    clear();
    printf("all freed: blocks %zu\n", in_use);
}

/* A request larger than a block gets several in one piece. */
static void large(void) {
    puts("-- 1.2 one request, many blocks");
    static const size_t sizes[] = {3000, 5000, 20000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin_on_kernel();
        take(sizes[i]);
        printf("%zu bytes: blocks %zu\n", sizes[i], in_use);
    }
    begin_on_kernel();
    printf("300000 bytes of 64 blocks: %s\n", try_take(300000) == NULL ? "null" : "a block");
}

/* By how many bytes the break is above where it was. */
static size_t raised(const unsigned char *start) {
    return (size_t)((const unsigned char *)sbrk(0) - start);
}

/* The program break goes up and down again. */
static void program_break(void) {
    puts("-- 1.3 the program break");
    clear();
    struct mem_config config = {
        .supplier = MEM_SUPPLIER_BREAK, .tags = MEM_TAGS_INLINE, .step = 4096, .spare = 1};
    int result = mem_init(&config);
    assert(result == MEM_OK);
    unsigned char *start = sbrk(0), *blocks[3];
    for (int i = 0; i < 3; i++) {
        blocks[i] = take(10000);
        printf("block %d taken: %zu KiB\n", i + 1, raised(start) / 1024);
    }
    draw("1-program-break", 0);
    static const int order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        put_back(blocks[order[i]]);
        printf("block %d freed: %zu KiB\n", order[i] + 1, raised(start) / 1024);
    }
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    share();
    large();
    program_break();
    return 0;
}
