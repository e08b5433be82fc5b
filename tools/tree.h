/* tree.h - a JSON object as text for people: one fact a line, lists of objects as tables. */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include <jansson.h>

void tree_print(const json_t *object);

#endif
