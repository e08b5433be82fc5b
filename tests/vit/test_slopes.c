/* Gradients element by element, for every placement: central differences of a forward of our own in double
 * (truth.h) against the backward in f32. test_gradients.c sees an error along two directions of a tensor; one
 * across them it sees here. */
#include "tests/vit/truth.h"

/* The quotient's own error is its third derivative times h^2 / 6, some 1e-8 of it here; the backward's is
 * that of sums of f32: 1e-5 of the tensor's largest in other programs' networks (tests/tools/golden.c). */
#define H_STEP 2e-4
#define BOUND  1e-4

/* Elements of a tensor from first, EVERY apart: another first in every tensor and placement. */
enum { LABEL = 1, EVERY = 3 };

static double loss_of(struct truth *r, struct vit_model *m, const float *planes)
{
    double sum = 0;

    forward_picture(r, m, planes, 0);
    for (int c = 0; c < TINY_CLASSES; c++) sum += exp(r->logits[0][c]);
    return log(sum) - r->logits[0][LABEL];
}

static double slope(struct truth *r, struct vit_model *m, const float *planes, float *w)
{
    const float saved = *w, above = saved + (float)H_STEP, below = saved - (float)H_STEP;
    double up, down;

    *w = above;
    up = loss_of(r, m, planes);
    *w = below;
    down = loss_of(r, m, planes);
    *w = saved;
    return (up - down) / ((double)above - (double)below);
}

static double largest(const float *x, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static void every_element_has_the_slope_of_the_loss(void **state)
{
    struct truth *r = calloc(1, sizeof *r);

    (void)state;
    for (int p = 0; p < VIT_PLACEMENTS; p++) {
        const struct vit_config c = tiny_config((enum vit_placement)p);
        struct vit_model *m = tiny_model(&c, "ref");
        struct vit_session *s = tiny_session(m, 1, 1, true);
        float *planes = tiny_planes(m, 1);
        struct vit_gradients *grads;
        struct vit_error err;

        assert_ok(vit_gradients_create(&grads, m, &err), &err);
        vit_forward(s, planes, 1);
        vit_backward(s, (const int[]){ LABEL }, 1, grads);
        for (int i = 0; i < m->slot_count; i++) {
            const struct vit_slot *slot = &m->slots[i];
            const float *g = vit_gradients_get(grads, i);
            const double bound = BOUND * largest(g, slot->count);
            float *w = *vit_slot_pointer(&m->params, slot);
            for (size_t j = (size_t)((p + i) % EVERY) % slot->count; j < slot->count; j += EVERY) {
                const double d = slope(r, m, planes, &w[j]);
                if (!(fabs(d - (double)g[j]) <= bound))
                    fail_msg("%s: %s[%zu]: differences give %.7g, backward %.7g (bound %.2g)",
                             vit_placement_name(c.norm.placement), slot->name, j, d, (double)g[j], bound);
            }
        }
        free(planes);
        vit_gradients_close(grads);
        vit_session_close(s);
        vit_model_close(m);
    }
    free(r);
}

/* Within slack of the tensor's largest. */
static void assert_gradients(const struct vit_model *m, const struct vit_gradients *got,
                             const struct vit_gradients *one, double times, double slack)
{
    for (int i = 0; i < m->slot_count; i++) {
        const float *a = vit_gradients_get(got, i), *b = vit_gradients_get(one, i);
        const double bound = slack * times * largest(b, m->slots[i].count);
        for (size_t j = 0; j < m->slots[i].count; j++)
            if (!(fabs((double)a[j] - times * (double)b[j]) <= bound))
                fail_msg("%s[%zu]: %.9g, expected %g times %.9g", m->slots[i].name, j, (double)a[j], times,
                         (double)b[j]);
    }
}

/* What vit.h promises of vit_backward: it adds, and reads the n pictures of the forward alone. */
static void a_backward_adds_to_what_is_there(void **state)
{
    enum { BATCH = 3 };
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    const int labels[BATCH] = { 1, 0, 3 };
    struct vit_model *m = tiny_model(&c, "ref");
    struct vit_session *s = tiny_session(m, BATCH, 1, true);
    float *planes = tiny_planes(m, BATCH);
    struct vit_gradients *one, *sum;
    struct vit_error err;

    (void)state;
    assert_ok(vit_gradients_create(&one, m, &err), &err);
    assert_ok(vit_gradients_create(&sum, m, &err), &err);
    vit_forward(s, planes, BATCH); /* leaves a third picture in the session's rows */
    vit_backward(s, labels, BATCH, sum);
    vit_gradients_zero(sum);
    vit_forward(s, planes, 2);
    vit_backward(s, labels, 2, one);
    vit_forward(s, planes, 2);
    vit_backward(s, labels, 2, sum);
    assert_gradients(m, sum, one, 1, 0);
    vit_forward(s, planes, 2);
    vit_backward(s, labels, 2, sum);
    assert_gradients(m, sum, one, 2, 1e-6); /* pictures are added one by one: some roundings more */
    free(planes);
    vit_gradients_close(one);
    vit_gradients_close(sum);
    vit_session_close(s);
    vit_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_has_the_slope_of_the_loss),
        cmocka_unit_test(a_backward_adds_to_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
