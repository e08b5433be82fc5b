/* Networks that people hand over and that no naming describes. */
#include <string.h>

#include "weights/names.h"

/* A network that is known not to be read, by a part of a name: VIT_ERR_UNSUPPORTED says which. */
static enum vit_status refuse_stranger(const struct weights_file *f, struct vit_error *err)
{
    static const struct {
        const char *part, *what;
    } STRANGERS[] = {
        { "Transformer/encoderblock/", "holds all layers in one tensor (a scanned Flax model); save it "
                                       "unrolled, as Transformer/encoderblock_0 and so on" },
        { ".lora_A.", "belongs to a LoRA adapter; merge it into its network (merge_and_unload() of peft) and "
                      "save that" },
        { "relative_position_bias", "belongs to a network with relative positions, as Swin Transformers "
                                    "have; only plain ViTs are supported" },
        { "vision_model.", "belongs to CLIP or SigLIP, which are not read under Hugging Face's names" },
        { "visual.", "belongs to CLIP, which is not read under the names of OpenAI and open_clip" },
        { "to_patch_embedding.", "belongs to a network of vit-pytorch, whose names are not read" },
    };

    for (size_t i = 0; i < VIT_COUNT(STRANGERS); i++)
        for (size_t j = 0; j < weights_count(f); j++)
            if (strstr(weights_at(f, j)->name, STRANGERS[i].part))
                return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: \"%s\" %s", weights_path(f),
                                weights_at(f, j)->name, STRANGERS[i].what);
    return VIT_OK;
}

/* "stages.0." and "stages.1.": alike but for a number, their last part. */
static bool are_numbered(const char *a, const char *b, char separator)
{
    static const char DIGITS[] = "0123456789";
    size_t n = 0, of_a, of_b;

    while (a[n] && a[n] == b[n]) n++;
    while (n && a[n - 1] != separator) n--;
    of_a = strspn(a + n, DIGITS);
    of_b = strspn(b + n, DIGITS);
    return of_a && a[n + of_a] == separator && !a[n + of_a + 1] && of_b && b[n + of_b] == separator &&
           !b[n + of_b + 1];
}

enum vit_status weights_refuse_rivals(const struct weights_file *f, const struct weights_naming *naming,
                                      const char *a, const char *b, struct vit_error *err)
{
    const enum vit_status status = refuse_stranger(f, err);

    if (status) return status;
    if (are_numbered(a, b, naming->separator))
        return vit_fail(
            err, VIT_ERR_UNSUPPORTED,
            "%s: has blocks under \"%s\" and \"%s\", as a network of several stages has (or several "
            "networks): only plain ViTs are supported",
            weights_path(f), a, b);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: holds two models, \"%s\" and \"%s\", and neither is preferred",
                    weights_path(f), a, b);
}

enum vit_status weights_refuse_names(const struct weights_file *f, struct vit_error *err)
{
    const enum vit_status status = refuse_stranger(f, err);

    if (status) return status;
    return vit_fail(
        err, VIT_ERR_FORMAT,
        "%s: its tensors have the names of no known family (timm, Hugging Face ViT, DeiT or DINOv2, "
        "torchvision, torch, Compact-Transformers, JAX); the first of %zu is \"%s\"",
        weights_path(f), weights_count(f), weights_count(f) ? weights_at(f, 0)->name : "");
}
