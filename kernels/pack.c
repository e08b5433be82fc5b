#include "kernels/kern.h"

void kern_pack_all(const struct kern *k, const struct kern_pack_job *jobs, int count, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(dynamic) if (threads > 1)
    for (int i = 0; i < count; i++)
        kern_pack(k, jobs[i].dtype, jobs[i].to, jobs[i].w, jobs[i].n, jobs[i].k, jobs[i].back);
}
