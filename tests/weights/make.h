/* make.h - files for these tests, made in memory or in the test's folder. */
#ifndef TESTS_WEIGHTS_MAKE_H
#define TESTS_WEIGHTS_MAKE_H

#include <zip.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "weights/weights.h"

/* A safetensors file of a header and size bytes of zeros; the caller frees. */
static inline unsigned char *make_safetensors(const char *header, size_t data, size_t *size)
{
    const uint64_t n = strlen(header);
    unsigned char *bytes = calloc(1, 8 + n + data + 1);

    if (!bytes) fail_msg("no memory");
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, n);
    *size = 8 + n + data;
    return bytes;
}

/* The status of opening that file; on success it is closed again. */
static inline enum vit_status try_safetensors(const char *header, size_t data, struct vit_error *err)
{
    size_t size;
    unsigned char *bytes = make_safetensors(header, data, &size);
    struct weights_file *f;
    enum vit_status status = weights_open_memory(&f, bytes, size, "made", err);

    weights_close(f);
    free(bytes);
    return status;
}

struct make_member {
    const char *name;
    const void *bytes;
    size_t size;
    bool deflate;
};

/* A zip archive at path; the members end with a NULL name. */
static inline void make_zip(const char *path, const struct make_member *m)
{
    int code;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);

    if (!zip) fail_msg("cannot make %s", path);
    for (; m->name; m++) {
        zip_source_t *source = zip_source_buffer(zip, m->bytes, m->size, 0);
        zip_int64_t i = zip_file_add(zip, m->name, source, 0);

        if (i < 0) fail_msg("cannot add %s", m->name);
        zip_set_file_compression(zip, (zip_uint64_t)i, m->deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    }
    if (zip_close(zip)) fail_msg("cannot write %s", path);
}

/* Opening dir/name must be refused for every length shorter than the whole. */
static inline void check_truncation(const char *dir, const unsigned char *bytes, size_t size)
{
    for (size_t n = 0; n < size; n++) {
        struct weights_file *f;
        struct vit_error err = { 0 };
        char path[4096];

        tmp_write(dir, "cut", bytes, n, path, sizeof path);
        if (!weights_open(&f, path, &err)) fail_msg("the first %zu of %zu bytes were accepted", n, size);
        if (f || !strstr(err.text, "cut: "))
            fail_msg("%zu bytes: \"%s\" does not name the file", n, err.text);
    }
}

#endif
