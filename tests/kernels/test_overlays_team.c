/* Operations of every overlay inside a run of a team, as a session calls them: the other tests share the work
 * of each in a region of its own. */
#include "tests/kernels/overlay.h"

enum { M = 400, N = 48, COUNT = M * N, OUTPUTS = 10 };

static const struct kern_limits LIMITS = {
    .rows = M, .inputs = N, .outputs = N, .tokens = 1, .head = 1, .training = true
};
static const struct kern_adamw STEP = {
    1e-3f, 0.9f, 0.999f, 1e-2f, 0.05f, 1 - 0.9f * 0.9f, 1 - 0.999f * 0.999f, 0.3f
};

struct run {
    struct kern_ctx c;
    float *out; /* (OUTPUTS, COUNT) */
    const float *x, *y, *gain;
};

static void one_of_each(void *arg)
{
    const struct run *r = arg;
    const struct kern_ctx *c = &r->c;
    float *out[OUTPUTS];

    for (int i = 0; i < OUTPUTS; i++) out[i] = r->out + i * COUNT;
    kern_act(c, out[0], r->x, COUNT, KERN_ACT_GELU);
    kern_act_back(c, out[1], r->y, r->x, COUNT, KERN_ACT_GELU);
    kern_glu(c, out[2], r->x, M, N / 2, KERN_ACT_SILU);
    kern_glu_back(c, out[3], r->y, r->x, M, N / 2, KERN_ACT_SILU);
    kern_add(c, out[4], r->x, 0.7f, r->y, r->gain, N, M, N);
    kern_add_back(c, out[5], out[6], r->y, r->x, r->gain, N, M, N);
    kern_adamw(c, out[7], out[8], out[9], r->y, COUNT, &STEP);
}

static void inside_a_team_the_bits_are_those_of_one_thread(void **state)
{
    const struct overlay *o = *state;
    float *x = filled(COUNT, 61), *y = filled(COUNT, 62), *gain = filled(N, 63), *out[2];

    for (int team = 0; team < 2; team++) {
        struct run r = { open_ctx(&o->k, LIMITS, team ? THREADS : 1), filled(OUTPUTS * COUNT, 64), x, y,
                         gain };

        out[team] = r.out;
        for (int i = 9 * COUNT; i < OUTPUTS * COUNT; i++) r.out[i] = fabsf(r.out[i]); /* AdamW's squares */
        if (team) assert_non_null(r.c.team = kern_team_create());
        kern_team_run(&r.c, one_of_each, &r);
        kern_team_destroy(r.c.team);
        close_ctx(&r.c);
    }
    check_bits(o, "a team", "one of each", out[1], out[0], OUTPUTS * COUNT, THREADS);
    guard_free_floats(x, COUNT);
    guard_free_floats(y, COUNT);
    guard_free_floats(gain, N);
    for (int team = 0; team < 2; team++) guard_free_floats(out[team], OUTPUTS * COUNT);
}

int main(void)
{
    struct CMUnitTest tests[] = { cmocka_unit_test(inside_a_team_the_bits_are_those_of_one_thread) };

    return run_on_part(PART_REST, tests, VIT_COUNT(tests));
}
