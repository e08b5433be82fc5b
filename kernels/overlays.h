/* overlays.h - which overlays a build may have, and what installs each: puts its operations into *k. */
#ifndef KERNELS_OVERLAYS_H
#define KERNELS_OVERLAYS_H

#include "kernels/kern.h"

/* What not every machine can build. The Makefile asks, and tells of AVX-VNNI and AMX those alone who need to
 * know. */
#ifndef VIT_BLAS
#define VIT_BLAS 0
#endif
#ifndef VIT_AVXVNNI
#define VIT_AVXVNNI 0
#endif
#ifndef VIT_AMX
#define VIT_AMX 0
#endif

/* What an overlay's operations need beside that of those under it. */
void kern_add_scratch(struct kern *k, size_t (*bytes)(const struct kern_limits *limits));

#define OVERLAY(name, bits, automatic) void kern_##name##_install(struct kern *k);
#include "kernels/overlays.def"
#undef OVERLAY

#endif
