/* Logits in a file, and of what they are. */
#include <stdlib.h>
#include <string.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "vit/arena.h"
#include "vit/json.h"

json_t *eval_pictures(const char *digest, const char *const *names, int classes)
{
    json_t *list = json_array();

    for (int i = 0; i < classes; i++) vit_json_append(&list, out_text(names[i]));
    return list ? json_pack("{s:s,s:o}", "digest", digest, "classes", list) : NULL;
}

enum vit_status eval_logits_open(struct eval_logits *l, const char *path, size_t room, int classes,
                                 struct vit_error *err)
{
    size_t floats = room;

    *l = (struct eval_logits){ .labels = calloc(room, sizeof *l->labels),
                               .index = calloc(room, sizeof *l->index),
                               .classes = classes };
    if (vit_size_mul(&floats, (size_t)classes)) l->logits = calloc(floats, sizeof *l->logits);
    if (l->logits && l->labels && l->index) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate %zu rows of %d logits", path, room, classes);
}

void eval_logits_add(struct eval_logits *l, const float *logits, const int *labels, const size_t *index,
                     int n)
{
    const size_t classes = (size_t)l->classes;

    memcpy(l->logits + l->n * classes, logits, (size_t)n * classes * sizeof *logits);
    for (int i = 0; i < n; i++) {
        l->labels[l->n] = labels[i];
        l->index[l->n++] = (int64_t)index[i];
    }
}

enum vit_status eval_logits_write(const struct eval_logits *l, const char *path, json_t *how,
                                  json_t *pictures, struct vit_error *err)
{
    const int64_t n = (int64_t)l->n;
    const struct weights_entry entries[] = {
        { "logits", WEIGHTS_F32, 2, { n, l->classes }, l->logits },
        { "labels", WEIGHTS_I64, 1, { n }, l->labels },
        { "index", WEIGHTS_I64, 1, { n }, l->index },
    };
    char *run = vit_json_text(how, JSON_COMPACT), *what = vit_json_text(pictures, JSON_COMPACT);
    const struct weights_text meta[] = { { EVAL_HOW_KEY, run }, { EVAL_PICTURES_KEY, what } };
    const enum vit_status status =
        run && what ? weights_write(path, entries, VIT_COUNT(entries), meta, VIT_COUNT(meta), err)
                    : vit_fail(err, VIT_ERR_NOMEM, "%s: memory ran out", path);

    free(run);
    free(what);
    json_decref(how);
    json_decref(pictures);
    return status;
}

void eval_logits_close(struct eval_logits *l)
{
    free(l->logits);
    free(l->labels);
    free(l->index);
}
