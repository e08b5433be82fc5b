/* The statistics against SciPy 1.17.1, statsmodels 0.15.0 and published tables. Constants stand with the call
 * that printed them; st is scipy.stats, sp scipy.special. stats.h promises ten digits of small arguments:
 * DIGITS. */
#include <float.h>

#include "tests/support/test.h"
#include "vit/random.h"
#include "vit/stats.h"

static const double DIGITS = 1e-10;

/* |got - want| <= share |want|. */
static void near(const char *what, double got, double want, double share)
{
    if (!(fabs(got - want) <= share * fabs(want)))
        fail_msg("%s: %.15g, expected %.15g, differs by %.3g of it", what, got, want,
                 fabs(got - want) / fabs(want));
}

/* ---- distributions ---- */

static void incomplete_beta_equals_scipy(void **state)
{
    static const struct {
        double x, a, b, want;
    } ROWS[] = {
        /* sp.betainc(a, b, x) */
        { 0.5, 2, 3, 0.6875 },
        { 0.1, 0.5, 0.5, 0.20483276469913345 },
        { 0.9, 0.5, 7.25, 0.9999999878725331 },
        { 0.01, 5, 0.5, 2.4712578086395438e-11 },
        { 0.5, 5000, 5100, 0.8401528708121381 },
        { 0.3, 1, 1, 0.3 },
        { 0.999, 100, 0.5, 0.6550435163244294 },
        { 1e-9, 0.5, 3, 5.929270608862864e-05 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        near("I", vit_incomplete_beta(ROWS[i].x, ROWS[i].a, ROWS[i].b), ROWS[i].want, DIGITS);
    assert_true(vit_incomplete_beta(0, 2, 3) == 0 && vit_incomplete_beta(1, 2, 3) == 1);
    near("I, symmetric", vit_incomplete_beta(0.5, 9999, 9999), 0.5, DIGITS);
    near("I, nine digits", vit_incomplete_beta(0.5, 99999, 99999), 0.5, 1e-9);
}

static void normal_equals_scipy(void **state)
{
    (void)state;
    near("cdf", vit_normal_cdf(-8), 6.22096057427174e-16, DIGITS);                    /* st.norm.cdf(-8) */
    near("cdf", vit_normal_cdf(0.5), 0.6914624612740131, DIGITS);                     /* st.norm.cdf(0.5) */
    near("quantile", vit_normal_quantile(0.975), 1.959963984540054, 4 * DBL_EPSILON); /* st.norm.ppf(0.975) */
    near("quantile", vit_normal_quantile(0.95), 1.6448536269514722, DIGITS);
    near("quantile", vit_normal_quantile(0.8), 0.8416212335729143, DIGITS);
    near("quantile", vit_normal_quantile(0.3), -0.5244005127080409, DIGITS);
    near("quantile", vit_normal_quantile(1e-10), -6.361340902404056, DIGITS);
    assert_true(vit_normal_quantile(0.5) == 0);
}

static void students_t_equals_scipy(void **state)
{
    static const struct {
        double t, df, want;
    } CDF[] = {
        /* st.t.cdf(t, df) */
        { -2, 1, 0.14758361765043326 },  { 2.5, 4, 0.966616727594006 },
        { -12, 7.5, 1.8304032278097405e-06 }, { 0.001, 30, 0.5003956321167575 },
        { -40, 3, 1.7190340394579253e-05 }, { 1, 1e5, 0.8413435362179449 },
    }, PPF[] = {
        /* st.t.ppf(p, df) */
        { 0.975, 1, 12.706204736174694 }, { 0.975, 4, 2.7764451051977934 },
        { 0.975, 7.3, 2.345066736547703 }, { 0.95, 8, 1.8595480375308973 },
        { 0.025, 18, -2.1009220402410387 }, { 0.8, 2.5, 1.0101638747222512 },
        { 1e-6, 5, -24.771029720515948 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CDF); i++)
        near("cdf", vit_t_cdf(CDF[i].t, CDF[i].df), CDF[i].want, DIGITS);
    for (size_t i = 0; i < VIT_COUNT(PPF); i++)
        near("quantile", vit_t_quantile(PPF[i].t, PPF[i].df), PPF[i].want, DIGITS);
    assert_true(vit_t_cdf(INFINITY, 3) == 1 && vit_t_cdf(-INFINITY, 3) == 0 && vit_t_cdf(0, 3) == 0.5);
    assert_true(isnan(vit_t_cdf(NAN, 3)) && isnan(vit_t_cdf(1, NAN)));
}

/* Next to 0 the distribution is 1/2 and the density times t, st.t.pdf(0, 10). 1/2 and what is added have the
 * last digit of 1/2: DBL_EPSILON / 2, here 3e-7 of the difference. */
static void a_small_t_has_the_slope_of_the_density(void **state)
{
    const double density = 0.3891083839660311, t = 1e-9, share = DBL_EPSILON / 2 / (density * t);

    (void)state;
    near("above 1/2", vit_t_cdf(t, 10) - 0.5, density * t, share);
    near("below 1/2", 0.5 - vit_t_cdf(-t, 10), density * t, share);
}

static void noncentral_t_equals_scipy(void **state)
{
    static const struct {
        double t, df, delta, want;
    } ROWS[] = {
        /* st.nct.cdf(t, df, delta) */
        { 2.776, 4, 3, 0.3806222701078517 },   { 2.1, 18, 2.96, 0.20045562635556027 },
        { -1, 8, 0.5, 0.07672309311130024 },   { 12.7062, 1, 16.3, 0.20093800139818996 },
        { 1.5, 9.25, -1, 0.9901697240499289 }, { 0, 5, 1.2, 0.11506967022170833 },
        { 2, 1000, 1.5, 0.691110725534436 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        near("cdf", vit_noncentral_t_cdf(ROWS[i].t, ROWS[i].df, ROWS[i].delta), ROWS[i].want, DIGITS);
    assert_true(vit_noncentral_t_cdf(1.7, 6, 0) == vit_t_cdf(1.7, 6));
    /* Where the first weight, exp(-delta^2 / 2), underflows: nearly a shifted normal of df 1e6. */
    near("far", vit_noncentral_t_cdf(60, 1e6, 60), vit_normal_cdf(0), 0.01);
    assert_true(isfinite(vit_noncentral_t_cdf(3, 5, 100)) && isfinite(vit_noncentral_t_cdf(-3, 5, -100)));
    assert_true(isnan(vit_noncentral_t_cdf(3, 5, 100.5)) && isnan(vit_noncentral_t_cdf(3, 5, -100.5)));
}

static void binomial_equals_scipy(void **state)
{
    (void)state;
    near("cdf", vit_binomial_cdf(3, 10, 0.5), 0.171875, DIGITS);            /* st.binom.cdf(3, 10, 0.5) */
    near("cdf", vit_binomial_cdf(0, 20, 0.1), 0.12157665459056925, DIGITS); /* (0, 20, 0.1) */
    near("cdf", vit_binomial_cdf(469, 1000, 0.5), 0.026838924822505023, DIGITS);     /* (469, 1000, 0.5) */
    near("cdf", vit_binomial_cdf(4800, 10000, 0.5), 3.2967577993361714e-05, DIGITS); /* (4800, 10000, 0.5) */
    assert_true(vit_binomial_cdf(10, 10, 0.3) == 1 && vit_binomial_cdf(0, 0, 0.5) == 1);
}

/* ---- two networks, the same pictures ---- */

static void mcnemar_equals_scipy(void **state)
{
    static const struct {
        size_t a, b;
        double want;
    } ROWS[] = {
        /* st.binomtest(min(a, b), a + b, 0.5).pvalue; the first is Cavo's, 0.052479 in R's contingencytables
         * (McNemar_exact_cond_test_paired_2x2) */
        { 6, 16, 0.052478790283203125 },
        { 512, 455, 0.071673418943885 },
        { 5, 5, 1 },
        { 1, 0, 1 },
        { 0, 6, 0.03125 },
        { 12, 2, 0.012939453125 },
        { 121, 59, 4.4344492637551645e-06 },
        { 3000, 3300, 0.00016475607669748363 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        near("p", vit_mcnemar(ROWS[i].a, ROWS[i].b), ROWS[i].want, DIGITS);
        assert_true(vit_mcnemar(ROWS[i].a, ROWS[i].b) == vit_mcnemar(ROWS[i].b, ROWS[i].a));
    }
    assert_true(vit_mcnemar(0, 0) == 1);
}

static void the_least_significant_count_is_the_edge(void **state)
{
    (void)state;
    assert_int_equal(vit_mcnemar_least(0, 0.05), 0);
    assert_int_equal(vit_mcnemar_least(5, 0.05), 0); /* 2 / 2^5 is above 0.05 */
    assert_int_equal(vit_mcnemar_least(6, 0.05), 6);
    for (size_t n = 6; n < 3000; n += 97) {
        const size_t least = vit_mcnemar_least(n, 0.05);
        assert_true(least >= 2 && (n - least) % 2 == 0);
        assert_true(vit_mcnemar((n - least) / 2, (n + least) / 2) <= 0.05);
        assert_true(vit_mcnemar((n - least) / 2 + 1, (n + least) / 2 - 1) > 0.05);
    }
    /* Of 1000 discordant pictures about 1.96 sqrt(1000) = 62, and the correction of an exact test. */
    assert_true(vit_mcnemar_least(1000, 0.05) >= 62 && vit_mcnemar_least(1000, 0.05) <= 66);
}

/* R's contingencytables, Tango_asymptotic_score_CI_paired_2x2, four digits as printed: Cavo 2012 (59 6 / 16
 * 80); and Bentur 2009 (1 1 / 7 12) in Fagerland, Lydersen, Laake 2014, three digits. */
static void intervals_equal_published_ones(void **state)
{
    double low, high;

    (void)state;
    vit_paired_proportions(&low, &high, 6, 16, 161, 0.95);
    if (fabs(low + 0.1240) > 0.00005 || fabs(high + 0.0054) > 0.00005)
        fail_msg("%.6f to %.6f, expected -0.1240 to -0.0054", low, high);
    vit_paired_proportions(&low, &high, 1, 7, 21, 0.95);
    if (fabs(low + 0.517) > 0.0005 || fabs(high + 0.026) > 0.0005)
        fail_msg("%.6f to %.6f, expected -0.517 to -0.026", low, high);
}

/* The score statistic (b - c - n d) / sqrt(n (2 q + d - d^2)), where q maximises the likelihood
 * b log(q + d) + c log q + (n - b - c) log(1 - 2 q - d) by scipy.optimize.minimize_scalar(bounded), at
 * +-st.norm.ppf(0.975) by scipy.optimize.brentq. A maximum is found to sqrt(DBL_EPSILON), hence the bound:
 * 1e-7 of differences of order 1, ten times that. */
static void intervals_are_where_the_likelihood_says(void **state)
{
    static const struct {
        size_t a, b, n;
        double low, high;
    } ROWS[] = {
        { 6, 16, 161, -0.12402343246383565, -0.005433395402658338 },
        { 512, 455, 10000, -0.0003955308434792246, 0.011811525431405314 },
        { 12, 2, 50, 0.06111240772562523, 0.34470874821587816 },
        { 0, 0, 100, -0.0369934997105826, 0.03699349820701581 },
        { 1, 0, 44, -0.05939323110047323, 0.11807709698215214 },
        { 0, 1, 30, -0.1667039166445343, 0.08396383912306721 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        double low, high;

        vit_paired_proportions(&low, &high, ROWS[i].a, ROWS[i].b, ROWS[i].n, 0.95);
        if (fabs(low - ROWS[i].low) > 1e-6 || fabs(high - ROWS[i].high) > 1e-6)
            fail_msg("%zu, %zu of %zu: %.9f to %.9f, expected %.9f to %.9f", ROWS[i].a, ROWS[i].b, ROWS[i].n,
                     low, high, ROWS[i].low, ROWS[i].high);
    }
}

static void intervals_at_the_edges(void **state)
{
    const double z2 = 1.959963984540054 * 1.959963984540054;
    double low, high;

    (void)state;
    vit_paired_proportions(&low, &high, 0, 0, 0, 0.95);
    assert_true(low == -1 && high == 1);
    vit_paired_proportions(&low, &high, 0, 0, 10000, 0.95); /* the closed form without discordant pictures */
    near("low", low, -z2 / (10000 + z2), DIGITS);
    near("high", high, z2 / (10000 + z2), DIGITS);
    vit_paired_proportions(&low, &high, 7, 0, 7, 0.95);
    assert_true(high == 1 && low > 0 && low < 1);
    vit_paired_proportions(&low, &high, 0, 7, 7, 0.95);
    assert_true(low == -1 && high < 0 && high > -1);
}

/* Score test and score interval are one thing: 0 is outside when (a - b)^2 / (a + b) > z^2. */
static void intervals_agree_with_mcnemars_statistic(void **state)
{
    (void)state;
    for (size_t a = 0; a < 60; a += 7)
        for (size_t b = 0; b < 60; b += 5) {
            const double difference = (double)a - (double)b, sum = (double)(a + b);
            double low, high;

            vit_paired_proportions(&low, &high, a, b, 1000, 0.95);
            assert_true(low <= difference / 1000 && difference / 1000 <= high);
            assert_int_equal(low > 0 || high<0, sum> 0 && difference * difference / sum >
                                                              1.959963984540054 * 1.959963984540054);
        }
}

/* ---- two arms, one number a run ---- */

/* Student's sleep data (Cushny & Peebles 1905), the example of R's t.test. */
static const double DRUG1[] = { 0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0 };
static const double DRUG2[] = { 1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4 };
/* Accuracies, an uneven number of runs. */
static const double FIVE[] = { 0.7712, 0.7689, 0.7745, 0.7731, 0.7702 };
static const double FOUR[] = { 0.7655, 0.7701, 0.7640, 0.7698 };

static void welch_equals_scipy(void **state)
{
    struct vit_t_test t;

    (void)state;
    /* w = st.ttest_ind(DRUG1, DRUG2, equal_var=False); w.confidence_interval(0.95). R prints
     * t = -1.8608, df = 17.776, p-value = 0.07939, -3.3654832 0.2054832. */
    t = vit_welch(DRUG1, 10, DRUG2, 10, 0.95);
    near("difference", t.difference, -1.58, DIGITS);
    near("t", t.t, -1.8608134674868526, DIGITS);
    near("df", t.df, 17.776473516178488, DIGITS);
    near("p", t.p, 0.0793941401873583, DIGITS);
    near("low", t.low, -3.3654832307117104, DIGITS);
    near("high", t.high, 0.20548323071171137, DIGITS);
    /* w = st.ttest_ind(FIVE, FOUR, equal_var=False); w.confidence_interval(0.9) */
    t = vit_welch(FIVE, 5, FOUR, 4, 0.9);
    near("t", t.t, 2.3096370205606735, DIGITS);
    near("df", t.df, 5.373319094144177, DIGITS);
    near("p", t.p, 0.06532240720930428, DIGITS);
    near("low", t.low, 0.0005954173161223683, DIGITS);
    near("high", t.high, 0.007864582683877543, DIGITS);
}

static void paired_equals_scipy(void **state)
{
    /* w = st.ttest_rel(DRUG1, DRUG2); w.confidence_interval(0.95) */
    const struct vit_t_test t = vit_paired(DRUG1, DRUG2, 10, 0.95);

    (void)state;
    near("t", t.t, -4.062127683382037, DIGITS);
    near("df", t.df, 9, DIGITS);
    near("p", t.p, 0.002832890197384273, DIGITS);
    near("low", t.low, -2.459885763276983, DIGITS);
    near("high", t.high, -0.7001142367230175, DIGITS);
}

static void assert_untested(struct vit_t_test t, double difference)
{
    if (!(isnan(difference) ? isnan(t.difference) : fabs(t.difference - difference) < 1e-12))
        fail_msg("difference %g, expected %g", t.difference, difference);
    assert_true(isnan(t.p) && isnan(t.t) && isnan(t.df) && isnan(t.low) && isnan(t.high));
    assert_true(isnan(vit_equivalence(&t, 0.1)));
}

static void without_spread_nothing_is_tested(void **state)
{
    const double same[] = { 0.1, 0.1, 0.1 }, other[] = { 0.3, 0.3, 0.3 }; /* 0.1 + 0.1 + 0.1 is not 0.3 */
    const double shifted[] = { 0.7 - 0.3, 0.5 - 0.3, 0.6 - 0.3 }, base[] = { 0.7, 0.5, 0.6 };

    (void)state;
    assert_untested(vit_welch(same, 3, other, 3, 0.95), -0.2);
    assert_untested(vit_welch(same, 3, same, 3, 0.95), 0);
    assert_untested(vit_paired(shifted, base, 3, 0.95), -0.3);
    assert_untested(vit_welch(FIVE, 1, FOUR, 4, 0.95), FIVE[0] - vit_mean(FOUR, 4));
    assert_untested(vit_paired(FIVE, FOUR, 1, 0.95), FIVE[0] - FOUR[0]);
    assert_untested(vit_welch(FIVE, 0, FOUR, 4, 0.95), NAN);
    assert_untested(vit_paired(FIVE, FOUR, 0, 0.95), NAN);
    assert_true(isnan(vit_standard_deviation(FIVE, 1)) && isnan(vit_mean(FIVE, 0)));
    assert_false(isnan(vit_welch(same, 3, FOUR, 4, 0.95).p)); /* one arm with spread is enough */
}

static void equivalence_equals_statsmodels(void **state)
{
    const struct vit_t_test t = vit_welch(FIVE, 5, FOUR, 4, 0.9);
    static const struct {
        double margin, want;
    } ROWS[] = {
        /* statsmodels.stats.weightstats.ttost_ind(FIVE, FOUR, -margin, margin, usevar='unequal')[0] */
        { 0.005, 0.3452298610173595 },
        { 0.01, 0.011494310620948207 },
        { 0.02, 0.0001209844472901719 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        near("p", vit_equivalence(&t, ROWS[i].margin), ROWS[i].want, DIGITS);
    /* At 5 % exactly when the 90 % interval reaches the margin. */
    near("edge", vit_equivalence(&t, t.high), 0.05, 1e-9);
}

static void detectable_differences_equal_scipy(void **state)
{
    static const struct {
        double runs, want;
    } ROWS[] = {
        /* scipy.optimize.brentq of 1 - st.nct.cdf(tc, df, d) + st.nct.cdf(-tc, df, d) - 0.8 with
         * tc = st.t.ppf(0.975, df), df = 2 runs - 2, times 0.3 sqrt(2 / runs).
         * statsmodels' TTestIndPower().solve_power(nobs1=runs, alpha=.05, power=.8) gives six digits. */
        { 3, 0.9212676799090977 },
        { 5, 0.6073318018153628 },
        { 10, 0.3974842177737691 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        near("detectable", vit_detectable(0.3 * sqrt(2 / ROWS[i].runs), 2 * ROWS[i].runs - 2, 0.05, 0.8),
             ROWS[i].want, DIGITS);
    near("one degree", vit_detectable(1, 1, 0.05, 0.8), 16.33400886992096, DIGITS);
    near("1 %, 90 %", vit_detectable(0.002, 5.7, 0.01, 0.9), 0.011100862830608203, DIGITS);
    /* The same by mpmath's quad, over the density of the one degree. */
    near("1 %, one degree", vit_detectable(1, 1, 0.01, 0.8), 81.589461784168446, DIGITS);
    assert_true(isnan(vit_detectable(1, 1, 0.005, 0.8))); /* twice that */
    assert_true(isnan(vit_detectable(1, 1, 1e-5, 0.8)));
    assert_true(isnan(vit_detectable(NAN, 4, 0.05, 0.8)) && isnan(vit_detectable(0, 4, 0.05, 0.8)));
    assert_true(isnan(vit_detectable(0.1, NAN, 0.05, 0.8)));
}

/* ---- counts and many tests ---- */

static void fisher_equals_scipy(void **state)
{
    static const struct {
        size_t k_a, n_a, k_b, n_b;
        double want;
    } ROWS[] = {
        /* st.fisher_exact([[k_a, n_a - k_a], [k_b, n_b - k_b]]).pvalue */
        { 3, 20, 0, 20, 0.2307692307692308 },
        { 8, 10, 3, 9, 0.06977851869492736 },
        { 0, 5, 0, 7, 1 },
        { 1, 10, 11, 14, 0.0027594561852200836 },
        { 5, 5, 0, 5, 0.007936507936507938 },
        { 30, 240, 55, 240, 0.00392750527734938 },
    };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        near("p", vit_fisher(ROWS[i].k_a, ROWS[i].n_a, ROWS[i].k_b, ROWS[i].n_b), ROWS[i].want, DIGITS);
        near("p, exchanged", vit_fisher(ROWS[i].k_b, ROWS[i].n_b, ROWS[i].k_a, ROWS[i].n_a), ROWS[i].want,
             DIGITS);
    }
    near("nothing", vit_fisher(0, 0, 0, 0), 1, DIGITS);
    /* Fisher's own tea: 3 of 4 cups against 1 of 4; 34 of the 70 tables are no likelier. */
    near("tea", vit_fisher(3, 4, 1, 4), 34.0 / 70, DIGITS);
}

static void holm_equals_statsmodels(void **state)
{
    static const struct {
        int count;
        double p[4], want[4];
    } ROWS[] = {
        /* statsmodels.stats.multitest.multipletests(p, method='holm')[1] */
        { 4, { 0.01, 0.04, 0.03, 0.005 }, { 0.03, 0.06, 0.06, 0.02 } },
        { 4, { 0.5, 0.02, 0.02, 0.9 }, { 1, 0.08, 0.08, 1 } },
        { 1, { 0.001 }, { 0.001 } },
    };
    const double some[] = { NAN, 0.02, NAN };
    double got[4];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        vit_holm(got, ROWS[i].p, ROWS[i].count);
        for (int k = 0; k < ROWS[i].count; k++) near("p", got[k], ROWS[i].want[k], DIGITS);
    }
    vit_holm(got, some, 3); /* a test that could not be made counts as one of the three */
    assert_true(isnan(got[0]) && isnan(got[2]));
    near("p", got[1], 0.06, DIGITS);
}

/* ---- bootstrap ---- */

enum { RUNS = 10, PICTURES = 400 };

/* right (RUNS, PICTURES): runs whose chance to be right is 0.7 with the deviation spread. */
static void draw_arm(unsigned char *right, double spread, uint64_t key)
{
    for (int r = 0; r < RUNS; r++) {
        const double chance = fmin(1, fmax(0, 0.7 + spread * vit_random_normal(key, (uint64_t)r)));
        for (int i = 0; i < PICTURES; i++)
            right[r * PICTURES + i] =
                vit_random_uniform(vit_key(key, (uint64_t)r), (uint64_t)i) < (float)chance;
    }
}

static void bootstrap_is_a_function_of_the_seed(void **state)
{
    unsigned char a[RUNS * PICTURES], b[RUNS * PICTURES];
    struct vit_bootstrap o = { .draws = 501, .seed = 7, .threads = 1, .level = 0.95 };
    struct vit_error err;
    double low, high, other[2];

    (void)state;
    draw_arm(a, 0.05, 1);
    draw_arm(b, 0.05, 2);
    assert_ok(vit_bootstrap_difference(&low, &high, a, RUNS, b, RUNS, PICTURES, &o, &err), &err);
    for (o.threads = 2; o.threads < 6; o.threads++) {
        assert_ok(vit_bootstrap_difference(&other[0], &other[1], a, RUNS, b, RUNS, PICTURES, &o, &err), &err);
        assert_true(other[0] == low && other[1] == high);
    }
    o.seed = 8;
    assert_ok(vit_bootstrap_difference(&other[0], &other[1], a, RUNS, b, RUNS, PICTURES, &o, &err), &err);
    assert_true(other[0] != low && other[1] != high);
}

/* Of everything that was drawn: one draw more leaves the ends or moves one of them, outwards. Ends that are
 * taken from other places than the first and the last would move inwards too. */
static void the_whole_interval_ends_at_the_extremes(void **state)
{
    unsigned char a[RUNS * PICTURES], b[RUNS * PICTURES];
    struct vit_bootstrap o = { .draws = 2, .seed = 7, .threads = 1, .level = 1 };
    double low = INFINITY, high = -INFINITY, ends[2];
    struct vit_error err;

    (void)state;
    draw_arm(a, 0.05, 1);
    draw_arm(b, 0.05, 2);
    for (; o.draws < 40; o.draws++) {
        assert_ok(vit_bootstrap_difference(&ends[0], &ends[1], a, RUNS, b, RUNS, PICTURES, &o, &err), &err);
        assert_true(ends[0] <= low && ends[1] >= high);
        assert_true(o.draws == 2 || ends[0] == low || ends[1] == high);
        low = ends[0], high = ends[1];
    }
}

static void bootstrap_refuses_what_has_no_percentiles(void **state)
{
    const struct vit_bootstrap ROWS[] = {
        { .draws = 1, .level = 0.95 },  { .draws = -5, .level = 0.95 },  { .draws = 10, .level = 0 },
        { .draws = 10, .level = 1.01 }, { .draws = 10, .level = -0.95 }, { .draws = 10, .level = NAN },
    };
    const unsigned char right[2] = { 1, 0 };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        double low = 0, high = 0;
        assert_refused(vit_bootstrap_difference(&low, &high, right, 1, right, 1, 2, &ROWS[i], &err),
                       VIT_ERR_ARG, i < 2 ? "draws must be" : "level must be", &err);
        assert_true(isnan(low) && isnan(high));
    }
}

/* Runs that are all alike leave the pictures alone: the interval is difference -+ 1.96 s with
 * s^2 = (b + c - (b - c)^2 / n) / n^2. A 2.5 % percentile of 10000 draws has the deviation
 * sqrt(0.025 0.975 / 10000) / phi(1.96) = 0.027 s; four of them, and half a step of 1 / n for the lattice. */
static void equal_runs_leave_the_chance_of_the_pictures(void **state)
{
    unsigned char a[3 * PICTURES], b[2 * PICTURES];
    const struct vit_bootstrap o = { .draws = 10000, .seed = 3, .level = 0.95 };
    const double n = PICTURES, only_a = 60, only_b = 40;
    const double s = sqrt(only_a + only_b - (only_a - only_b) * (only_a - only_b) / n) / n;
    const double bound = 4 * 0.027 * s + 0.5 / n;
    struct vit_error err;
    double low, high;

    (void)state;
    for (int i = 0; i < PICTURES; i++) {
        for (int r = 0; r < 3; r++) a[r * PICTURES + i] = i < 60 || i >= 200;
        for (int r = 0; r < 2; r++) b[r * PICTURES + i] = (i >= 60 && i < 100) || i >= 200;
    }
    assert_ok(vit_bootstrap_difference(&low, &high, a, 3, b, 2, PICTURES, &o, &err), &err);
    if (fabs(low - (0.05 - 1.96 * s)) > bound || fabs(high - (0.05 + 1.96 * s)) > bound)
        fail_msg("%g to %g, expected %g to %g, each to %g", low, high, 0.05 - 1.96 * s, 0.05 + 1.96 * s,
                 bound);
}

/* Arms that do not differ, 200 times. Runs vary by 0.0064 + 0.21 / 400 = 0.00693, of which a bootstrap of 10
 * knows 9/10, and to which resampling the pictures adds up to twice their part of a run, 0.21 / 400:
 * - half its width is on average between 1.96 0.986 sqrt(2 0.9 0.00693 / 10) = 0.0682 (0.986 is the mean of a
 *   deviation of 18 degrees) and 1.96 sqrt(2 (0.9 0.00693 + 2 0.21 / 400) / 10) = 0.0748; one width varies by
 *   1 / sqrt(36), and the mean of 200 by 0.012 of it, four of which are 0.05;
 * - a t of 18 degrees between 1.96 sqrt(0.9) = 1.859 and 1.96 sqrt(0.9 + 0.15) = 2.01 errors wide is right in
 *   0.921 to 0.940 of the cases (1 - 2 st.t.cdf(-1.859, 18)), and counts of 200 vary by sqrt(0.08 / 200),
 *   four of which are 0.08. One that forgets the runs is right in 0.41. */
static void bootstrap_covers_what_it_says(void **state)
{
    unsigned char a[RUNS * PICTURES], b[RUNS * PICTURES];
    const struct vit_bootstrap o = { .draws = 300, .seed = 11, .level = 0.95 };
    struct vit_error err;
    double half = 0;
    int covered = 0;

    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        double low, high;

        draw_arm(a, 0.08, vit_key(100, i));
        draw_arm(b, 0.08, vit_key(200, i));
        assert_ok(vit_bootstrap_difference(&low, &high, a, RUNS, b, RUNS, PICTURES, &o, &err), &err);
        covered += low <= 0 && high >= 0;
        half += (high - low) / 2 / 200;
    }
    if (half < 0.0682 * 0.95 || half > 0.0748 * 1.05) fail_msg("half the width is %g", half);
    if (covered < (0.921 - 0.08) * 200) fail_msg("covered %d of 200", covered);
}

static void a_bootstrap_that_does_not_fit_says_so(void **state)
{
    const unsigned char right = 1;
    const struct vit_bootstrap o = { .draws = 2, .threads = 2, .level = 0.95 };
    struct vit_error err;
    double low, high;

    (void)state;
    assert_refused(vit_bootstrap_difference(&low, &high, &right, 1, &right, 1, SIZE_MAX / 2, &o, &err),
                   VIT_ERR_NOMEM, "bootstrap", &err);
    assert_true(isnan(low) && isnan(high));
    assert_ok(vit_bootstrap_difference(&low, &high, &right, 1, &right, 1, 1, &o, &err), &err);
    assert_true(low == 0 && high == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(incomplete_beta_equals_scipy),
        cmocka_unit_test(normal_equals_scipy),
        cmocka_unit_test(students_t_equals_scipy),
        cmocka_unit_test(a_small_t_has_the_slope_of_the_density),
        cmocka_unit_test(noncentral_t_equals_scipy),
        cmocka_unit_test(binomial_equals_scipy),
        cmocka_unit_test(mcnemar_equals_scipy),
        cmocka_unit_test(the_least_significant_count_is_the_edge),
        cmocka_unit_test(intervals_equal_published_ones),
        cmocka_unit_test(intervals_are_where_the_likelihood_says),
        cmocka_unit_test(intervals_at_the_edges),
        cmocka_unit_test(intervals_agree_with_mcnemars_statistic),
        cmocka_unit_test(welch_equals_scipy),
        cmocka_unit_test(paired_equals_scipy),
        cmocka_unit_test(without_spread_nothing_is_tested),
        cmocka_unit_test(equivalence_equals_statsmodels),
        cmocka_unit_test(detectable_differences_equal_scipy),
        cmocka_unit_test(fisher_equals_scipy),
        cmocka_unit_test(holm_equals_statsmodels),
        cmocka_unit_test(bootstrap_is_a_function_of_the_seed),
        cmocka_unit_test(the_whole_interval_ends_at_the_extremes),
        cmocka_unit_test(bootstrap_refuses_what_has_no_percentiles),
        cmocka_unit_test(equal_runs_leave_the_chance_of_the_pictures),
        cmocka_unit_test(bootstrap_covers_what_it_says),
        cmocka_unit_test(a_bootstrap_that_does_not_fit_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
