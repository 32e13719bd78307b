/* glebe_mem.h - heaps over blocks of memory: mem_alloc and os_malloc.
 *
 * Two small allocators in the shape that operating system courses, kernels and embedded systems
 * give them, beside the malloc family and independent of it:
 *
 *   mem_*   one pool. Where its blocks of 4096 bytes come from, how a free block is chosen and
 *           where the records are kept can be configured by mem_init(); nobody has to.
 *   os_*    a heap on the program break, with best fit and a header and footer around each block,
 *           and mappings for what is large: malloc as it was of old.
 *
 * A program links with libglebe_mem.a, or with libglebe_mem.so:
 *
 *   cc program.c libglebe_mem.a
 *
 * They are a library of their own, and not part of libglebe.so, because that one is preloaded into
 * programs that may have functions of these names themselves, which then would get ours. The two
 * can be in one process; a block belongs to the functions it came from.
 *
 * Promises that hold for all functions here:
 *
 *   - Blocks are aligned to 16 bytes; their length is a multiple of 16.
 *   - No memory, or a size over PTRDIFF_MAX, is a null pointer, with ENOMEM in errno where there
 *     is a C library. A size of 0 is a null pointer, too, and no error.
 *   - A bad pointer (freed before, not the start of a block, not of this pool) ends the process by
 *     abort(), at this very call, after one line on standard error that begins with "glebe: ". With
 *     mem_config.fault the program decides itself, and the call then does nothing.
 *     A write into a free block, or with inline tags past the end of one, is noticed and reported
 *     alike when the pool next comes by.
 *   - Every thread may call every function. One lock guards them all, a futex; without a second
 *     thread it costs no system call. In a child of a program with several threads only exec is
 *     safe after fork. None may be called by a signal handler.
 *   - Nothing here calls malloc, free or any other function of the C library that allocates. A
 *     program without a C library needs to bring memcpy, memmove, memset and memcmp, and nothing
 *     else; it then names its own supplier, and `write` and `fault` in mem_config.
 *   - f is the number of free blocks below. With the default policy all calls take constant time
 *     beside what the supplier takes, and beside copying and zeroing.
 *
 * Compilers are told nothing of what these functions do, so that programs may look at freed
 * pointers and at what lies around a block, as tests of an allocator do. With GLEBE_MEM_STRICT
 * defined before the #include they know as much as of malloc: they warn of leaks, double frees and
 * overflows, and take two blocks from different calls to be different even if the first was freed.
 *
 * Needs C89 with <stddef.h>, or C++98.
 */
#ifndef GLEBE_MEM_H
#define GLEBE_MEM_H

#include <stddef.h>

/* What compilers can be told about a function; nothing where they cannot. */
#if defined(__GNUC__) && defined(__has_attribute)
#define GLEBE_MEM_ATTRIBUTE(list) __attribute__(list)
#else
#define GLEBE_MEM_ATTRIBUTE(list)
#endif

/* No exception leaves the function. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define GLEBE_MEM_NOTHROW noexcept
#elif defined(__cplusplus)
#define GLEBE_MEM_NOTHROW throw()
#else
#define GLEBE_MEM_NOTHROW GLEBE_MEM_ATTRIBUTE((__nothrow__))
#endif

/* The result is new memory, or old memory of a new size: of as many bytes as the parameters say
 * whose numbers stand in `size`, in parentheses. Only the functions named may free it. */
#if defined(GLEBE_MEM_STRICT)
#define GLEBE_MEM_NEW(size)                                                                        \
    GLEBE_MEM_NOTHROW GLEBE_MEM_ATTRIBUTE((__malloc__)) GLEBE_MEM_SIZED(size)
#define GLEBE_MEM_AGAIN(size) GLEBE_MEM_NOTHROW GLEBE_MEM_SIZED(size)
#define GLEBE_MEM_SIZED(size)                                                                      \
    GLEBE_MEM_ATTRIBUTE((__alloc_size__ size, __assume_aligned__(16), __warn_unused_result__))
#else
#define GLEBE_MEM_NEW(size) GLEBE_MEM_NOTHROW
#define GLEBE_MEM_AGAIN(size) GLEBE_MEM_NOTHROW
#endif
#if defined(GLEBE_MEM_STRICT) && defined(__GNUC__) && __GNUC__ >= 11 && !defined(__clang__)
#define GLEBE_MEM_PAIR(free, again)                                                                \
    GLEBE_MEM_ATTRIBUTE((__malloc__(free, 1), __malloc__(again, 1)))
#else
#define GLEBE_MEM_PAIR(free, again)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mem_*: one pool ------------------------------------------------------------------------ */

/* Frees a block; null is nothing. The block becomes one with free neighbours. */
void mem_free(void *ptr) GLEBE_MEM_NOTHROW;

/* Gives a block of mem_alloc at least `n` bytes; the contents are kept up to the smaller size. In
 * place where it can: a block shrinks in place, and grows into the free block behind it; next into
 * the one in front, which moves the contents; else it moves. After success only the result may be
 * used. A null `ptr` is allocated. With `n` = 0 the block is freed and the result is null. If there
 * is no memory the result is null, and the block stays as it is. */
void *mem_realloc(void *ptr, size_t n) GLEBE_MEM_AGAIN((2));

/* The same under another name. */
void *mem_resize(void *ptr, size_t size) GLEBE_MEM_AGAIN((2));

/* Joins free blocks that wait to be joined, and gives back to the supplier what is wholly free
 * then. Only MEM_FIT_QUICK lets blocks wait, and gives back nothing in which one does; to others
 * this does nothing. Takes time in proportion to the blocks that wait. */
void mem_trim(void) GLEBE_MEM_NOTHROW;

/* A block of at least `n` bytes with undefined contents. Null if `n` is 0 or there is no memory. */
void *mem_alloc(size_t n)
    GLEBE_MEM_NEW((1)) GLEBE_MEM_PAIR(mem_free, mem_realloc) GLEBE_MEM_PAIR(mem_resize, mem_resize);

/* A block for `n` elements of `size` bytes, all zero. Null if the product is 0 or overflows, or if
 * there is no memory. */
void *mem_alloc_clear(size_t n, size_t size)
    GLEBE_MEM_NEW((1, 2)) GLEBE_MEM_PAIR(mem_free, mem_realloc)
    GLEBE_MEM_PAIR(mem_resize, mem_resize);

/* ---- Blocks of the kernel ------------------------------------------------------------------- */

/* Size of a block, as used by mem_block_alloc(). */
#define MEM_BLOCK_SIZE 4096

/* A kernel, or a program that plays one, defines these two, and the pool takes its blocks there and
 * nowhere else. In a program that does not, the pool maps memory, and these two are functions of
 * the library over mappings of their own.
 *
 * mem_block_alloc gives contiguous memory of at least `n` > 0 blocks; null if there is none.
 * mem_block_free takes it back, by its first address, which is not null. They are called under the
 * pool's lock and must not call the functions here, except the library's own two. */
void *mem_block_alloc(size_t n);
void mem_block_free(void *ptr);

/* ---- Configuration -------------------------------------------------------------------------- */

/* Where blocks come from. */
enum mem_supplier {
    MEM_SUPPLIER_DEFAULT = 0, /* mem_block_alloc if the program defines it, else mappings */
    MEM_SUPPLIER_MMAP = 1,    /* mappings */
    MEM_SUPPLIER_BREAK = 2,   /* the program break, by sbrk; large requests by mappings */
    MEM_SUPPLIER_KERNEL = 3,  /* block_alloc and block_free of the configuration; if these are
                               * null, mem_block_alloc and mem_block_free */
    MEM_SUPPLIER_BUFFER = 4   /* the memory `buffer` and no more */
};

/* Which free block serves a request, and what that takes. */
enum mem_fit {
    MEM_FIT_CONSTANT = 0, /* one of a list of small enough ones (TLSF); O(1) */
    MEM_FIT_FIRST = 1,    /* the lowest that is large enough; O(f) */
    MEM_FIT_NEXT = 2,     /* the first from where the last search ended; O(f) */
    MEM_FIT_BEST = 3,     /* the smallest that is large enough, by a search tree; O(log f) */
    MEM_FIT_QUICK = 4     /* the last freed of just the size, up to 128 KiB, which waits to be
                           * joined with its neighbours; else as MEM_FIT_CONSTANT. Over 1 KiB sizes
                           * are rounded up, by an eighth at most, while half of the pool is free.
                           * O(1) but for a request for which nothing else fits: it joins all that
                           * waits, which is a 16th of the pool at most. See mem_trim(). */
};

/* Where the records about blocks are kept. */
enum mem_tags {
    MEM_TAGS_SIDE = 0,  /* two bits for 16 bytes, apart from the blocks: nothing per block, bad
                         * frees are always refused */
    MEM_TAGS_INLINE = 1 /* a header and a footer with size, state and checksum: 16 bytes per block,
                         * writes past its end are noticed, bad frees pass once in 2^24 */
};

/* What functions return that can fail otherwise than by a null pointer. */
enum mem_error {
    MEM_OK = 0,
    MEM_INVALID = 1,   /* an argument has no meaning */
    MEM_BUSY = 2,      /* blocks live in the pool */
    MEM_NO_MEMORY = 3, /* the supplier does not have what was asked for */
    MEM_UNWRITTEN = 4  /* the descriptor did not take the dump */
};

/* For mem_config.single_from: never. */
#define MEM_NEVER ((size_t)-1)

/* All zero is what there is without mem_init(): set what shall be otherwise. Sizes are in bytes and
 * are rounded up to whole blocks. */
struct mem_config {
    int supplier;       /* enum mem_supplier */
    int fit;            /* enum mem_fit */
    int tags;           /* enum mem_tags */
    size_t initial;     /* the first grant: so much is taken at once, by mem_init(), and again after
                         * everything went back; 0: nothing until the first request */
    size_t step;        /* the least that is taken later; it is less if there is only less. 0: by
                         * supplier, 64 KiB of mappings and of the break, just what is needed (or
                         * an eighth of what there is) of others */
    size_t limit;       /* the most that is taken in all; 0: no limit */
    size_t single_from; /* requests from this size up get a grant of their own, which goes back as
                         * soon as they are freed. 0: by supplier, 128 KiB with mappings and the
                         * break, never with others; a buffer allows of nothing else */
    size_t spare;       /* free land stays while no more than this is taken in all, large blocks not
                         * counted; while it is more, land goes back as it becomes free: whole
                         * ranges, and the end of the break. 0: by supplier, 64 KiB of mappings and
                         * of the break, at least `initial`, nothing of a kernel's. 1 for nothing
                         * at all. */
    void *buffer;       /* with MEM_SUPPLIER_BUFFER: the memory, the pool's until the next
                         * mem_init(), */
    size_t buffer_size; /* and its size, of any alignment */
    void *(*block_alloc)(size_t n); /* with MEM_SUPPLIER_KERNEL: as mem_block_alloc, */
    void (*block_free)(void *ptr);  /* and as mem_block_free */
    void (*fault)(const char *line, void *address); /* called at a bad pointer instead of abort(),
                         * by mem_* and os_*, with what the line on standard error would be; may
                         * call the functions here */
    ptrdiff_t (*write)(int fd, const void *bytes, size_t n); /* writes dumps, and lines on standard
                         * error, instead of the system's write(); returns how many bytes, or
                         * negative; must not call the functions here */
    size_t reserved[3]; /* zero */
};

/* Chooses the pool behind mem_*, before its first use or when no block lives in it. Null chooses
 * what there is without this call. Returns
 *   MEM_OK
 *   MEM_INVALID   the configuration has values without meaning, or fields for another supplier;
 *                 nothing has changed
 *   MEM_BUSY      blocks live in the pool; nothing has changed
 *   MEM_NO_MEMORY `initial` is more than there is, or the buffer is too small for a block: the pool
 *                 is what there is without this call, `fault` and `write` are those named
 * The configuration itself is copied. */
int mem_init(const struct mem_config *config) GLEBE_MEM_NOTHROW;

/* ---- Looking inside ------------------------------------------------------------------------- */

/* Formats of mem_dump_to(). */
enum mem_dump_format {
    MEM_DUMP_TABLE = 0, /* for people, see below */
    MEM_DUMP_JSON = 1,  /* one document, with the same in it */
    MEM_DUMP_SVG = 2    /* a picture, a bar for each range */
};

/* May be or-ed. */
enum mem_dump_flags {
    MEM_DUMP_RELATIVE = 1, /* addresses as RANGE+OFFSET, the same from run to run */
    MEM_DUMP_OS = 2        /* the heap behind os_* */
};

/* Writes the state of the pool to standard output, after what stdio still has in store for it:
 *
 *   glebe pool: first fit, inline tags, blocks by mmap
 *   address                   size  state    list:nth
 *   0x7f93031b3010             112  used            -
 *   0x7f93031b3090             208  free          0:0
 *   0x7f93031b3170            6000  used            -
 *   0x7f93031b48f0           59040  free          0:1
 *   used                      6112  blocks 2
 *   free                     59248  blocks 2
 *   largest free             59040  blocks 1
 *   held                     65536  ranges 1
 *   records                    176
 *   fragmentation              0.3 %
 *   map [+#####-.........................................................]  # used, + at ...
 *
 * All blocks by address; sizes are bytes for the user. States: `used`; `single`, used and in a
 * grant of its own; `free`; `torn`, from where on the tags of a range are overwritten. `list:nth`
 * is the place of a free block in its policy's order: the number of the list (always 0 but for
 * MEM_FIT_CONSTANT and MEM_FIT_QUICK; after a w, of those that wait), and how many come before it
 * there. With over 4096 free blocks it is left out.
 * Records are tags and tables; with blocks used and free they are what is held. Fragmentation is
 * the share of free bytes outside of the largest free block. Takes O(n + f^2). */
void mem_dump(void) GLEBE_MEM_NOTHROW;

/* Writes the same to a descriptor, in one of the formats. In JSON a block is an object with
 * `address` (a string), `range`, `offset` in its range, `size`, `stride` (to the next block),
 * `state` and, if it is free, `list` and `position`. Returns MEM_OK, MEM_INVALID or
 * MEM_UNWRITTEN. */
int mem_dump_to(int fd, int format, unsigned flags) GLEBE_MEM_NOTHROW;

/* ---- os_*: the program break and mappings --------------------------------------------------- */

/* Frees a block; null is nothing. A mapping is unmapped at once. A block of the heap becomes one
 * with free neighbours; if that is the end of the heap, and the heap has grown beyond its first
 * 128 KiB, the break goes down again. */
void os_free(void *ptr) GLEBE_MEM_NOTHROW;

/* Gives a block another size; the contents are kept up to the smaller one. In the heap it shrinks
 * in place, grows into a free neighbour, or moves. It moves between heap and mappings when its new
 * size is on the other side of 128 KiB. A mapping stays while it is at least half used. A null
 * `ptr` is allocated. With a `size` of 0 the block is freed and the result is null. */
void *os_realloc(void *ptr, size_t size) GLEBE_MEM_AGAIN((2));

/* A block of at least `size` bytes: from the heap below 128 KiB, else a mapping of its own. The
 * first request to the heap raises the break by 128 KiB. Null if `size` is 0 or there is no
 * memory. */
void *os_malloc(size_t size) GLEBE_MEM_NEW((1)) GLEBE_MEM_PAIR(os_free, os_realloc);

/* A block for `nmemb` elements of `size` bytes, all zero: from the heap below a page (4096 bytes),
 * else a mapping of its own. Null if the product is 0 or overflows, or if there is no memory. */
void *os_calloc(size_t nmemb, size_t size)
    GLEBE_MEM_NEW((1, 2)) GLEBE_MEM_PAIR(os_free, os_realloc);

#ifdef __cplusplus
}
#endif

#undef GLEBE_MEM_ATTRIBUTE
#undef GLEBE_MEM_NOTHROW
#undef GLEBE_MEM_NEW
#undef GLEBE_MEM_AGAIN
#undef GLEBE_MEM_SIZED
#undef GLEBE_MEM_PAIR

#endif
