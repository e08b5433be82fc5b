/* native_install.h - scratch of all native operations, and the entries of the table they replace. */
#ifndef KERNELS_NATIVE_INSTALL_H
#define KERNELS_NATIVE_INSTALL_H

static size_t scratch(const struct kern_limits *l)
{
    const size_t threads = (size_t)l->threads;
    const int widest = most(l->inputs, l->outputs);
    size_t floats = threads * larger(sizeof(struct room) / sizeof(float), attend_floats(l->tokens, l->head));

    if (l->training) {
        floats = larger(floats, dw_scratch(l->outputs, l->inputs));
        floats = larger(floats, threads * back_floats(l->tokens, l->head));
        floats = larger(floats, PARTS * part_floats(widest));
    }
    return floats * sizeof(float);
}

void INSTALL_NAME(NATIVE)(struct kern *k)
{
    kern_add_scratch(k, scratch);
    k->own_regions = false;
    k->pack[KERN_F32] = linear_pack;
    k->pack[KERN_BF16] = linear_pack_bf16;
    k->pack[KERN_I8] = linear_pack_i8;
    for (int i = 0; i < KERN_DTYPES; i++)
        k->layout[i] = (struct kern_layout){ (enum kern_dtype)i, TILE_COLS, 1, sizeof(float) };
    k->linear[KERN_F32] = k->linear[KERN_BF16] = k->linear[KERN_I8] = linear;
    k->linear_dx[KERN_F32] = k->linear_dx[KERN_BF16] = linear_dx;
    k->linear_dw[KERN_F32] = linear_dw;
    k->linear_dw[KERN_BF16] = linear_dw_bf16;
    k->attend[KERN_F32] = k->attend[KERN_I8] = attend;
    k->attend[KERN_BF16] = attend_bf16;
    k->attend_back = attend_back;
    k->norm = norm;
    k->norm_back = norm_back;
    k->act = act;
    k->act_back = act_back;
    k->glu = glu;
    k->glu_back = glu_back;
    k->add = add;
    k->add_back = add_back;
    k->row_scale = row_scale;
    k->im2col = im2col;
    k->col2im = col2im;
    k->max_pool = max_pool;
    k->max_pool_back = max_pool_back;
    k->adamw = adamw;
    k->sum_squares = sum_squares;
}

#endif
