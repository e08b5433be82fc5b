/* feed.h - training batches: shuffled, augmented, normalised and mixed, made ahead of the arithmetic.
 *
 * Batch i of an epoch is a function of (seed, epoch, i) and of the data set's order alone: workers, arms and
 * interruptions do not change it. The pictures are a store's (feed_store.h). */
#ifndef PATCH_FEED_H
#define PATCH_FEED_H

#include "patch/augment.h"
#include "patch/patch.h"

struct patch_feed_store; /* feed_store.h */

struct patch_feed_options {
    int batch;
    int workers; /* threads that augment ahead; 0: one */
    uint64_t seed;
    struct patch_augment augment;
    struct patch_mix_options mix; /* mixup and CutMix; zero: off */
};

struct patch_feed_batch {
    int n;
    const float *planes; /* (n, 3, size, size) */
    const int *labels;   /* (n) */
    const int *other;    /* (n) second labels, or NULL when this batch is not mixed */
    const float *weight; /* (n) weight of labels */
};

struct patch_feed;

/* Of the pictures in store, at least a batch; it outlives the feed. One that cannot be read is left out and
 * counted, never replaced. */
enum vit_status patch_feed_create(struct patch_feed **out, const struct patch_feed_store *store,
                                  const struct patch_feed_options *options, struct vit_error *err);
void patch_feed_close(struct patch_feed *f);          /* accepts NULL; stops the workers */
size_t patch_feed_count(const struct patch_feed *f);  /* pictures that could be read */
size_t patch_feed_failed(const struct patch_feed *f); /* and those that could not */
/* The first failed pictures' sentences; NULL past the end. */
const char *patch_feed_error(const struct patch_feed *f, size_t i);
/* Full batches of an epoch: count / batch; pictures left over wait for another epoch's order. */
int patch_feed_batches(const struct patch_feed *f);
/* Start at batch first of an epoch; mixing may be off for it (the last epochs of a recipe). */
void patch_feed_start(struct patch_feed *f, int epoch, int first, bool mixing);
/* The next batch, valid until the next call; NULL at the end of the epoch. VIT_ERR_NOMEM: there was
 * none for a picture that is not kept, and the feed gives no more batches. */
enum vit_status patch_feed_next(struct patch_feed *f, const struct patch_feed_batch **out,
                                struct vit_error *err);

#endif
