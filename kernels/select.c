#include <stdlib.h>
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/overlays.h"
#include "vit/text.h"

/* What this build contains; an overlay that is not built has no install function and is listed as
 * unavailable. */
#if defined(__x86_64__)
#define BUILT_X86 1
#else
#define BUILT_X86 0
#endif
#define BUILT_ref     1
#define BUILT_vec     1
#define BUILT_blas    VIT_BLAS
#define BUILT_avx2    BUILT_X86
#define BUILT_avx512  BUILT_X86
#define BUILT_int8    BUILT_X86
#define BUILT_avxvnni VIT_AVXVNNI
#define BUILT_vnni    BUILT_X86
#define BUILT_bf16    BUILT_X86
#define BUILT_amxint8 VIT_AMX
#define BUILT_amxbf16 VIT_AMX

#define JOIN_(a, b)          a##b
#define JOIN(a, b)           JOIN_(a, b)
#define INSTALL_1(name)      kern_##name##_install
#define INSTALL_0(name)      NULL
#define INSTALL(built, name) JOIN(INSTALL_, built)(name)

enum {
#define OVERLAY(name, bits, automatic) OVERLAY_##name,
#include "kernels/overlays.def"
#undef OVERLAY
    OVERLAYS
};
_Static_assert((int)OVERLAYS <= (int)KERN_SCRATCHES, "every overlay may bring its own");

static const bool AUTOMATIC[] = {
#define OVERLAY(name, bits, automatic) (automatic),
#include "kernels/overlays.def"
#undef OVERLAY
};

/* Rows as kern_overlay hands them out, unavailable and available: both exist, so that what the CPU
 * says needs no mutable table. */
static const struct kern_overlay ROWS[2][OVERLAYS] = {
    {
#define OVERLAY(name, bits, automatic) { #name, (bits), false, INSTALL(BUILT_##name, name) },
#include "kernels/overlays.def"
#undef OVERLAY
    },
    {
#define OVERLAY(name, bits, automatic) { #name, (bits), true, INSTALL(BUILT_##name, name) },
#include "kernels/overlays.def"
#undef OVERLAY
    },
};

const struct kern_overlay *kern_overlay(int i)
{
    bool available;

    if (i < 0 || i >= OVERLAYS) return NULL;
    available = ROWS[0][i].install && kern_cpu_has(ROWS[0][i].needs);
    return &ROWS[available][i];
}

/* "this CPU can run: ref vec avx2" */
static const char *available_names(char *text, size_t size)
{
    *text = '\0';
    for (int i = 0; i < OVERLAYS; i++)
        if (kern_overlay(i)->available) vit_list_add(text, size, " ", kern_overlay(i)->name);
    return text;
}

static int overlay_of(const char *name, size_t length)
{
    for (int i = 0; i < OVERLAYS; i++)
        if (strlen(ROWS[0][i].name) == length && !memcmp(ROWS[0][i].name, name, length)) return i;
    return -1;
}

/* where: the beginning of the sentence. */
static enum vit_status refuse(const struct kern_overlay *o, const char *where, struct vit_error *err)
{
    char names[128], features[128];

    available_names(names, sizeof names);
    if (!o->install)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%skernels \"%s\" are not in this build; it can run: %s",
                        where, o->name, names);
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%skernels \"%s\" need %s, which this CPU lacks; it can run: %s", where, o->name,
                    kern_cpu_feature_names(o->needs, features, sizeof features), names);
}

/* Mark the overlays named in spec; names are joined by "+". */
static enum vit_status parse(const char *spec, const char *where, bool wanted[OVERLAYS],
                             struct vit_error *err)
{
    char names[128];

    for (const char *at = spec;;) {
        size_t n = strcspn(at, "+");
        int i = overlay_of(at, n);

        if (i < 0)
            return vit_fail(err, VIT_ERR_ARG, "%sunknown kernels \"%.*s\" in \"%.64s\"; this CPU can run: %s",
                            where, (int)(n > 64 ? 64 : n), at, spec, available_names(names, sizeof names));
        if (!kern_overlay(i)->available) return refuse(kern_overlay(i), where, err);
        wanted[i] = true;
        if (!at[n]) return VIT_OK;
        at += n + 1;
    }
}

/* Lay the wanted overlays over each other. blas has products in f32 and nothing else: whoever names it beside
 * an overlay that replaces them believes to measure it. */
static enum vit_status install(struct kern *k, const bool wanted[OVERLAYS], const char *where,
                               struct vit_error *err)
{
    for (int i = 0; i < OVERLAYS; i++) {
        const struct kern under = *k;

        if (!wanted[i]) continue;
        ROWS[0][i].install(k);
        vit_list_add(k->name, sizeof k->name, "+", ROWS[0][i].name);
        if (i <= OVERLAY_blas || !wanted[OVERLAY_blas]) continue;
        if (k->linear[KERN_F32] == under.linear[KERN_F32]) continue;
        *k = (struct kern){ 0 };
        return vit_fail(err, VIT_ERR_ARG,
                        "%skernels \"blas\" and \"%s\" have the same products; expected one of the two",
                        where, ROWS[0][i].name);
    }
    return VIT_OK;
}

enum vit_status kern_select(struct kern *k, const char *spec, struct vit_error *err)
{
    bool wanted[OVERLAYS] = { [OVERLAY_ref] = true };
    const char *where = spec ? "" : "VIT_KERNELS: ";
    char unknown[80];

    *k = (struct kern){ 0 };
    if (kern_cpu_mask_unknown(unknown, sizeof unknown))
        return vit_fail(err, VIT_ERR_ARG, "VIT_CPU_MASK: unknown CPU feature \"%s\"", unknown);
    if (!spec) {
        spec = getenv("VIT_KERNELS");
        if (!spec || !*spec) spec = "auto"; /* set to nothing is not set */
    }
    if (!strcmp(spec, "auto")) {
        for (int i = 0; i < OVERLAYS; i++) wanted[i] = AUTOMATIC[i] && kern_overlay(i)->available;
    } else {
        enum vit_status status = parse(spec, where, wanted, err);
        if (status) return status;
    }
    return install(k, wanted, where, err);
}
