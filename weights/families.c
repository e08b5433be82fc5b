/* What the names of a family look like, whatever file has them. */
#include <stdio.h>
#include <string.h>

#include "weights/names.h"

/* ---- patterns ---- */

bool weights_match(const char *pattern, const char *name, struct weights_capture *c)
{
    *c = (struct weights_capture){ .number = "", .rest = "" };
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            c->rest = name;
            return *name != '\0';
        }
        if (*pattern == '#') {
            c->number = name;
            c->number_size = (int)strspn(name, "0123456789");
            if (!c->number_size) return false;
            name += c->number_size;
        } else if (*pattern != *name++) {
            return false;
        }
    }
    return !*name;
}

bool weights_fill(char *text, const char *prefix, size_t prefix_size, const char *pattern,
                  const struct weights_capture *c)
{
    const char *number = strchr(pattern, '#');
    const size_t size = strcspn(pattern, "*"), before = number ? (size_t)(number - pattern) : size;
    const char *after = number ? number + 1 : pattern + size;
    int n = snprintf(text, WEIGHTS_FULL_NAME, "%.*s%.*s%.*s%.*s%s", (int)prefix_size, prefix, (int)before,
                     pattern, number ? c->number_size : 0, c->number, (int)(pattern + size - after), after,
                     pattern[size] ? c->rest : "");

    return n > 0 && n < WEIGHTS_FULL_NAME;
}

/* ---- families ---- */

static const struct weights_naming *naming_of(enum weights_family family)
{
    const struct weights_naming *n = weights_namings;

    while (n->family != family) n++;
    return n;
}

const char *weights_family_name(enum weights_family family)
{
    return (size_t)family < WEIGHTS_FAMILIES ? naming_of(family)->name : "unknown";
}

bool weights_in_trunk(const char *canonical)
{
    return strncmp(canonical, "head", 4) != 0;
}

int weights_family_names(enum weights_family family, const char *canonical, char names[3][WEIGHTS_NAME])
{
    const struct weights_naming *n = naming_of(family);
    const struct weights_row *row = n->rows;
    const char *trunk = weights_in_trunk(canonical) ? n->trunk : "";
    char name[WEIGHTS_FULL_NAME];
    struct weights_capture c;
    int parts = 0;

    while (row < n->rows + n->row_count && !weights_match(row->canonical, canonical, &c)) row++;
    if (row == n->rows + n->row_count || row->layout != WEIGHTS_AS_IS) return 0;
    for (; parts < (int)VIT_COUNT(row->part) && row->part[parts]; parts++) {
        if (!weights_fill(name, trunk, strlen(trunk), row->part[parts], &c) || strlen(name) >= WEIGHTS_NAME)
            return 0;
        memcpy(names[parts], name, strlen(name) + 1);
    }
    return parts;
}

enum weights_resample weights_family_resample(enum weights_family family, const char *format)
{
    if (family == WEIGHTS_TIMM && !strcmp(format, "npz")) return WEIGHTS_BILINEAR;
    return naming_of(family)->resample;
}
