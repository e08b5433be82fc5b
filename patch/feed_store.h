/* feed_store.h - the readable pictures of a data set, prepared once, for any number of feeds. */
#ifndef PATCH_FEED_STORE_H
#define PATCH_FEED_STORE_H

#include "patch/patch.h"

enum { PATCH_FEED_ERRORS = 16 }; /* sentences kept */

/* Bytes of prepared pictures that a program keeps. */
#define PATCH_FEED_CACHE ((size_t)2 << 30)

struct patch_feed_store {
    const struct patch_dataset *data;
    struct patch_recipe recipe;
    struct patch_decode decode;
    size_t picture_bytes;  /* size size 3 */
    size_t count;          /* pictures that could be read */
    size_t *index;         /* (count) in the data set */
    int *label;            /* (count) */
    unsigned char *pixels; /* (count, size, size, 3); NULL: decoded every time */
    size_t failed;
    char *error[PATCH_FEED_ERRORS]; /* of the first failed ones; NULL past the end */
};

struct patch_feed_store_options {
    struct patch_decode decode;
    int threads;        /* that decode; 0: one; more than 64 are not used */
    size_t cache_bytes; /* keep the pictures when they take no more; 0: decode them every time */
    /* Called from the thread of the call with pictures done of all; may be NULL. */
    void (*progress)(void *arg, size_t done, size_t all);
    /* Asked before each picture, by whatever thread; true: the reading ends, and fails. May be NULL. */
    bool (*stopped)(void *arg);
    void *arg;
};

/* Decode every picture of d (which must outlive the store) once. One that cannot be read is left out and
 * counted; memory that runs out ends it with the sentence of the picture that got none. VIT_ERR_IO: it was
 * stopped. */
enum vit_status patch_feed_store_create(struct patch_feed_store **out, const struct patch_dataset *d,
                                        const struct patch_recipe *r,
                                        const struct patch_feed_store_options *options,
                                        struct vit_error *err);
/* pixels (size, size, 3) of readable picture i. Fails only where nothing is kept. */
enum vit_status patch_feed_store_get(const struct patch_feed_store *s, size_t i, unsigned char *pixels,
                                     struct vit_error *err);
void patch_feed_store_close(struct patch_feed_store *s); /* accepts NULL */

#endif
