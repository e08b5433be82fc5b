/* What a run or a sweep was started with, and what is asked for now. */
#include <stdlib.h>
#include <string.h>

#include "tools/train.h"

/* Whether the data set at place, called given, is the saved one, moved. */
static enum vit_status check_moved(const char *place, const char *given, const struct train_place *saved,
                                   unsigned splits, const char *what, const char *folder,
                                   struct vit_error *err)
{
    char digest[TRAIN_DIGEST];
    const enum vit_status status = saved->digest ? train_data_digest(digest, place, splits, err) : VIT_OK;

    if (status || (saved->digest && !strcmp(digest, saved->digest))) return status;
    return vit_fail(err, VIT_ERR_ARG, "--data: the %s in %s has \"%s\", found \"%s\"%s", what, folder,
                    saved->path, given, saved->digest ? ", which has other classes, labels or files" : "");
}

enum vit_status train_again_data(const char **out, const char *given, const struct train_place *saved,
                                 unsigned splits, const char *what, const char *folder, struct vit_error *err)
{
    char *real = given ? realpath(given, NULL) : NULL;
    const char *place = real ? real : given;
    enum vit_status status = VIT_OK;

    *out = given ? given : saved->path;
    if (!*out) status = vit_fail(err, VIT_ERR_ARG, "--data: expected a data set, found none");
    if (given) status = recipe_check_path("--data", place, err);
    if (given && saved->path && !status && strcmp(place, saved->path) != 0)
        status = check_moved(place, given, saved, splits, what, folder, err);
    free(real);
    return status;
}

enum vit_status train_again_digest(const char *data, const char *digest, const char *saved, const char *what,
                                   const char *folder, struct vit_error *err)
{
    if (!saved || !strcmp(digest, saved)) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s: the %s in %s began with other classes, labels or files", data,
                    what, folder);
}

enum vit_status train_again_teacher(const char *names, const char *digest, const char *saved_names,
                                    const char *saved_digest, const char *what, const char *folder,
                                    struct vit_error *err)
{
    if (recipe_same_text(digest, saved_digest)) return VIT_OK;
    return vit_fail(err, recipe_same_text(names, saved_names) ? VIT_ERR_UNSUPPORTED : VIT_ERR_ARG,
                    "--teacher %s: the %s in %s began with another one", names, what, folder);
}

enum vit_status train_again_kernels(struct cmd_common *common, const char *saved, const char *what,
                                    const char *folder, struct vit_error *err)
{
    const bool given = common->kernels != NULL;
    struct kern kernels;
    enum vit_status status;

    if (saved && !given) {
        common->kernels = saved;
        if (!kern_select(&kernels, saved, err)) return VIT_OK;
        cmd_warn(common, "%s; going on with other kernels, so not with the same bits", err->text);
        common->kernels = NULL;
    }
    status = cmd_kernels(&kernels, common, err);
    if (!status && saved && given && strcmp(kernels.name, saved) != 0)
        status = vit_fail(err, VIT_ERR_ARG, "--kernels: the %s in %s has \"%s\", found \"%s\"", what, folder,
                          saved, kernels.name);
    return status;
}
