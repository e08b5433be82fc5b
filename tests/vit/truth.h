/* truth.h - a forward of its own for tiny.h's networks: plain loops in double, from the definitions of the
 * placements. */
#ifndef TESTS_VIT_TRUTH_H
#define TESTS_VIT_TRUTH_H

#include "tests/vit/tiny.h"

enum { N = 6, T = 5, D = 16, H = 2, E = D / H, M = 24, DEPTH = TINY_DEPTH, PATCH = 4 };

/* ---- the placements, as their authors define them ---- */

/* One sub-layer is u = S(x); f = F(P(u)); y = a u + g O(f); x' = A(y). Each letter is the name of a norm, or
 * NULL. */
struct half {
    const char *s, *p, *o, *a;
};
static const struct definition {
    enum vit_placement placement;
    struct half half[2];
    bool alpha, scale;
} DEFINITIONS[] = {
    { VIT_NORM_PRE, { { .p = "norm1" }, { .p = "norm2" } }, false, false },
    { VIT_NORM_POST, { { .a = "norm1" }, { .a = "norm2" } }, false, false },
    { VIT_NORM_RES_POST, { { .o = "norm1" }, { .o = "norm2" } }, false, false },
    { VIT_NORM_SANDWICH,
      { { .p = "norm1", .o = "norm1_out" }, { .p = "norm2", .o = "norm2_out" } },
      false,
      false },
    { VIT_NORM_DEEPNORM, { { .a = "norm1" }, { .a = "norm2" } }, true, false },
    { VIT_NORM_PRE_POST, { { .p = "norm1" }, { .s = "norm2" } }, false, false },
    { VIT_NORM_POST_PRE, { { .s = "norm1" }, { .p = "norm2" } }, false, false },
    { VIT_NORM_LAYERSCALE, { { .p = "norm1" }, { .p = "norm2" } }, false, true },
    { VIT_NORM_REZERO, { { 0 }, { 0 } }, false, true },
    { VIT_NORM_MIX, { { .a = "norm1" }, { .a = "norm2" } }, false, false }, /* then pre */
};
_Static_assert(VIT_COUNT(DEFINITIONS) == VIT_PLACEMENTS, "a placement is not tested");

/* Of a mix of 0.75 the first floor(0.75 DEPTH) blocks are post: Li et al. 2024. */
enum { MIXED = 3 * DEPTH / 4 };

static inline const struct half *half_of(const struct definition *d, int block, int half)
{
    return d->placement == VIT_NORM_MIX && block >= MIXED ? &DEFINITIONS[VIT_NORM_PRE].half[half]
                                                          : &d->half[half];
}

/* ---- a forward in double ---- */

/* What is kept of it, of N pictures. */
struct truth {
    double stream[DEPTH + 1][N][T][D];
    double middle[DEPTH][N][T][D]; /* what the MLP's half starts from */
    double skip[DEPTH][2][N][T][D], branch[DEPTH][2][N][T][D];
    double prob[DEPTH][N][H][T][T], logit[DEPTH][N][H][T][T];
    double logits[N][TINY_CLASSES];
};

static inline const float *values(struct vit_model *m, const char *format, int block)
{
    char name[64];

    snprintf(name, sizeof name, format, block);
    return tiny_values(m, name);
}

static inline void dense(double *out, const double *in, const float *w, const float *b, int outputs,
                         int inputs)
{
    for (int o = 0; o < outputs; o++) {
        out[o] = (double)b[o];
        for (int i = 0; i < inputs; i++) out[o] += (double)w[o * inputs + i] * in[i];
    }
}

/* Layer norm of x (T, D) under the name "blocks.%d.<norm>"; NULL: nothing. */
static inline void norm(double x[T][D], struct vit_model *m, int block, const char *name)
{
    char format[64];

    if (!name) return;
    snprintf(format, sizeof format, "blocks.%%d.%s.weight", name);
    const float *gain = values(m, format, block);
    snprintf(format, sizeof format, "blocks.%%d.%s.bias", name);
    const float *bias = values(m, format, block);
    for (int t = 0; t < T; t++) {
        double mean = 0, variance = 0;
        for (int j = 0; j < D; j++) mean += x[t][j] / D;
        for (int j = 0; j < D; j++) variance += (x[t][j] - mean) * (x[t][j] - mean) / D;
        for (int j = 0; j < D; j++)
            x[t][j] = (double)gain[j] * (x[t][j] - mean) / sqrt(variance + 1e-6) + (double)bias[j];
    }
}

static inline void attention(struct truth *r, double x[T][D], struct vit_model *m, int block, int picture)
{
    double qkv[T][3 * D], context[T][D] = { { 0 } };

    for (int t = 0; t < T; t++)
        dense(qkv[t], x[t], values(m, "blocks.%d.attn.qkv.weight", block),
              values(m, "blocks.%d.attn.qkv.bias", block), 3 * D, D);
    for (int h = 0; h < H; h++)
        for (int i = 0; i < T; i++) {
            double *logit = r->logit[block][picture][h][i], *prob = r->prob[block][picture][h][i], sum = 0;
            for (int j = 0; j < T; j++) {
                logit[j] = 0;
                for (int e = 0; e < E; e++) logit[j] += qkv[i][h * E + e] * qkv[j][D + h * E + e] / sqrt(E);
                sum += exp(logit[j]);
            }
            for (int j = 0; j < T; j++) {
                prob[j] = exp(logit[j]) / sum;
                for (int e = 0; e < E; e++) context[i][h * E + e] += prob[j] * qkv[j][2 * D + h * E + e];
            }
        }
    for (int t = 0; t < T; t++)
        dense(x[t], context[t], values(m, "blocks.%d.attn.proj.weight", block),
              values(m, "blocks.%d.attn.proj.bias", block), D, D);
}

static inline void mlp(double x[T][D], struct vit_model *m, int block)
{
    double hidden[M];

    for (int t = 0; t < T; t++) {
        dense(hidden, x[t], values(m, "blocks.%d.mlp.fc1.weight", block),
              values(m, "blocks.%d.mlp.fc1.bias", block), M, D);
        for (int i = 0; i < M; i++) hidden[i] *= (1 + erf(hidden[i] / sqrt(2))) / 2;
        dense(x[t], hidden, values(m, "blocks.%d.mlp.fc2.weight", block),
              values(m, "blocks.%d.mlp.fc2.bias", block), D, M);
    }
}

static inline void sublayer(struct truth *r, double x[T][D], struct vit_model *m,
                            const struct definition *def, int block, int half, int picture)
{
    const struct half *norms = half_of(def, block, half);
    const double alpha = def->alpha ? pow(2 * DEPTH, 0.25) : 1;
    double u[T][D], f[T][D];

    norm(x, m, block, norms->s);
    if (half) memcpy(r->middle[block][picture], x, sizeof u);
    memcpy(u, x, sizeof u);
    memcpy(f, x, sizeof f);
    norm(f, m, block, norms->p);
    if (half)
        mlp(f, m, block);
    else
        attention(r, f, m, block, picture);
    norm(f, m, block, norms->o);
    for (int t = 0; t < T; t++)
        for (int j = 0; j < D; j++) {
            if (def->scale) {
                const float *gamma = values(m, half ? "blocks.%d.ls2.gamma" : "blocks.%d.ls1.gamma", block);
                f[t][j] *= (double)gamma[def->placement == VIT_NORM_REZERO ? 0 : j];
            }
            u[t][j] *= alpha;
            x[t][j] = u[t][j] + f[t][j];
        }
    memcpy(r->skip[block][half][picture], u, sizeof u);
    memcpy(r->branch[block][half][picture], f, sizeof f);
    norm(x, m, block, norms->a);
}

/* x (T, D) = class token and four patches of 4x4 pixels, with positions. */
static inline void embed(double x[T][D], struct vit_model *m, const float *planes)
{
    const float *w = tiny_values(m, "patch_embed.proj.weight"), *b = tiny_values(m, "patch_embed.proj.bias");
    const float *position = tiny_values(m, "pos_embed"), *cls = tiny_values(m, "cls_token");

    for (int j = 0; j < D; j++) {
        x[0][j] = (double)cls[j];
        for (int t = 1; t < T; t++) {
            const int top = (t - 1) / 2 * PATCH, left = (t - 1) % 2 * PATCH;
            x[t][j] = (double)b[j];
            for (int i = 0; i < 3 * PATCH * PATCH; i++) {
                const int channel = i / (PATCH * PATCH), row = i / PATCH % PATCH, column = i % PATCH;
                const float pixel = planes[(channel * TINY_SIDE + top + row) * TINY_SIDE + left + column];
                x[t][j] += (double)w[j * 3 * PATCH * PATCH + i] * (double)pixel;
            }
        }
        for (int t = 0; t < T; t++) x[t][j] += (double)position[t * D + j];
    }
}

static inline void head(double *logits, double x[T][D], struct vit_model *m)
{
    double first[T][D];

    memcpy(first, x, sizeof first);
    if (m->config.norm.final) {
        const float *gain = tiny_values(m, "norm.weight"), *bias = tiny_values(m, "norm.bias");
        double mean = 0, variance = 0;
        for (int j = 0; j < D; j++) mean += x[0][j] / D;
        for (int j = 0; j < D; j++) variance += (x[0][j] - mean) * (x[0][j] - mean) / D;
        for (int j = 0; j < D; j++)
            first[0][j] = (double)gain[j] * (x[0][j] - mean) / sqrt(variance + 1e-6) + (double)bias[j];
    }
    dense(logits, first[0], tiny_values(m, "head.weight"), tiny_values(m, "head.bias"), TINY_CLASSES, D);
}

/* Picture n of planes. */
static inline void forward_picture(struct truth *r, struct vit_model *m, const float *planes, int n)
{
    double x[T][D];

    embed(x, m, planes + (size_t)n * vit_model_input_floats(m));
    memcpy(r->stream[0][n], x, sizeof x);
    for (int block = 0; block < DEPTH; block++) {
        for (int half = 0; half < 2; half++)
            sublayer(r, x, m, &DEFINITIONS[m->config.norm.placement], block, half, n);
        memcpy(r->stream[block + 1][n], x, sizeof x);
    }
    head(r->logits[n], x, m);
}

static inline void forward(struct truth *r, struct vit_model *m, const float *planes)
{
    for (int n = 0; n < N; n++) forward_picture(r, m, planes, n);
}

#endif
