/* text.h - names that stand for numbers. */
#ifndef VIT_TEXT_H
#define VIT_TEXT_H

#include <stddef.h>

/* Which of count names is name; -1: none. */
int vit_index_of(const char *const *names, size_t count, const char *name);

#endif
