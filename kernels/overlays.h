/* overlays.h - the install functions of the overlays: each puts its operations into *k. */
#ifndef KERNELS_OVERLAYS_H
#define KERNELS_OVERLAYS_H

#include "kernels/kern.h"

#ifndef VIT_BLAS
#define VIT_BLAS 0
#endif

#define OVERLAY(name, bits, words, automatic) void kern_##name##_install(struct kern *k);
#include "kernels/overlays.def"
#undef OVERLAY

#endif
