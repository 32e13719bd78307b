/* glebe.h - the Glebe memory allocator under names of its own.
 *
 * Whoever links with libglebe, or preloads libglebe.so, has `malloc`, `free` and the rest of the
 * family from Glebe already, declared by <stdlib.h> and <malloc.h> as ever, and so has every
 * library in the process; C++'s operators new and delete, too. This header is for programs that
 * want to name the allocator, for what only Glebe has, and for C23's sized frees where <stdlib.h>
 * lacks them.
 *
 * All names are of one heap: a block from `malloc` may be passed to `glebe_free`, and the other way
 * round. Every function may be called by any thread at any time, before main(), while the process
 * exits and in the child of a fork, too; none may be called from a signal handler.
 *
 * Promises that hold for all functions here:
 *
 *   - Blocks are aligned to 16 bytes at least. A block of 0 bytes is a block of its own.
 *   - Failure is a null pointer with ENOMEM in errno; sizes over PTRDIFF_MAX fail. Success leaves
 *     errno alone, and so does every free.
 *   - A bad pointer (freed before, not the start of a block, not from this heap, or with a wrong
 *     size in a sized free) ends the process by abort(), after one line on standard error that
 *     begins with "glebe: ": at the call that was handed it or, if two threads freed the same
 *     block, when the second free is brought home.
 *   - To allocate and to free take constant time, whatever the heap looks like; now and then a call
 *     asks the system for memory or gives some back. What takes longer says so.
 *
 * Compilers are told all they can make use of: alignments, sizes, results that must not be dropped
 * and, from GCC 11 on, which function frees a block, so that they warn of leaks, of double frees
 * and of uses after a free. They then also warn when a block from `malloc` is handed to
 * `glebe_free`, which is no error here; #define GLEBE_NO_PAIRING before the #include, and they do
 * not pair the functions.
 *
 * With GLEBE_STATS=1 in its environment, a process prints a summary of its heap on standard error
 * when it exits. Programs that run with more rights than their user ignore the variable.
 *
 * Needs C99 or C++98.
 */
#ifndef GLEBE_H
#define GLEBE_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* The version of this header; glebe_version() is that of the library. */
#define GLEBE_VERSION_MAJOR 0
#define GLEBE_VERSION_MINOR 1
#define GLEBE_VERSION_PATCH 0
#define GLEBE_VERSION "0.1.0"

/* What compilers can be told about a function; nothing where they cannot. */
#if defined(__GNUC__) && defined(__has_attribute)
#define GLEBE_ATTRIBUTE(list) __attribute__(list)
#else
#define GLEBE_ATTRIBUTE(list)
#endif

/* The result must not be dropped. */
#define GLEBE_MUST_USE GLEBE_ATTRIBUTE((__warn_unused_result__))
/* The n-th argument is the result's size. */
#define GLEBE_SIZE(n) GLEBE_ATTRIBUTE((__alloc_size__(n)))
/* The product of two arguments is the result's size. */
#define GLEBE_SIZE2(n, m) GLEBE_ATTRIBUTE((__alloc_size__(n, m)))
/* The result is aligned to this many bytes. */
#define GLEBE_ALIGNED(bytes) GLEBE_ATTRIBUTE((__assume_aligned__(bytes)))
/* The n-th argument is the result's alignment. */
#define GLEBE_ALIGN(n) GLEBE_ATTRIBUTE((__alloc_align__(n)))
/* The n-th argument is not null. */
#define GLEBE_NONNULL(n) GLEBE_ATTRIBUTE((__nonnull__(n)))
/* The result is not null. */
#define GLEBE_NEVER_NULL GLEBE_ATTRIBUTE((__returns_nonnull__))

/* The result may be freed by these, and by nothing else. */
#if defined(__GNUC__) && __GNUC__ >= 11 && !defined(__clang__) && !defined(GLEBE_NO_PAIRING)
#define GLEBE_FREED_BY(function) GLEBE_ATTRIBUTE((__malloc__(function, 1)))
#define GLEBE_PAIRED                                                                               \
    GLEBE_FREED_BY(free) GLEBE_FREED_BY(glebe_free) GLEBE_FREED_BY(glebe_cfree)                    \
    GLEBE_FREED_BY(glebe_free_sized) GLEBE_FREED_BY(glebe_free_aligned_sized)
#else
#define GLEBE_PAIRED
#endif

/* The result is new memory, to which nothing points. (A realloc's may be the old block.) */
#define GLEBE_NEW GLEBE_ATTRIBUTE((__malloc__)) GLEBE_PAIRED GLEBE_MUST_USE

/* No exception leaves the function. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define GLEBE_NOTHROW noexcept
#elif defined(__cplusplus)
#define GLEBE_NOTHROW throw()
#else
#define GLEBE_NOTHROW GLEBE_ATTRIBUTE((__nothrow__))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Freeing -------------------------------------------------------------------------------- */

/* Frees a block; null is nothing. */
void glebe_free(void *block) GLEBE_NOTHROW;

/* Another name of glebe_free, from before C89. */
void glebe_cfree(void *block) GLEBE_NOTHROW;

/* As glebe_free, for a block for which this `size` was asked last (by malloc, calloc, realloc or
 * reallocarray; a product where there are two factors). The size is checked: one that belongs to
 * another size class ends the process. C23's free_sized. */
void glebe_free_sized(void *block, size_t size) GLEBE_NOTHROW;

/* As glebe_free, for a block from aligned_alloc with this `alignment` and `size`, which are
 * checked. C23's free_aligned_sized. */
void glebe_free_aligned_sized(void *block, size_t alignment, size_t size) GLEBE_NOTHROW;

/* ---- Blocks --------------------------------------------------------------------------------- */

/* A block of at least `size` bytes with undefined contents. Null with ENOMEM if there is no
 * memory. */
void *glebe_malloc(size_t size) GLEBE_NOTHROW GLEBE_NEW GLEBE_SIZE(1) GLEBE_ALIGNED(16);

/* A block for `count` elements of `size` bytes, all zero. Null with ENOMEM if there is no memory or
 * the product overflows. Linear in the size; memory that comes fresh from the system is not
 * written, so that large blocks cost as little as by malloc. */
void *glebe_calloc(size_t count, size_t size)
    GLEBE_NOTHROW GLEBE_NEW GLEBE_SIZE2(1, 2) GLEBE_ALIGNED(16);

/* Gives `block` another size; the contents are kept up to the smaller of the two. The block may
 * move: after success only the result may be used, and it is aligned to 16 bytes whatever `block`
 * was aligned to. On failure (null with ENOMEM) `block` stays as it is. A null `block` is
 * allocated; with a `size` of 0 the block is freed and the result is null, without an error.
 * Linear in the smaller size if the block moves; large blocks are moved by the system, page by page
 * and without copying. */
void *glebe_realloc(void *block, size_t size)
    GLEBE_NOTHROW GLEBE_PAIRED GLEBE_MUST_USE GLEBE_SIZE(2) GLEBE_ALIGNED(16);

/* As glebe_realloc(block, count * size). Null with ENOMEM, too, if the product overflows. */
void *glebe_reallocarray(void *block, size_t count, size_t size)
    GLEBE_NOTHROW GLEBE_PAIRED GLEBE_MUST_USE GLEBE_SIZE2(2, 3) GLEBE_ALIGNED(16);

/* How many bytes of a block may be used: what was asked for, rounded up to the size class. 0 for
 * null. Compilers know only of what was asked for, and with _FORTIFY_SOURCE refuse the rest: a
 * block that shall be longer is better resized, which is as quick when there is room. */
size_t glebe_malloc_usable_size(void *block) GLEBE_NOTHROW;

/* ---- Aligned blocks ------------------------------------------------------------------------- */

/* A block of at least `size` bytes at a multiple of `alignment`. Null with EINVAL if `alignment` is
 * no power of two, with ENOMEM if there is no memory. The size need not be a multiple of the
 * alignment. */
void *glebe_aligned_alloc(size_t alignment, size_t size)
    GLEBE_NOTHROW GLEBE_NEW GLEBE_SIZE(2) GLEBE_ALIGN(1);

/* Puts such a block into `*result` and returns 0. `alignment` must be a power of two and at least
 * sizeof(void *). Returns EINVAL or ENOMEM on failure; errno and `*result` stay as they were. */
int glebe_posix_memalign(void **result, size_t alignment, size_t size)
    GLEBE_NOTHROW GLEBE_NONNULL(1) GLEBE_MUST_USE;

/* As glebe_aligned_alloc, but an `alignment` that is no power of two is rounded up to one; EINVAL
 * only if there is none. */
void *glebe_memalign(size_t alignment, size_t size)
    GLEBE_NOTHROW GLEBE_NEW GLEBE_SIZE(2) GLEBE_ALIGN(1);

/* A block of at least `size` bytes that begins with a page of the system's. Null with ENOMEM if
 * there is no memory. */
void *glebe_valloc(size_t size) GLEBE_NOTHROW GLEBE_NEW GLEBE_SIZE(1) GLEBE_ALIGNED(4096);

/* As glebe_valloc, but of whole pages: the size is rounded up. */
void *glebe_pvalloc(size_t size) GLEBE_NOTHROW GLEBE_NEW GLEBE_ALIGNED(4096);

/* ---- Giving back ---------------------------------------------------------------------------- */

/* Gives all memory back to the system that can be given back: free runs, and pages without a live
 * byte between live objects. Returns how many bytes that were. Glebe does so by itself, little by
 * little, for free runs and empty slabs; this is for the moment before a long sleep. Takes time
 * linear in the address space used so far, and a system call for every stretch of pages. */
size_t glebe_purge(void) GLEBE_NOTHROW;

/* As glebe_purge; returns 1 if anything was given back, 0 otherwise. `pad` is ignored. */
int glebe_malloc_trim(size_t pad) GLEBE_NOTHROW;

/* ---- Figures -------------------------------------------------------------------------------- */

/* In the shape of glibc's struct mallinfo2, and with its names; those without a comment are 0. */
struct glebe_mallinfo2 {
    size_t arena; /* address space opened for use so far, without large objects */
    size_t ordblks;
    size_t smblks;
    size_t hblks;  /* large objects */
    size_t hblkhd; /* bytes in large objects */
    size_t usmblks;
    size_t fsmblks;
    size_t uordblks; /* bytes in live objects that are not large, rounding included */
    size_t fordblks; /* arena - uordblks */
    size_t keepcost; /* free bytes that still hold pages */
};

/* The same in ints: what does not fit reads as INT_MAX. */
struct glebe_mallinfo {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

#if defined(__cplusplus) && defined(__GNUC__)
/* A function and a struct may have one name, as glibc's have. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

/* The figures of the whole process, at some moment during the call. Takes time linear in the
 * address space used so far. */
struct glebe_mallinfo2 glebe_mallinfo2(void) GLEBE_NOTHROW;
struct glebe_mallinfo glebe_mallinfo(void) GLEBE_NOTHROW;

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* Writes figures as XML in the shape of glibc's to `stream`; the elements `size` tell the live
 * objects of each size class. `options` must be 0. Returns 0; -1 for other options, with EINVAL, or
 * if the stream fails. Takes as long as glebe_mallinfo2 for every size class. */
int glebe_malloc_info(int options, FILE *stream) GLEBE_NOTHROW GLEBE_NONNULL(2);

/* Writes a summary to standard error, past stdio's buffer. */
void glebe_malloc_stats(void) GLEBE_NOTHROW;

/* ---- Options -------------------------------------------------------------------------------- */

/* Accepts glibc's tunables of placement and reuse, from M_MXFAST to M_ARENA_MAX, returns 1, and
 * changes nothing: Glebe has no such things, or needs no such advice. Returns 0 for M_PERTURB,
 * which would promise contents, and for unknown options. */
int glebe_mallopt(int option, int value) GLEBE_NOTHROW;

/* The library's version, such as "1.0.2". A program may run with a newer library than the header it
 * was compiled with, of the same major number; while that is 0, of the same minor number. */
const char *glebe_version(void) GLEBE_NOTHROW GLEBE_NEVER_NULL;

#ifdef __cplusplus
}
#endif

#undef GLEBE_ATTRIBUTE
#undef GLEBE_MUST_USE
#undef GLEBE_SIZE
#undef GLEBE_SIZE2
#undef GLEBE_ALIGNED
#undef GLEBE_ALIGN
#undef GLEBE_NONNULL
#undef GLEBE_NEVER_NULL
#undef GLEBE_FREED_BY
#undef GLEBE_PAIRED
#undef GLEBE_NEW
#undef GLEBE_NOTHROW

/* mem_alloc, os_malloc and their kin are of a library of their own, libglebe_mem: a preloaded
 * libglebe.so must not take the place of a program's own functions of these names. They are
 * declared here if their header is installed, unless GLEBE_NO_MEM is defined. */
#if defined(__has_include) && !defined(GLEBE_NO_MEM)
#if __has_include("glebe_mem.h")
#include "glebe_mem.h"
#endif
#endif

#endif
