#include "weights/zip.h"

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
