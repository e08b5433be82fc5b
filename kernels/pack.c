#include "kernels/kern.h"

struct packing {
    const struct kern *k;
    const struct kern_pack_job *jobs;
};

static void pack_task(const void *work, int task, int worker)
{
    const struct packing *p = work;
    const struct kern_pack_job *j = &p->jobs[task];

    (void)worker;
    kern_pack(p->k, j->dtype, j->to, j->w, j->n, j->k, j->back);
}

void kern_pack_all(const struct kern_ctx *c, const struct kern_pack_job *jobs, int count)
{
    const struct packing p = { c->k, jobs };

    kern_share(c, false, pack_task, &p, count);
}
