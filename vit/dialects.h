/* dialects.h - what a model is, when no config.json of ours says it: inferred from the tensors, then
 * corrected by timm's or Hugging Face's config.json. Everything inferred is said through vit_model_say. */
#ifndef VIT_DIALECTS_H
#define VIT_DIALECTS_H

#include <jansson.h>

#include "vit/model.h"

/* m->config and m->recipe from the shapes of the tensors and the family's conventions. o, timm's or Hugging
 * Face's (NULL: neither), is asked for the size of the pictures, and whether there are positions and a
 * last norm. */
enum vit_status vit_infer(struct vit_model *m, struct weights_view *v, const json_t *o,
                          struct vit_error *err);
/* Pixels a side that such a configuration says pictures have; 0: it does not. */
int vit_foreign_size(const json_t *o);
/* Whether it says that there are no positions. */
bool vit_foreign_positionless(const json_t *o);
/* Whether it says that no norm stands behind the blocks, as timm's architectures of some names have none. */
bool vit_foreign_normless(const json_t *o);

/* Whether no name tells of another network than a plain ViT outside its blocks. */
enum vit_status vit_refuse_others(const struct weights_view *v, struct vit_error *err);
/* Once the configuration is whole: a block with tensors that it has no use for is another network, which is
 * VIT_ERR_UNSUPPORTED. */
enum vit_status vit_infer_check(const struct vit_model *m, struct weights_view *v, struct vit_error *err);

/* Over what vit_infer found: architecture, model_args and pretrained_cfg of timm, whose keys may stand beside
 * the first instead. */
enum vit_status vit_read_timm(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err);
/* Hugging Face ViT, DeiT, DINOv2. */
enum vit_status vit_read_hf(struct vit_model *m, const json_t *o, const char *where, struct vit_error *err);
/* Whether model_args, Hugging Face's configuration, and the key that has the number of classes say what the
 * tensors do. Keys that are not there say nothing: an architecture of timm has values of its own. */
enum vit_status vit_agree_timm(const struct vit_config *c, const json_t *args, const char *where,
                               struct vit_error *err);
enum vit_status vit_agree_hf(const struct vit_config *c, const json_t *o, const char *where,
                             struct vit_error *err);
enum vit_status vit_agree_classes(const struct vit_model *m, const json_t *o, const char *where,
                                  const char *key, struct vit_error *err);
/* Whether its "model_type" is one of these: others of Hugging Face have the same names, and compute
 * otherwise. */
enum vit_status vit_check_hf_type(const json_t *o, const char *where, struct vit_error *err);
/* preprocessor_config.json of Hugging Face. */
enum vit_status vit_read_hf_recipe(struct vit_model *m, const json_t *o, const char *where,
                                   struct vit_error *err);

/* Take a lone linear layer for the classifier that has not the family's name, and warn of it; false: there is
 * none. */
bool vit_infer_other_head(struct vit_model *m, struct weights_view *v);
/* Whether a model without a classifier will do, and has none: what one of another kind reads is not known. */
enum vit_status vit_check_headless(const struct vit_model *m, const struct weights_view *v,
                                   struct vit_error *err);
/* There is no classifier: one class stands for those that another head would have, and a note says so. */
void vit_model_without_head(struct vit_model *m);

/* Say all that the model is taken to be and its configuration does not say, the names of its tensors too
 * where they are not ours, timm's. o NULL: no configuration of ours. */
void vit_say_taken(struct vit_model *m, const json_t *o);
/* Say which scores are not what they seem: transformers' ImageClassificationPipeline takes the sigmoid of
 * several labels, and of one alone. o NULL: no configuration. */
enum vit_status vit_say_scores(struct vit_model *m, const json_t *o, const char *where,
                               struct vit_error *err);

/* Heads of the size in the name of one of timm's architectures, whatever its width; 0 when it has none. */
int vit_preset_heads(const char *architecture);
/* Heads of the size of this width, depth and hidden width in the same table, and its name; 0: none is. */
int vit_preset_heads_of(const struct vit_config *c, const char **size);

/* The MLP's hidden width as the ratio of which timm and DINOv2 take int(width * ratio) in double: the decimal
 * of the fewest digits. */
double vit_mlp_ratio(int width, int hidden);

/* Where o, timm's or Hugging Face's, has its labels; NULL: nowhere. */
const json_t *vit_foreign_labels(const json_t *o);
/* Keep labels: an object {"0": name, ...} or an array of names; a name may be an integer. Wrong counts are an
 * error. */
enum vit_status vit_read_labels(struct vit_model *m, const json_t *labels, const char *where,
                                struct vit_error *err);

#endif
