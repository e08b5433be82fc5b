/* Networks that people hand over and that no naming describes. */
#include <string.h>

#include "weights/names.h"

enum vit_status weights_refuse_stranger(const struct weights_file *f, struct vit_error *err)
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

enum vit_status weights_refuse_names(const struct weights_file *f, struct vit_error *err)
{
    const enum vit_status status = weights_refuse_stranger(f, err);

    if (status) return status;
    return vit_fail(
        err, VIT_ERR_FORMAT,
        "%s: its tensors have the names of no known family (timm, Hugging Face ViT, DeiT or DINOv2, "
        "torchvision, torch, Compact-Transformers, JAX); the first of %zu is \"%s\"",
        weights_path(f), weights_count(f), weights_count(f) ? weights_at(f, 0)->name : "");
}
