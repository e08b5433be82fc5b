/* ref.c - the reference fills every entry of the table, so that overlays need only replace some. Two stay
 * empty: linear_dx and linear_dw of KERN_I8, which has the forward only. */
#include "kernels/ref.h"

/* attend_back keeps two rows of t doubles per thread. */
static size_t scratch_bytes(const struct kern_limits *limits)
{
    return (size_t)limits->threads * 2 * (size_t)limits->tokens * sizeof(double);
}

/* The reference reads f32 in place. */
static void pack(void *to, const float *w, int n, int k, bool back)
{
    (void)to, (void)w, (void)n, (void)k, (void)back;
}

void kern_add_scratch(struct kern *k, size_t (*bytes)(const struct kern_limits *limits))
{
    int i = 0;

    while (k->scratch[i]) i++;
    assert(i < KERN_SCRATCHES);
    k->scratch[i] = bytes;
}

void kern_ref_install(struct kern *k)
{
    *k = (struct kern){
        .own_regions = true,
        .scratch = { scratch_bytes },
        .pack = { [KERN_F32] = pack, [KERN_BF16] = pack, [KERN_I8] = pack },
        .linear = { [KERN_F32] = kern_ref_linear,
                    [KERN_BF16] = kern_ref_linear,
                    [KERN_I8] = kern_ref_linear },
        .linear_dx = { [KERN_F32] = kern_ref_linear_dx, [KERN_BF16] = kern_ref_linear_dx },
        .linear_dw = { [KERN_F32] = kern_ref_linear_dw, [KERN_BF16] = kern_ref_linear_dw_bf16 },
        .attend = { [KERN_F32] = kern_ref_attend,
                    [KERN_BF16] = kern_ref_attend_bf16,
                    [KERN_I8] = kern_ref_attend },
        .attend_back = kern_ref_attend_back,
        .norm = kern_ref_norm,
        .norm_back = kern_ref_norm_back,
        .act = kern_ref_act,
        .act_back = kern_ref_act_back,
        .glu = kern_ref_glu,
        .glu_back = kern_ref_glu_back,
        .add = kern_ref_add,
        .add_back = kern_ref_add_back,
        .row_scale = kern_ref_row_scale,
        .im2col = kern_ref_im2col,
        .col2im = kern_ref_col2im,
        .max_pool = kern_ref_max_pool,
        .max_pool_back = kern_ref_max_pool_back,
        .adamw = kern_ref_adamw,
        .sum_squares = kern_ref_sum_squares,
    };
}
