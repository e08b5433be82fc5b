/* stats.h - statistics of a comparison of classifiers.
 *
 *     #include <stdio.h>
 *     #include <vit/stats.h>
 *
 *     // Two networks, the same 10000 pictures; two arms, the accuracies of five training runs each.
 *     void compare(size_t only_a, size_t only_b, const double a[5], const double b[5])
 *     {
 *         double low, high;
 *         const struct vit_t_test t = vit_welch(a, 5, b, 5, 0.95);
 *
 *         vit_paired_proportions(&low, &high, only_a, only_b, 10000, 0.95);
 *         printf("networks: p %g, %g to %g\n", vit_mcnemar(only_a, only_b), low, high);
 *         printf("arms: p %g, %g to %g\n", t.p, t.low, t.high);
 *     }
 *
 * Two questions that are easily taken for each other: whether these two networks differ (the unit is the
 * picture: McNemar) and whether two ways of training differ (the unit is the run: Welch's t). No answer to
 * the first is one to the second.
 *
 * Accuracies and differences are fractions, a level is the share an interval covers (0.95), and p-values
 * are two-sided where nothing else is said. What cannot be known from the data (a spread from one run) is
 * NAN. Accuracy of the distributions: ten digits and more where arguments are below 1e4, nine below 1e5; the
 * logarithms of gamma functions that cancel grow with them. */
#ifndef VIT_STATS_H
#define VIT_STATS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- distributions ---- */

/* Regularised incomplete beta function I_x(a, b), a and b above 0, x in [0, 1]: the continued fraction
 * DLMF 8.17.22, summed from the front (Lentz 1976). */
double vit_incomplete_beta(double x, double a, double b);
double vit_normal_cdf(double z);
double vit_normal_quantile(double p); /* p in (0, 1) */
/* Student's t with df above 0 degrees of freedom, whole or not; DLMF 8.17 for Abramowitz & Stegun 26.7.1. */
double vit_t_cdf(double t, double df);
double vit_t_quantile(double p, double df);
/* Noncentral t, noncentrality delta; NAN where |delta| is more: Lenth 1989, AS 243. */
enum { VIT_MOST_NONCENTRALITY = 100 };
double vit_noncentral_t_cdf(double t, double df, double delta);
/* P(X <= k) of n trials with chance p in (0, 1): I_{1-p}(n - k, k + 1). */
double vit_binomial_cdf(size_t k, size_t n, double p);

/* ---- two networks, the same pictures ---- */

/* only_a, only_b: pictures that one network alone gets right. Exact McNemar test:
 * min(1, 2 sum_{i <= min} C(only_a + only_b, i) / 2^(only_a + only_b)); 1 without such pictures. */
double vit_mcnemar(size_t only_a, size_t only_b);
/* Interval of the difference of the accuracies, (only_a - only_b) / n in the middle: Tango's score interval
 * (Statistics in Medicine 17, 1998, 891), which holds the differences that the score test of McNemar's kind
 * does not refuse. Without pictures -1 to 1. */
void vit_paired_proportions(double *low, double *high, size_t only_a, size_t only_b, size_t n, double level);
/* Smallest |only_a - only_b| that the exact test finds below alpha when so many pictures are discordant; 0:
 * none is. */
size_t vit_mcnemar_least(size_t discordant, double alpha);

/* ---- two arms, one number a run ---- */

double vit_mean(const double *x, int n);               /* NAN of none */
double vit_standard_deviation(const double *x, int n); /* with n - 1; NAN below two */

struct vit_t_test {
    double difference; /* mean of a minus mean of b */
    double error;      /* its standard error */
    double t, df, p;   /* NAN without spread: nothing can be tested */
    double low, high;  /* interval of the difference at the level asked for */
};

/* Welch 1947: error^2 = s_a^2 / n_a + s_b^2 / n_b, df by Welch and Satterthwaite. */
struct vit_t_test vit_welch(const double *a, int na, const double *b, int nb, double level);
/* Over pairs (run i of both arms shares its seed): the t test of the n differences a[i] - b[i]. */
struct vit_t_test vit_paired(const double *a, const double *b, int n, double level);
/* Equivalence, Schuirmann 1987: the larger p of the two one-sided tests that the difference is above -margin
 * and below margin. Below alpha: the arms are equal but for the margin (and the interval of level
 * 1 - 2 alpha lies inside it). */
double vit_equivalence(const struct vit_t_test *t, double margin);
/* The true difference which a test with this error and these degrees of freedom finds (two-sided p below
 * alpha) with the probability power, from the noncentral t. NAN: there is no error, or the
 * difference is above VIT_MOST_NONCENTRALITY of it (one degree of freedom and an alpha well below 1 %). */
double vit_detectable(double error, double df, double alpha, double power);

/* ---- counts and many tests ---- */

/* Fisher's exact test of k_a of n_a against k_b of n_b: the tables with these margins that are no more likely
 * than the one found (to a part in 1e7, as in R). */
double vit_fisher(size_t k_a, size_t n_a, size_t k_b, size_t n_b);
/* adjusted (count) = p (count) corrected for their number, Holm 1979; different arrays. NAN stays NAN and
 * counts as a test. */
void vit_holm(double *adjusted, const double *p, int count);

/* ---- both sources of chance together ---- */

struct vit_bootstrap {
    int draws;     /* at least 2 */
    uint64_t seed; /* the result is a function of it and of the data, never of threads */
    int threads;   /* 0: 1; VIT_MOST_THREADS at most are used */
    double level;  /* above 0; 1: from the least to the largest that was drawn */
};
/* right_a (runs_a, n), right_b (runs_b, n): 1 where a run gets a picture right, else 0. Interval of the
 * difference of the mean accuracies when runs (within their arm) and pictures (the same for all runs) are
 * drawn anew: the percentiles, interpolated between order statistics. Owen 2007 ("The pigeonhole bootstrap"):
 * cautious about pictures; about runs too narrow by the factor (runs - 1) / runs of their variance. At most
 * 30000 runs an arm. VIT_ERR_ARG: draws or level out of range; VIT_ERR_NOMEM: no 8 draws + 4 n threads bytes;
 * then both ends are NAN. */
enum vit_status vit_bootstrap_difference(double *low, double *high, const unsigned char *right_a, int runs_a,
                                         const unsigned char *right_b, int runs_b, size_t n,
                                         const struct vit_bootstrap *o, struct vit_error *err);

#ifdef __cplusplus
}
#endif
#endif
