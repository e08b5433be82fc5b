/* text.h - lists of names and numbers as sentences and files have them. */
#ifndef VIT_TEXT_H
#define VIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* "cat, dog, ... (90 more)" within size bytes of text. */
const char *vit_list(char *text, size_t size, const char *const *names, size_t count);
/* text + between + word within size bytes; word alone where text is empty. What finds no room is left out. */
void vit_list_add(char *text, size_t size, const char *between, const char *word);

/* Which of count names is name; -1: none. */
int vit_index_of(const char *const *names, size_t count, const char *name);

bool vit_ends_with(const char *text, const char *end);

/* The fewest significant digits, least or more, with which the decimal of x reads back as the same float. */
int vit_float_digits(float x, int least);

#endif
