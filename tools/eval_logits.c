/* Logits in a file, and of what they are. */
#include <stdlib.h>

#include "tools/eval.h"
#include "tools/out.h"
#include "vit/json.h"

json_t *eval_pictures(const char *digest, const char *const *names, int classes)
{
    json_t *list = json_array();

    for (int i = 0; i < classes; i++) vit_json_append(&list, out_text(names[i]));
    return list ? json_pack("{s:s,s:o}", "digest", digest, "classes", list) : NULL;
}

enum vit_status eval_logits_write(const char *path, const struct eval_logits *l, struct vit_error *err)
{
    const struct weights_entry entries[] = {
        { "logits", WEIGHTS_F32, 2, { l->n, l->classes }, l->logits },
        { "labels", WEIGHTS_I64, 1, { l->n }, l->labels },
        { "index", WEIGHTS_I64, 1, { l->n }, l->index },
    };
    char *how = vit_json_text(l->how, JSON_COMPACT), *pictures = vit_json_text(l->pictures, JSON_COMPACT);
    const struct weights_text meta[] = { { EVAL_HOW_KEY, how }, { EVAL_PICTURES_KEY, pictures } };
    enum vit_status status =
        how && pictures ? weights_write(path, entries, VIT_COUNT(entries), meta, VIT_COUNT(meta), err)
                        : vit_fail(err, VIT_ERR_NOMEM, "%s: memory ran out", path);

    free(how);
    free(pictures);
    json_decref(l->how);
    json_decref(l->pictures);
    return status;
}
