/* vit --version: what this build is and what this machine lets it do. */
#include <jansson.h>
#include <zip.h>

#include "tools/cmd.h"

#ifndef VIT_BUILD_FLAGS
#define VIT_BUILD_FLAGS "unknown flags"
#endif

static const char *compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

void cmd_print_version(void)
{
    const struct kern_overlay *k;
    struct kern chosen;

    printf("vit %s\n", vit_version());
    printf("build      %s, %s\n", compiler(), VIT_BUILD_FLAGS);
    printf("kernels   ");
    for (int i = 0; (k = kern_overlay(i)); i++)
        if (k->available) printf(" %s", k->name);
    if (!kern_select(&chosen, NULL, NULL)) printf(" (chosen: %s)", chosen.name);
    printf("\ndecoders   %s\n", patch_decoders());
    printf("OpenBLAS   %s\n", kern_blas_config() ? kern_blas_config() : "not built in");
    printf("libraries  jansson %s, libzip %s\n", JANSSON_VERSION, zip_libzip_version());
}
