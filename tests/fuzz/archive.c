#include "tests/fuzz/archive.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* PKZIP's APPNOTE, 4.3: a local header before each member, a directory of all, an end record. */
enum { LOCAL = 30, CENTRAL = 46, END = 22 };

struct writer {
    uint8_t *at;
};

static void put(struct writer *w, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) *w->at++ = (uint8_t)(value >> 8 * i);
}

static void put_bytes(struct writer *w, const void *bytes, size_t size)
{
    if (size) memcpy(w->at, bytes, size);
    w->at += size;
}

/* Method, time, checksum, sizes and name length, as both headers have them. */
static void put_common(struct writer *w, const struct archive_member *m)
{
    put(w, 20, 2); /* version needed */
    put(w, 0, 2);  /* flags */
    put(w, 0, 2);  /* stored */
    put(w, 0, 2);
    put(w, 0x21, 2); /* the first of January 1980 */
    put(w, fuzz_crc32(m->bytes, m->size), 4);
    put(w, (uint32_t)m->size, 4);
    put(w, (uint32_t)m->size, 4);
    put(w, (uint32_t)strlen(m->name), 2);
    put(w, 0, 2); /* no extra field */
}

static void put_central(struct writer *w, const struct archive_member *m, uint32_t at)
{
    put(w, 0x02014b50, 4);
    put(w, 20, 2);
    put_common(w, m);
    put(w, 0, 2); /* no comment */
    put(w, 0, 2);
    put(w, 0, 2);
    put(w, 0, 4);
    put(w, at, 4);
    put_bytes(w, m->name, strlen(m->name));
}

uint8_t *archive_make(const struct archive_member *members, int count, size_t *size)
{
    struct writer w;
    uint32_t at = 0, directory, length;
    uint8_t *all;

    *size = END;
    for (int i = 0; i < count; i++) *size += LOCAL + CENTRAL + 2 * strlen(members[i].name) + members[i].size;
    all = malloc(*size);
    if (!all) return NULL;
    w.at = all;
    for (int i = 0; i < count; i++) {
        put(&w, 0x04034b50, 4);
        put_common(&w, &members[i]);
        put_bytes(&w, members[i].name, strlen(members[i].name));
        put_bytes(&w, members[i].bytes, members[i].size);
    }
    directory = (uint32_t)(w.at - all);
    for (int i = 0; i < count; i++) {
        put_central(&w, &members[i], at);
        at += (uint32_t)(LOCAL + strlen(members[i].name) + members[i].size);
    }
    length = (uint32_t)(w.at - all) - directory;
    put(&w, 0x06054b50, 4);
    put(&w, 0, 4);
    put(&w, (uint32_t)count, 2);
    put(&w, (uint32_t)count, 2);
    put(&w, length, 4);
    put(&w, directory, 4);
    put(&w, 0, 2);
    return all;
}
