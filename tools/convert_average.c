/* vit convert --average: the original becomes the mean of several networks. */
#include <stdlib.h>
#include <string.h>

#include "tools/convert.h"
#include "vit/train.h"

struct others {
    struct vit_model *model[CONVERT_AVERAGE];
    int count;
};

static enum vit_status open_other(struct others *all, const char *path, const struct cmd_common *common,
                                  struct vit_error *err)
{
    const struct vit_model_options how = { .kernels = common->kernels,
                                           .image = common->size,
                                           .threads = cmd_threads(common) };
    struct vit_error why;
    enum vit_status status;

    if (!*path)
        return vit_fail(err, VIT_ERR_ARG, "--average: expected a network on each side of +, found none");
    if (all->count == CONVERT_AVERAGE - 1)
        return vit_fail(err, VIT_ERR_ARG, "--average: expected at most %d networks beside IN, found more",
                        CONVERT_AVERAGE - 1);
    status = vit_model_open(&all->model[all->count], path, &how, &why);
    if (status) return vit_fail(err, status, "--average %s", why.text);
    cmd_say_notes(all->model[all->count++], common);
    return VIT_OK;
}

enum vit_status convert_average(struct convert_comparison *c, struct vit_error *err)
{
    struct vit_model *m = c->model[CONVERT_BEFORE];
    struct others all = { 0 };
    char *names = strdup(c->options->average), *rest = names;
    enum vit_status status = VIT_OK;

    if (!names) status = vit_fail(err, VIT_ERR_NOMEM, "--average: no memory for it");
    for (const char *name; !status && (name = cmd_next_model(&rest));)
        status = open_other(&all, name, &c->options->common, err);
    if (!status) status = vit_model_average(m, (const struct vit_model *const *)all.model, all.count, err);
    if (!status) c->averaged = all.count + 1;
    for (int i = 0; i < all.count; i++) vit_model_close(all.model[i]);
    free(names);
    return status;
}
