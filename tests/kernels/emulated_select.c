/* The selection of kernels, with the overlays of emulated.def. */
#define OVERLAYS_OF_TESTS
#define BUILT_emulated_avx512  1
#define BUILT_emulated_avxvnni 1
#define BUILT_emulated_vnni    1
#define BUILT_emulated_bf16    1
#define BUILT_emulated_amxint8 1
#define BUILT_emulated_amxbf16 1
#include "kernels/select.c"
