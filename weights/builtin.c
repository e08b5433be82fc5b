#include "weights/builtin.h"

#include <string.h>

#include "vit/text.h"

#if VIT_BUILTIN
/* In embedded.c: the bytes of weights/builtin/{pre,post}.safetensors and the byte after them. */
extern const unsigned char weights_builtin_pre[], weights_builtin_pre_end[];
extern const unsigned char weights_builtin_post[], weights_builtin_post_end[];
#endif

static const struct builtin {
    const char *name;
    const unsigned char *bytes, *end;
} BUILTINS[] = {
#if VIT_BUILTIN
    { WEIGHTS_BUILTIN "pre", weights_builtin_pre, weights_builtin_pre_end },
    { WEIGHTS_BUILTIN "post", weights_builtin_post, weights_builtin_post_end },
#endif
    { NULL, NULL, NULL },
};

enum vit_status weights_open_builtin(struct weights_file **out, const char *name, struct vit_error *err)
{
    char names[128] = "";

    *out = NULL;
    for (const struct builtin *b = BUILTINS; b->name; b++) {
        if (!strcmp(name, b->name))
            return weights_open_memory(out, b->bytes, (size_t)(b->end - b->bytes), b->name, err);
        vit_list_add(names, sizeof names, ", ", b->name);
    }
    return vit_fail(err, VIT_ERR_ARG, "%s: no such network in this build: there are %s", name,
                    *names ? names : "none");
}
