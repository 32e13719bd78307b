/* bad_frees.c - chapter 5: pointers that must not be freed, and how they are told from others. */
#include "lab.h"

/* Called by the pool instead of ending the program: prints what is wrong, without the address. */
static void report(const char *line, void *address) {
    (void)address;
    const char *words = line + strlen("glebe: ");
    const char *number = strstr(words, " 0x");
    int length = number != NULL ? (int)(number - words) : (int)strlen(words);
    while (length > 0 && (words[length - 1] == ':' || words[length - 1] == ' ')) {
        length--;
    }
    printf("%.*s\n", length, words);
}

/* Where tags are kept. */
static const struct {
    const char *name;
    int tags;
} kinds[] = {{"inline tags", MEM_TAGS_INLINE}, {"side tags", MEM_TAGS_SIDE}};

/* Frees that are refused. */
static void refused(void) {
    puts("-- 5.1 refused");
    for (int i = 0; i < 2; i++) {
        printf("%s\n", kinds[i].name);
        begin_with(MEM_FIT_FIRST, kinds[i].tags, report);
        unsigned char *block = take(100), *gone = take(100);
        unsigned char variable[32];
        take(16);
        memset(block, 0x55, 100);
        put_back(gone);
        printf("  twice: ");
        mem_free(gone);
        printf("  one byte on: ");
        mem_free(block + 1);
        printf("  16 bytes on: ");
        mem_free(block + 16);
        printf("  a variable: ");
        mem_free(variable);
        printf("  realloc of what is free: ");
        unsigned char *moved = mem_realloc(gone, 200);
        printf("  its result: %s\n", moved == NULL ? "null" : "a block");
    }
}

/* A write one byte too far, into the footer. */
static void past_the_end(void) {
    puts("-- 5.2 a write past the end");
    begin_with(MEM_FIT_FIRST, MEM_TAGS_INLINE, report);
    unsigned char *block = take(112);
    take(16);
    unsigned char saved = block[112];
    block[112] ^= 0xff;
    printf("free: ");
    mem_free(block);
    block[112] = saved;
    put_back(block);
    puts("after repair: freed");
}

/* A write into a free block, where the list has its links. */
static void after_free(void) {
    puts("-- 5.3 a write after free");
    begin_with(MEM_FIT_FIRST, MEM_TAGS_INLINE, report);
    unsigned char *block = take(112);
    take(16);
    put_back(block);
    memset(block, 0x55, 16);
    printf("the next request: ");
    unsigned char *other = take(112);
    printf("and it got: %s\n", other == block ? "the same place" : "another place");
}

/* What no allocator can know. */
static void unnoticed(void) {
    puts("-- 5.4 what is not noticed");
    begin_with(MEM_FIT_FIRST, MEM_TAGS_SIDE, report);
    unsigned char *old = take(100);
    put_back(old);
    unsigned char *new = take(100);
    printf("the new block has the old one's address: %s\n", new == old ? "yes" : "no");
    mem_free(old);
    puts("free by the old pointer: done");
    printf("free by the new pointer: ");
    mem_free(new);
    replace(new, NULL);
}

/* A header copied to another place does not pass: its place is in the checksum. */
static void forged(void) {
    puts("-- 5.5 forged headers");
    begin_with(MEM_FIT_FIRST, MEM_TAGS_INLINE, report);
    unsigned char *block = take(240);
    unsigned char copy[8];
    memcpy(copy, block - 8, sizeof copy);
    printf("a header that says: %zu bytes\n", header(block).stride);
    memcpy(block + 56, copy, sizeof copy);
    printf("free of a copy, 64 bytes on: ");
    mem_free(block + 64);
}

int main(int argc, char **argv) {
    set_up(argc, argv);
    refused();
    past_the_end();
    after_free();
    unnoticed();
    forged();
    return 0;
}
