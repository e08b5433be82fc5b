#include "tools/tree.h"

#include <stdio.h>
#include <string.h>

#include "tools/out.h"

enum { STEP = 2, ALIGN = 18 };

static bool is_leaf(const json_t *v)
{
    return !json_is_object(v) && !json_is_array(v);
}

static void print_leaf(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING: out_name(stdout, json_string_value(v)); break;
    case JSON_INTEGER: printf("%lld", (long long)json_integer_value(v)); break;
    case JSON_REAL: printf("%.7g", json_real_value(v)); break;
    case JSON_TRUE: fputs("yes", stdout); break;
    case JSON_FALSE: fputs("no", stdout); break;
    default: fputs("-", stdout); break;
    }
}

/* Elements or members in one line: leaves, and lists of leaves in brackets. */
static void print_row(const json_t *v)
{
    const char *between = "";
    const char *key;
    const json_t *item;
    size_t i;

    if (is_leaf(v)) {
        print_leaf(v);
    } else if (json_is_array(v)) {
        putchar('[');
        json_array_foreach(v, i, item)
        {
            fputs(between, stdout);
            print_row(item);
            between = ", ";
        }
        putchar(']');
    } else {
        json_object_foreach((json_t *)v, key, item)
        {
            fputs(between, stdout);
            if (!json_is_string(item) || strcmp(key, "name") != 0) printf("%s ", key);
            print_row(item);
            between = ", ";
        }
    }
}

static bool all_leaves(const json_t *array)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item)
    {
        if (!is_leaf(item)) return false;
    }
    return true;
}

static void print_list(const json_t *array)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item)
    {
        if (i) fputs(", ", stdout);
        print_leaf(item);
    }
    puts(i ? "" : "-"); /* an empty one */
}

static void print_object(const json_t *object, int indent)
{
    const char *key;
    const json_t *v, *item;
    size_t i;

    json_object_foreach((json_t *)object, key, v)
    {
        const bool short_value = is_leaf(v) || (json_is_array(v) && all_leaves(v));
        const int length = (int)strlen(key), width = ALIGN - indent > length ? ALIGN - indent : length + 1;
        printf("%*s%-*s", indent, "", short_value ? width : 0, key);
        if (is_leaf(v)) {
            print_leaf(v);
            putchar('\n');
        } else if (json_is_array(v) && all_leaves(v)) {
            print_list(v);
        } else if (json_is_array(v)) {
            putchar('\n');
            json_array_foreach(v, i, item)
            {
                printf("%*s", indent + STEP, "");
                print_row(item);
                putchar('\n');
            }
        } else {
            putchar('\n');
            print_object(v, indent + STEP);
        }
    }
}

void tree_print(const json_t *object)
{
    print_object(object, 0);
}
