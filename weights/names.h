/* names.h - how the families of checkpoints name what timm names canonically.
 *
 * A pattern has at most one '#', a number (of a block or stem stage), and at most one '*' at its end, the
 * rest of the name ("weight", "bias"). Both stand for the same text on the two sides of a row. */
#ifndef WEIGHTS_NAMES_H
#define WEIGHTS_NAMES_H

#include "weights/weights.h"

struct weights_row {
    const char *canonical;
    enum weights_layout layout;
    const char *part[3]; /* names in the file, in the order of concatenation */
};

struct weights_naming {
    enum weights_family family;
    const char *name;
    char separator;         /* between the parts of a name */
    const char *anchors[4]; /* a file with any of these names, under a prefix, belongs to the family */
    const char *beside;     /* but only with this one under the same prefix; NULL: whatever there is */
    const char *block[2];   /* what stands before and after a block's number, '#' */
    const char *trunk;      /* what a classifier's file puts before all but the head, when it is written */
    const struct weights_row *rows; /* the first whose parts are all in the file wins */
    size_t row_count;
    enum weights_resample resample; /* of positions, as the family's own code does */
};

/* What '#' and '*' stood for. */
struct weights_capture {
    const char *number, *rest;
    int number_size;
};
bool weights_match(const char *pattern, const char *name, struct weights_capture *c);
/* text (WEIGHTS_FULL_NAME) = the first prefix_size characters of prefix, and the pattern filled in; false: it
 * is longer. */
enum { WEIGHTS_FULL_NAME = 512 };
bool weights_fill(char *text, const char *prefix, size_t prefix_size, const char *pattern,
                  const struct weights_capture *c);

/* In the order of recognition. */
extern const struct weights_naming weights_namings[WEIGHTS_FAMILIES];

/* Whether a canonical tensor lies with the blocks: the head lies beside the trunk. */
bool weights_in_trunk(const char *canonical);

/* Which copy of a network to take, by what stands before its names: that of the lowest rank. The averaged
 * weights come first, as in timm, wherever in the prefix their name stands. */
int weights_copy_rank(const char *prefix);
/* Whether name lies with the rival's copy, not with that of prefix: a head may lie less deep than its
 * trunk. */
bool weights_copy_closer(const char *rival, const char *prefix, const char *name, char separator);

/* Blocks under two prefixes, of which neither is preferred; never VIT_OK. */
enum vit_status weights_refuse_rivals(const struct weights_file *f, const struct weights_naming *naming,
                                      const char *a, const char *b, struct vit_error *err);
/* Names of no family; never VIT_OK. */
enum vit_status weights_refuse_names(const struct weights_file *f, struct vit_error *err);

#endif
