/* tokens.h - how large and how alike the vectors of a stream are, and how they attend to each other. Sums are
 * in double. Of numbers with a NaN among them the answer is NaN. */
#ifndef VIT_TOKENS_H
#define VIT_TOKENS_H

#include "vit/base.h"

/* The larger of two; NaN if one is. */
double vit_tokens_larger(double a, double b);
/* Sum of x^2 over count numbers; *largest (may be NULL) = max(*largest, |x|). */
double vit_tokens_squares(const float *x, size_t count, double *largest);
/* Sum of (a - b)^2 over count numbers. */
double vit_tokens_distance(const float *a, const float *b, size_t count);
/* a, b (m, d): mean over rows of cos(a, b); *angle = mean of arccos(cos) / pi, from 0 to 1. A row of zeros
 * has cosine 0 with every other. */
double vit_tokens_between(double *angle, const float *a, const float *b, int m, int d);

size_t vit_tokens_work(int t, int d); /* doubles that the two below need as work */
/* x (t, d): mean cosine over the pairs of different tokens, 0 with a row of zeros too; NaN for one token. */
double vit_tokens_cosine(const float *x, int t, int d, double *work);
/* Effective rank of x (t, d), exp(-sum p ln p) with p the singular values divided by their sum: from 1 to
 * min(t, d). Roy & Vetterli 2007. NaN where x is not finite or zero. */
double vit_tokens_rank(const float *x, int t, int d, double *work);

/* Entropy in nats, -sum a ln a, of prob (t). */
double vit_tokens_entropy(const float *prob, int t);
/* Largest q k / sqrt(e) of the t queries and keys of one head: rows of e numbers, row floats apart. */
double vit_tokens_logit(const float *q, const float *k, int t, int e, size_t row);

#endif
