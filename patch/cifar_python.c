/* CIFAR's version for Python, which torchvision downloads too: each file is a pickle, by cPickle in protocol
 * 2, of a dictionary. Its "data" is a NumPy array (count, 3072) of bytes, stored in one piece, so that a
 * picture can be read where it lies in the file, as those of the binary version are. */
#include <stdlib.h>
#include <string.h>

#include "patch/cifar.h"
#include "patch/file.h"
#include "vit/pickle.h"

/* ---- the arrays of NumPy ---- */

enum { ARRAY = 1, DTYPE }; /* meanings; 0: none */

/* _reconstruct(ndarray, (0,), "b") makes an empty array, whose state is set then: (version, shape, dtype,
 * whether the first index is the fastest, bytes). dtype("u1", ...) is a byte without sign. */
static const struct vit_pickle_global GLOBALS[] = {
    { "numpy.core.multiarray", "_reconstruct", .use = VIT_PICKLE_NEW, .state = true, .meaning = ARRAY },
    { "numpy._core.multiarray", "_reconstruct", .use = VIT_PICKLE_NEW, .state = true, .meaning = ARRAY },
    { "numpy", "ndarray", .use = VIT_PICKLE_TYPE },
    { "numpy", "dtype", .use = VIT_PICKLE_NEW, .state = true, .meaning = DTYPE },
};

static const char *check(const struct vit_pickle_dialect *d, const struct vit_pickle_value *v)
{
    static const enum vit_pickle_kind NAME[] = { VIT_PICKLE_TEXT };

    if (v->kind == VIT_PICKLE_ID) return "it refers to what lies elsewhere";
    return vit_pickle_global(d, v)->meaning != DTYPE || vit_pickle_are(v, 1, NAME)
               ? NULL
               : "a type of numbers is not described as NumPy does";
}

static const struct vit_pickle_dialect NUMPY = {
    .globals = GLOBALS,
    .count = VIT_COUNT(GLOBALS),
    .reads = "CIFAR's arrays of bytes, lists and dictionaries only",
    .check = check,
};

static bool means(const struct vit_pickle_value *v, int meaning)
{
    return v && v->kind == VIT_PICKLE_CALL && vit_pickle_global(&NUMPY, v)->meaning == meaning;
}

static bool is_text(const struct vit_pickle_value *v, const char *text)
{
    return v->kind == VIT_PICKLE_TEXT && v->size == strlen(text) && !memcmp(v->text, text, v->size);
}

/* The bytes of an array (count, 3072) of bytes, row after row; NULL: v is no such array. */
static const struct vit_pickle_value *pixels_of(const struct vit_pickle_value *v, size_t *count)
{
    static const enum vit_pickle_kind STATE[] = { VIT_PICKLE_INT, VIT_PICKLE_TUPLE, VIT_PICKLE_CALL,
                                                  VIT_PICKLE_PLAIN, VIT_PICKLE_TEXT },
                                      SHAPE[] = { VIT_PICKLE_INT, VIT_PICKLE_INT };
    const struct vit_pickle_value *state = means(v, ARRAY) ? v->state : NULL, *shape, *type;

    if (!state || state->kind != VIT_PICKLE_TUPLE || !vit_pickle_are(state, VIT_COUNT(STATE), STATE))
        return NULL;
    shape = state->items[1];
    type = state->items[2];
    if (!means(type, DTYPE) || !(is_text(type->items[0], "u1") || is_text(type->items[0], "|u1")))
        return NULL;
    if (shape->count != 2 || !vit_pickle_are(shape, 2, SHAPE) || state->items[3]->number) return NULL;
    *count = state->items[4]->size / PATCH_CIFAR_PIXELS;
    return shape->items[1]->number == PATCH_CIFAR_PIXELS && shape->items[0]->number == (int64_t)*count &&
                   state->items[4]->size == *count * PATCH_CIFAR_PIXELS
               ? state->items[4]
               : NULL;
}

/* ---- the dictionaries ---- */

/* A file's dictionary and the bytes it lies in. */
struct batch {
    const char *path;
    unsigned char *bytes;
    struct vit_pickle *pickle;
    const struct vit_pickle_value *root;
};

static void close_batch(struct batch *b)
{
    vit_pickle_close(b->pickle);
    free(b->bytes);
}

static enum vit_status open_batch(struct batch *b, const char *path, struct vit_error *err)
{
    const size_t most = (size_t)1 << 28; /* the largest published, CIFAR-100's train, has 155 million */
    size_t size;
    enum vit_status status = patch_file_read(&b->bytes, &size, path, most, err);

    b->path = path;
    if (!status) status = vit_pickle_read(&b->pickle, &b->root, &NUMPY, path, b->bytes, size, err);
    if (!status && b->root->kind != VIT_PICKLE_DICT)
        status = vit_fail(err, VIT_ERR_FORMAT, "%s: expected the pickle of a dictionary", path);
    return status;
}

/* The value under key; NULL, with the sentence: there is none of this kind. */
static const struct vit_pickle_value *value_of(const struct batch *b, const char *key,
                                               enum vit_pickle_kind kind, const char *what,
                                               struct vit_error *err)
{
    const struct vit_pickle_value *root = b->root;

    for (size_t i = 0; i + 1 < root->count; i += 2)
        if (is_text(root->items[i], key) && root->items[i + 1]->kind == kind) return root->items[i + 1];
    vit_fail(err, VIT_ERR_FORMAT, "%s: expected %s under \"%s\" in its dictionary, found none", b->path, what,
             key);
    return NULL;
}

static enum vit_status copy_labels(struct patch_cifar_batch *out, const struct vit_pickle_value *list,
                                   const struct batch *b, const struct patch_cifar *c, struct vit_error *err)
{
    if (list->count != out->count)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: has %zu pictures and %zu labels", b->path, out->count,
                        list->count);
    out->labels = malloc((out->count + 1) * sizeof *out->labels);
    if (!out->labels) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its labels", b->path);
    for (size_t i = 0; i < out->count; i++) {
        const struct vit_pickle_value *v = list->items[i];
        const bool valid = v->kind == VIT_PICKLE_INT && v->number >= 0 && v->number < c->class_count;
        out->labels[i] = valid ? (int)v->number : -1;
    }
    return VIT_OK;
}

static enum vit_status take_batch(struct patch_cifar_batch *out, const struct batch *b,
                                  const struct patch_cifar *c, struct vit_error *err)
{
    const struct vit_pickle_value *labels = value_of(b, c->label_key, VIT_PICKLE_LIST, "a list", err);
    const struct vit_pickle_value *data =
        labels ? value_of(b, "data", VIT_PICKLE_CALL, "a NumPy array", err) : NULL;
    const struct vit_pickle_value *pixels = data ? pixels_of(data, &out->count) : NULL;

    if (!data) return VIT_ERR_FORMAT;
    if (!pixels)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: its \"data\" is no array (pictures, %d) of bytes in rows",
                        b->path, PATCH_CIFAR_PIXELS);
    out->at = (size_t)((const unsigned char *)pixels->text - b->bytes);
    return copy_labels(out, labels, b, c, err);
}

enum vit_status patch_cifar_batch_read(struct patch_cifar_batch *out, const char *path,
                                       const struct patch_cifar *c, struct vit_error *err)
{
    struct batch b = { 0 };
    enum vit_status status = open_batch(&b, path, err);

    *out = (struct patch_cifar_batch){ 0 };
    if (!status) status = take_batch(out, &b, c, err);
    close_batch(&b);
    if (status) {
        free(out->labels);
        out->labels = NULL;
    }
    return status;
}

enum vit_status patch_cifar_names_read(struct patch_names *out, const char *path, const struct patch_cifar *c,
                                       struct vit_error *err)
{
    struct batch b = { 0 };
    enum vit_status status = open_batch(&b, path, err);
    const struct vit_pickle_value *list =
        status ? NULL : value_of(&b, c->name_key, VIT_PICKLE_LIST, "a list", err);

    if (!status && !list) status = VIT_ERR_FORMAT;
    for (size_t i = 0; !status && i < list->count; i++) {
        const struct vit_pickle_value *v = list->items[i];
        if (v->kind == VIT_PICKLE_TEXT)
            status = patch_names_add(out, v->text, v->size, err);
        else
            status = vit_fail(err, VIT_ERR_FORMAT, "%s: class name %zu is no text", path, i);
    }
    close_batch(&b);
    return status;
}
