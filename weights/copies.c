/* Several copies of one network in a file: which to take, and what belongs to the others. */
#include <string.h>

#include "weights/names.h"

/* part is one of those of prefix, which ends in a dot. */
static bool has_part(const char *prefix, const char *part)
{
    const size_t n = strlen(part);

    for (const char *p = strstr(prefix, part); p; p = strstr(p + 1, part))
        if ((p == prefix || p[-1] == '.') && p[n] == '.') return true;
    return false;
}

int weights_copy_rank(const char *prefix)
{
    /* "ema" is the last: it may hold "ema_model" beside the weights that are averaged. */
    static const char *const AVERAGED[] = { "state_dict_ema", "model_ema", "ema_model", "ema_state_dict",
                                            "ema" };
    static const char *const FIRST[] = { "state_dict.", "model.",  "module.",
                                         "teacher.",    "params/", "opt/target/" };
    int rank = 1;

    if (!*prefix) return 0;
    for (size_t i = 0; i < VIT_COUNT(AVERAGED); i++, rank++)
        if (has_part(prefix, AVERAGED[i])) return rank;
    for (size_t i = 0; i < VIT_COUNT(FIRST); i++, rank++)
        if (!strncmp(prefix, FIRST[i], strlen(FIRST[i]))) return rank;
    return rank;
}

/* How much of a prefix, in whole parts, name begins with. */
static size_t shared(const char *prefix, const char *name, char separator)
{
    size_t n = 0;

    for (size_t i = 0; prefix[i] && prefix[i] == name[i]; i++)
        if (prefix[i] == separator) n = i + 1;
    return n;
}

bool weights_copy_closer(const char *rival, const char *prefix, const char *name, char separator)
{
    return !strncmp(name, rival, strlen(rival)) ||
           shared(rival, name, separator) > shared(prefix, name, separator);
}
