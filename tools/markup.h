/* markup.h - HTML and SVG with texts that come from files.
 *
 *     markup_put(out, "<td title=\"%s\">%d</td>", name, count);
 *
 * The format is markup of ours and goes out as it is; every %s is a text of somebody else's and goes out as
 * text: it cannot end an attribute, open an element or break XML, whatever it holds. So a page is both HTML
 * and well-formed XML when our formats are. */
#ifndef TOOLS_MARKUP_H
#define TOOLS_MARKUP_H

#include <stdio.h>

#include "vit/base.h"

/* Knows %s, %d, %zu, and %f and %g with flags, width and precision in digits; %% is a per cent sign. */
void markup_put(FILE *out, const char *format, ...) VIT_PRINTF(2, 3);

/* & < > " ' as references; what is not UTF-8, control characters and what XML forbids as U+FFFD. */
void markup_text(FILE *out, const char *text);

/* text as one word of a POSIX shell, in quotes where it needs them; then as markup_text. */
void markup_word(FILE *out, const char *text);

#endif
