#include "vit/tokens.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double dot(const float *a, const float *b, int d)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < d; j++) sum += (double)a[j] * (double)b[j];
    return sum;
}

double vit_tokens_larger(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

double vit_tokens_squares(const float *x, size_t count, double *largest)
{
    double sum = 0;
    float most = 0;

#pragma omp simd reduction(+ : sum) reduction(max : most)
    for (size_t i = 0; i < count; i++) {
        const float size = fabsf(x[i]);
        sum += (double)x[i] * (double)x[i];
        most = size > most ? size : most;
    }
    if (largest) *largest = vit_tokens_larger(*largest, isnan(sum) ? sum : (double)most); /* most has none */
    return sum;
}

double vit_tokens_distance(const float *a, const float *b, size_t count)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++) {
        const double x = (double)a[i] - (double)b[i];
        sum += x * x;
    }
    return sum;
}

double vit_tokens_cosine(const float *x, int t, int d, double *work)
{
    double own = 0, all = 0;

    if (t < 2) return NAN;
    memset(work, 0, (size_t)d * sizeof *work);
    for (int i = 0; i < t; i++) {
        const float *row = x + (size_t)i * (size_t)d;
        const double norm = sqrt(dot(row, row, d));
        if (norm == 0) continue;
        for (int j = 0; j < d; j++) work[j] += (double)row[j] / norm;
        own++;
    }
    /* |sum of unit vectors|^2 is the sum over all pairs, each vector with itself among them. */
    for (int j = 0; j < d; j++) all += work[j] * work[j];
    return (all - own) / ((double)t * (t - 1));
}

double vit_tokens_between(double *angle, const float *a, const float *b, int m, int d)
{
    double sum = 0, turned = 0;

    for (int i = 0; i < m; i++) {
        const float *x = a + (size_t)i * (size_t)d, *y = b + (size_t)i * (size_t)d;
        const double norms = sqrt(dot(x, x, d) * dot(y, y, d));
        double cosine = norms == 0 ? 0 : dot(x, y, d) / norms;

        if (cosine > 1) cosine = 1; /* by rounding only */
        if (cosine < -1) cosine = -1;
        sum += cosine;
        turned += acos(cosine);
    }
    *angle = turned / m / 3.141592653589793;
    return sum / m;
}

/* ---- effective rank: singular values as roots of the eigenvalues of the smaller Gram matrix ---- */

static int side_of(int t, int d)
{
    return t < d ? t : d;
}

size_t vit_tokens_work(int t, int d)
{
    const size_t side = (size_t)side_of(t, d), rank = side * side + 4 * side;

    return rank > (size_t)d ? rank : (size_t)d;
}

/* g (side, side) = x x^T, or x^T x where that is smaller. */
static void gram(double *g, const float *x, int t, int d)
{
    const size_t side = (size_t)side_of(t, d), width = (size_t)d;

    if (t <= d) {
        for (size_t i = 0; i < side; i++)
            for (size_t j = 0; j <= i; j++)
                g[i * side + j] = g[j * side + i] = dot(x + i * width, x + j * width, d);
        return;
    }
    memset(g, 0, side * side * sizeof *g);
    for (size_t r = 0; r < (size_t)t; r++)
        for (size_t i = 0; i < side; i++)
            for (size_t j = 0; j < side; j++)
                g[i * side + j] += (double)x[r * width + i] * (double)x[r * width + j];
}

/* v (rest) = column k of a below the diagonal, turned into the vector of the reflection that leaves only its
 * first element, which is returned. */
static double reflection(double *v, const double *a, int n, int k)
{
    const int rest = n - k - 1;
    double norm = 0;

    for (int i = 0; i < rest; i++) {
        v[i] = a[(size_t)(k + 1 + i) * (size_t)n + (size_t)k];
        norm += v[i] * v[i];
    }
    norm = rest && v[0] > 0 ? -sqrt(norm) : sqrt(norm); /* the sign that does not cancel */
    if (rest) v[0] -= norm;
    return norm;
}

/* Symmetric a (n, n), which is lost, to tridiagonal form: diagonal (n), below (n, the last is 0).
 * v, w (n): scratch. Householder 1958. */
static void tridiagonal(double *a, int n, double *diagonal, double *below, double *v, double *w)
{
    for (int k = 0; k < n; k++) {
        double *left = a + (size_t)(k + 1) * (size_t)(n + 1); /* the matrix that is left, rows of n */
        const int rest = n - k - 1;
        double square = 0, along = 0;

        diagonal[k] = a[(size_t)k * (size_t)(n + 1)];
        below[k] = reflection(v, a, n, k);
        for (int i = 0; i < rest; i++) square += v[i] * v[i];
        if (square == 0) continue;
        /* left -= v w^T + w v^T with w = p - (p v / |v|^2) v and p = 2 left v / |v|^2 */
        for (int i = 0; i < rest; i++) {
            w[i] = 0;
            for (int j = 0; j < rest; j++) w[i] += left[(size_t)i * (size_t)n + (size_t)j] * v[j];
            w[i] *= 2 / square;
            along += w[i] * v[i] / square;
        }
        for (int i = 0; i < rest; i++) w[i] -= along * v[i];
        for (int i = 0; i < rest; i++)
            for (int j = 0; j < rest; j++)
                left[(size_t)i * (size_t)n + (size_t)j] -= v[i] * w[j] + w[i] * v[j];
    }
}

/* One implicit QL step on rows low to high. Bowdler, Martin, Reinsch & Wilkinson 1968. */
static void ql_step(double *d, double *e, int low, int high)
{
    double g = (d[low + 1] - d[low]) / (2 * e[low]), s = 1, c = 1, shift = 0;

    g = d[high] - d[low] + e[low] / (g + copysign(hypot(g, 1), g));
    for (int i = high - 1; i >= low; i--) {
        const double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* it splits here */
            d[i + 1] -= shift;
            e[high] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - shift;
        const double q = (d[i] - g) * s + 2 * c * b;
        shift = s * q;
        d[i + 1] = g + shift;
        g = c * q - b;
    }
    d[low] -= shift;
    e[low] = g;
    e[high] = 0;
}

/* d (n) becomes the eigenvalues of the tridiagonal matrix of diagonal d and e (n) beside it. Exact to eps
 * times the largest: smaller ones are noise of the Gram matrix anyway. */
static void eigenvalues(double *d, double *e, int n)
{
    enum { TRIES = 60 }; /* three are usual */
    double scale = 0;

    for (int i = 0; i < n; i++) scale = fmax(scale, fabs(d[i]) + fabs(e[i]));
    for (int low = 0; low < n; low++)
        for (int tries = 0; tries < TRIES; tries++) {
            int high = low;
            while (high < n - 1 && fabs(e[high]) > DBL_EPSILON * scale) high++;
            if (high == low) break;
            ql_step(d, e, low, high);
        }
}

double vit_tokens_rank(const float *x, int t, int d, double *work)
{
    const int side = side_of(t, d);
    double *g = work, *values = g + (size_t)side * (size_t)side, *beside = values + side;
    double sum = 0, entropy = 0;

    if (!isfinite(vit_tokens_squares(x, (size_t)t * (size_t)d, NULL))) return NAN;
    gram(g, x, t, d);
    tridiagonal(g, side, values, beside, beside + side, beside + 2 * side);
    eigenvalues(values, beside, side);
    for (int i = 0; i < side; i++) {
        values[i] = values[i] > 0 ? sqrt(values[i]) : 0; /* rounding may leave it below 0 */
        sum += values[i];
    }
    if (sum == 0) return NAN;
    for (int i = 0; i < side; i++)
        if (values[i] > 0) entropy -= values[i] / sum * log(values[i] / sum);
    return exp(entropy);
}

/* ---- attention ---- */

double vit_tokens_entropy(const float *prob, int t)
{
    double sum = 0;

    for (int j = 0; j < t; j++)
        if (prob[j] != 0) sum -= (double)prob[j] * log((double)prob[j]); /* a ln a goes to 0 with a */
    return sum;
}

double vit_tokens_logit(const float *q, const float *k, int t, int e, size_t row)
{
    double most = -INFINITY;

    for (int i = 0; i < t; i++)
        for (int j = 0; j < t; j++)
            most = vit_tokens_larger(most, dot(q + (size_t)i * row, k + (size_t)j * row, e));
    return most / sqrt((double)e);
}
