/* recipe_preset.h - presets as lines of settings, "name=value name=value"; their networks are
 * vit_config_preset's, but for fine-tune's, which is the trained one of --from. */
#ifndef TOOLS_RECIPE_PRESET_H
#define TOOLS_RECIPE_PRESET_H

/* ViT at CIFAR's size with crop, flip and the usual AdamW. */
#define RECIPE_PLAIN                                                                                         \
    "init=trunc02 optimizer=adamw lr=1e-3 beta2=0.98 weight-decay=0.05 warmup=5% schedule=cosine lr-end=0 "  \
    "clip=1 epochs=50 batch=128 augment=basic label-smoothing=0.1"

/* Hassani et al. 2021 (arXiv 2104.05704), the recipe of the 200-epoch rows: 2.5 % are 5 epochs of 200. */
#define RECIPE_CCT                                                                                           \
    "init=trunc02 position-std=0.2 optimizer=adamw lr=5e-4 beta2=0.999 weight-decay=0.03 decay-all=on "      \
    "warmup=2.5% schedule=cosine lr-end=0 clip=0 epochs=200 batch=128 augment=autoaugment flip=random "      \
    "padding=zero label-smoothing=0.1 drop-path=0.1 attn-drop=0.1"

/* The most accuracy that a few PFLOP buy: strong augmentation, averaged weights. */
#define RECIPE_ACCURATE                                                                                      \
    "init=trunc02 zero-head=on optimizer=adamw lr=1e-3 beta2=0.98 weight-decay=0.05 warmup=5% "              \
    "schedule=cosine lr-end=0 clip=1 epochs=120 batch=128 augment=autoaugment flip=alternating "             \
    "padding=reflect cutmix=1 mix-prob=0.5 mix-off=0.15 label-smoothing=0.1 drop-path=0.1 ema=0.999"

/* Trained weights: a rate and a length that keep what they know, and a head that begins at zero, so that no
 * draw disturbs them (Dosovitskiy et al. 2021, section 3.2). */
#define RECIPE_FINE_TUNE                                                                                     \
    "zero-head=on optimizer=adamw lr=1e-4 beta2=0.999 weight-decay=0.05 warmup=10% schedule=cosine "         \
    "lr-end=0 clip=1 epochs=10 batch=32 augment=basic flip=random label-smoothing=0.1"

/* The preset of a recipe that has --from and names none. */
#define RECIPE_PRESET_OF_TRAINED "fine-tune"

/* A paragraph for --help. */
#define RECIPE_PRESETS_TEXT                                                                                  \
    "Presets, as the settings they stand for:\n"                                                             \
    "plain-4: image=32 stem=patch patch=4 width=192 depth=12 heads=3 hidden=768 pool=cls "                   \
    "norm=pre " RECIPE_PLAIN ".\n"                                                                           \
    "cct-4-3x2: image=32 stem=conv-3x2 width=128 depth=4 heads=2 hidden=128 pool=seq "                       \
    "norm=pre-post " RECIPE_CCT                                                                              \
    ". No setting says that its queries, keys and values have no bias and its norms an eps of 1e-5. It "     \
    "differs from what was published in this: 10 % of the pictures are held out unless --val 0 is given; "   \
    "the last weights are the model, not those best on the test set; normal initial weights are cut at "     \
    "two deviations, which leaves 0.88 of the deviation; the rate changes with every step, in a line and "   \
    "then the cosine, not with every epoch, by 1/5, 1/4, 1/3, 1/2 and all of the peak and then the cosine; " \
    "AutoAugment comes after crop and flip, not before them, and is torchvision's: its solarize begins at "  \
    "255, not 256, it turns either way, moves by whole pixels and shears to the nearest, not bicubic; what " \
    "fills no batch waits for another epoch.\n"                                                              \
    "accurate: image=32 stem=conv-3x2 width=160 depth=6 heads=5 hidden=320 pool=seq "                        \
    "norm=pre " RECIPE_ACCURATE ".\n"                                                                        \
    "fine-tune: the network of --from, and " RECIPE_FINE_TUNE "."

const char *recipe_preset_name(int i); /* NULL past the end */
/* NULL: no such preset. */
const char *recipe_preset_line(const char *name);

#endif
