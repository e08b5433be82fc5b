#include "vit/text.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *vit_list(char *text, size_t size, const char *const *names, size_t count)
{
    enum { TAIL = 32 }; /* room for "... (1000 more)" */
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (at + strlen(names[i]) + 2 + TAIL > size) {
            snprintf(text + at, size - at, "%s... (%zu more)", i ? ", " : "", count - i);
            break;
        }
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", names[i]);
    }
    return text;
}

void vit_list_add(char *text, size_t size, const char *between, const char *word)
{
    const size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s", used ? between : "", word);
}

int vit_index_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name)) return (int)i;
    return -1;
}

bool vit_ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);

    return n >= k && !strcmp(text + n - k, end);
}

int vit_float_digits(float x, int least)
{
    char text[32];
    int digits = least;

    for (; digits < FLT_DECIMAL_DIG; digits++) { /* so many always do */
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) break;
    }
    return digits;
}
