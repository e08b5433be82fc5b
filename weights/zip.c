#include "weights/zip.h"

#include <string.h>

bool weights_ends_with(const char *name, const char *tail)
{
    const size_t n = strlen(name), t = strlen(tail);

    return n >= t && !strcmp(name + n - t, tail);
}

/* ---- members ---- */

static enum vit_status damaged(const struct weights_member *m, const char *why, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_FORMAT, "%s: the archive member \"%s\" cannot be read: %s", m->f->path,
                    m->name, why);
}

enum vit_status weights_member_open(struct weights_member *m, const struct weights_file *f, zip_t *zip,
                                    zip_uint64_t i, struct vit_error *err)
{
    zip_stat_t s;

    *m = (struct weights_member){ .f = f, .name = "?" };
    if (zip_stat_index(zip, i, 0, &s) || !(s.valid & ZIP_STAT_NAME) || !(s.valid & ZIP_STAT_SIZE))
        return damaged(m, zip_strerror(zip), err);
    m->name = s.name;
    if (s.size > SIZE_MAX / 2) return damaged(m, "its size is impossible", err);
    m->size = (size_t)s.size;
    m->stream = zip_fopen_index(zip, i, 0);
    return m->stream ? VIT_OK : damaged(m, zip_strerror(zip), err);
}

enum vit_status weights_member_read(struct weights_member *m, void *out, size_t size, struct vit_error *err)
{
    unsigned char *to = out;

    if (size > m->size - m->at) return damaged(m, "it is cut off", err);
    while (size) {
        zip_int64_t n = zip_fread(m->stream, to, size);

        if (n < 0) return damaged(m, zip_file_strerror(m->stream), err);
        if (n == 0) return damaged(m, "it is cut off", err);
        to += n;
        size -= (size_t)n;
        m->at += (size_t)n;
    }
    return VIT_OK;
}

/* libzip compares checksum and size when it is asked for what follows the last byte. */
enum vit_status weights_member_end(struct weights_member *m, struct vit_error *err)
{
    unsigned char more;
    zip_int64_t n = zip_fread(m->stream, &more, 1);

    if (n < 0) return damaged(m, zip_file_strerror(m->stream), err);
    return n ? damaged(m, "it is longer than it says", err) : VIT_OK;
}

void weights_member_close(struct weights_member *m)
{
    if (m->stream) zip_fclose(m->stream);
    m->stream = NULL;
}

/* ---- archives ---- */

/* The member that tells what the archive is. */
struct contents {
    zip_int64_t pickle; /* index of data.pkl; -1: none */
    bool script, arrays;
};

static struct contents survey(zip_t *zip)
{
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    struct contents c = { .pickle = -1 };

    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);

        if (!name) continue;
        if (!strcmp(name, "data.pkl") || weights_ends_with(name, "/data.pkl")) c.pickle = i;
        if (weights_ends_with(name, "/constants.pkl")) c.script = true;
        if (weights_ends_with(name, ".npy")) c.arrays = true;
    }
    return c;
}

static enum vit_status read_contents(struct weights_file *f, zip_t *zip, struct vit_error *err)
{
    const struct contents c = survey(zip);

    if (c.script)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: is a TorchScript program, not weights; save model.state_dict() instead",
                        f->path);
    if (c.pickle >= 0) {
        f->format = "pth";
        return weights_read_pth(f, zip, (zip_uint64_t)c.pickle, err);
    }
    if (c.arrays) {
        f->format = "npz";
        return weights_read_npz(f, zip, err);
    }
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: is a zip archive with neither NumPy arrays (.npy) nor PyTorch tensors (data.pkl)",
                    f->path);
}

enum vit_status weights_read_zip(struct weights_file *f, struct vit_error *err)
{
    zip_error_t why;
    zip_source_t *source;
    zip_t *zip;
    enum vit_status status;

    zip_error_init(&why);
    source = zip_source_buffer_create(f->bytes, f->size, 0, &why);
    zip = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    if (!zip) {
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: is not a whole zip archive: %s", f->path,
                          zip_error_strerror(&why));
        if (source) zip_source_free(source);
    } else {
        status = read_contents(f, zip, err);
        zip_discard(zip);
    }
    zip_error_fini(&why);
    return status;
}
