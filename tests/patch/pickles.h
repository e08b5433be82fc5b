/* pickles.h - CIFAR's version for Python, instruction by instruction as cPickle wrote it and torchvision
 * downloads it. */
#ifndef TESTS_PATCH_PICKLES_H
#define TESTS_PATCH_PICKLES_H

#include "tests/support/test.h"
#include "tests/support/tmp.h"

enum { PICKLE_ROOM = 20 << 10, PICKLE_PIXELS = 3072, PICKLE_TRUE = 0x88, PICKLE_FALSE = 0x89 };

struct pickle {
    char bytes[PICKLE_ROOM];
    size_t size;
};

static inline void pickle_put(struct pickle *p, const void *bytes, size_t size)
{
    assert_true(p->size + size <= PICKLE_ROOM);
    memcpy(p->bytes + p->size, bytes, size);
    p->size += size;
}

#define PICKLE_PUT(p, literal) pickle_put(p, literal, sizeof(literal) - 1)

static inline void pickle_put_key(struct pickle *p, const char *key)
{
    const char head[] = { 'U', (char)strlen(key) };

    pickle_put(p, head, sizeof head);
    pickle_put(p, key, strlen(key));
}

static inline void pickle_put_labels(struct pickle *p, const char *key, const unsigned char *labels,
                                     int count)
{
    pickle_put_key(p, key);
    PICKLE_PUT(p, "q\4]q\5(");
    for (int i = 0; i < count; i++) pickle_put(p, (char[]){ 'K', (char)labels[i] }, 2);
    PICKLE_PUT(p, "e");
}

/* A NumPy array (rows, columns) of count pictures: what protocol 2 makes of it. */
static inline void pickle_put_array(struct pickle *p, int rows, int columns, const char *type,
                                    char first_fastest, int count)
{
    const unsigned size = (unsigned)count * PICKLE_PIXELS;

    PICKLE_PUT(
        p,
        "U\4dataq\6cnumpy.core.multiarray\n_reconstruct\nq\7cnumpy\nndarray\nq\10K\0\x85U\1b\x87Rq\11(K\1");
    pickle_put(p, (char[]){ 'M', (char)rows, 0, 'M', (char)(columns & 255), (char)(columns >> 8), '\x86' },
               7);
    PICKLE_PUT(p, "cnumpy\ndtype\nq\12");
    pickle_put_key(p, type);
    PICKLE_PUT(p, "K\0K\1\x87Rq\13(K\3U\1|NNNJ\377\377\377\377J\377\377\377\377K\0tb");
    pickle_put(p, &first_fastest, 1);
    pickle_put(p, (char[]){ 'T', (char)size, (char)(size >> 8), (char)(size >> 16), 0 }, 5);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < PICKLE_PIXELS; k++)
            pickle_put(p, (char[]){ (char)(50 * (k / 1024) + k % 32 + k % 1024 / 32 + i) }, 1);
    PICKLE_PUT(p, "tb");
}

/* count pictures with these labels, pixels (channel, y, x) = 50 channel + x + y + number. */
static inline void pickle_write_batch(const char *dir, const char *name, const char *key,
                                      const unsigned char *labels, int count)
{
    struct pickle p = { .size = 0 };

    PICKLE_PUT(&p, "\x80\2}q\1(U\13batch_labelq\2U\25training batch 1 of 5q\3");
    pickle_put_labels(&p, key, labels, count);
    pickle_put_array(&p, count, PICKLE_PIXELS, "u1", (char)PICKLE_FALSE, count);
    PICKLE_PUT(&p, "U\11filenamesq\14]q\15U\5a.pngq\16au.");
    tmp_write(dir, name, p.bytes, p.size, NULL, 0);
}

#endif
