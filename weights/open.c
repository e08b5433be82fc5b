/* Opening a file of weights: what it is, by its content, and the reader of that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vit/source.h"
#include "vit/text.h"
#include "weights/readers.h"

/* An archive may unpack to RATIO times its own size and SLACK bytes more. Trained weights deflate by less
 * than half; constant tensors (biases, zero-initialised heads) are the reason for the rest. */
enum { RATIO = 100 };
static const size_t SLACK = (size_t)64 << 20;

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
        if (!strcmp(name, "data.pkl") || vit_ends_with(name, "/data.pkl")) c.pickle = i;
        if (vit_ends_with(name, "/constants.pkl")) c.script = true;
        if (vit_ends_with(name, ".npy")) c.arrays = true;
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

static enum vit_status read_zip(struct weights_file *f, struct vit_error *err)
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

/* ---- what a file is ---- */

/* What people hand over by mistake, by its first bytes. */
static const struct {
    const char *bytes;
    size_t size;
    const char *what;
} STRANGERS[] = {
    { "version https://git-lfs", 23, "a git-lfs pointer: the download got the pointer instead of the file" },
    { "<!", 2, "a web page: the download went wrong" },
    { "<html", 5, "a web page: the download went wrong" },
    { "\x89HDF\r\n", 6, "an HDF5 file; save the weights as .safetensors instead" },
    { "\x93NUMPY", 6, "a single NumPy array; save the weights as .npz instead" },
    { "\x1f\x8b", 2, "a gzip archive; unpack it first" },
    { "GGUF", 4, "a GGUF file; save the weights as .safetensors instead" },
    { "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19", 14,
      "a PyTorch file of before version 1.6; load and save it again with a newer PyTorch" },
    { "\x80", 1, "a bare pickle; save the weights with torch.save or as .safetensors instead" },
};

static bool begins(const struct weights_file *f, const char *bytes, size_t size)
{
    return f->size >= size && !memcmp(f->bytes, bytes, size);
}

static enum vit_status refuse_stranger(const struct weights_file *f, struct vit_error *err)
{
    for (size_t i = 0; i < VIT_COUNT(STRANGERS); i++)
        if (begins(f, STRANGERS[i].bytes, STRANGERS[i].size))
            return vit_fail(err, VIT_ERR_FORMAT, "%s: is %s", f->path, STRANGERS[i].what);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: is not a safetensors, .npz or PyTorch file (%zu bytes)",
                    f->path, f->size);
}

/* Byte 8 of a safetensors file opens its JSON; in a zip archive it is a compression method, 0 to 99. */
static enum vit_status read_content(struct weights_file *f, struct vit_error *err)
{
    enum vit_status status;

    if (f->size > 8 && f->bytes[8] == '{') {
        f->format = "safetensors";
        status = weights_read_safetensors(f, err);
    } else if (begins(f, "PK\3\4", 4) || begins(f, "PK\5\6", 4)) {
        if (!f->mapped)
            return vit_fail(err, VIT_ERR_UNSUPPORTED,
                            "%s: is a zip archive; from memory only safetensors is read", f->path);
        status = read_zip(f, err);
    } else {
        return refuse_stranger(f, err);
    }
    return status ? status : weights_file_index(f, err);
}

/* ---- opening ---- */

static enum vit_status map_file(struct weights_file *f, struct vit_error *err)
{
    size_t size;
    void *bytes = NULL;
    int fd;
    enum vit_status status = vit_source_open(&fd, &size, f->path, err);

    if (status) return status;
    if (!size)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: is empty", f->path);
    else if ((bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        status = vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", f->path, strerror(errno));
    close(fd);
    if (status) return status;
    f->bytes = bytes;
    f->size = size;
    f->mapped = true;
    return VIT_OK;
}

static struct weights_file *new_file(const char *path, struct vit_error *err)
{
    struct weights_file *f = calloc(1, sizeof *f);

    if (f) f->path = strdup(path);
    if (f && f->path) return f;
    weights_close(f);
    vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory", path);
    return NULL;
}

static enum vit_status finish(struct weights_file **out, struct weights_file *f, struct vit_error *err)
{
    enum vit_status status;

    f->budget = f->size > (SIZE_MAX - SLACK) / RATIO ? SIZE_MAX : f->size * RATIO + SLACK;
    status = read_content(f, err);
    if (status)
        weights_close(f);
    else
        *out = f;
    return status;
}

enum vit_status weights_open(struct weights_file **out, const char *path, struct vit_error *err)
{
    struct weights_file *f = new_file(path, err);
    enum vit_status status;

    *out = NULL;
    if (!f) return VIT_ERR_NOMEM;
    status = map_file(f, err);
    if (status) {
        weights_close(f);
        return status;
    }
    return finish(out, f, err);
}

enum vit_status weights_open_memory(struct weights_file **out, const void *bytes, size_t size,
                                    const char *name, struct vit_error *err)
{
    struct weights_file *f = new_file(name, err);

    *out = NULL;
    if (!f) return VIT_ERR_NOMEM;
    f->bytes = bytes;
    f->size = size;
    return finish(out, f, err);
}
