/* Physical cores and cgroup quotas, read below a folder that stands for /. */
#include <limits.h>

#include "kernels/cpu.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"

static const char *ROOT;

static int make_root(void **state)
{
    ROOT = tmp_fixture(state, TMP_PATH);
    return 0;
}

static void put(const char *path, const char *text)
{
    tmp_write(ROOT, path, text, strlen(text), NULL, 0);
}

static void siblings(int cpu, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    put(path, text);
}

static void siblings_count_as_one_core(void **state)
{
    const unsigned char all[4] = { 1, 1, 1, 1 }, half[4] = { 0, 0, 1, 1 };

    (void)state;
    siblings(0, "0,2\n"), siblings(2, "0,2\n"), siblings(1, "1,3\n"), siblings(3, "1,3\n");
    assert_int_equal(kern_cpu_distinct_cores(ROOT, all, 4), 2);
    assert_int_equal(kern_cpu_distinct_cores(ROOT, half, 4), 2);
    siblings(2, "2-3\n"), siblings(3, "2-3\n");
    assert_int_equal(kern_cpu_distinct_cores(ROOT, half, 4), 1);
}

static void a_silent_system_counts_every_cpu(void **state)
{
    const unsigned char all[3] = { 1, 1, 1 }, none[3] = { 0 };

    (void)state;
    assert_int_equal(kern_cpu_distinct_cores(ROOT, all, 3), 3);
    assert_int_equal(kern_cpu_distinct_cores(ROOT, none, 3), 1);
}

static void without_cgroups_there_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(kern_cpu_quota(ROOT), INT_MAX);
    put("proc/self/cgroup", "0::/\n");
    assert_int_equal(kern_cpu_quota(ROOT), INT_MAX);
    put("sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_int_equal(kern_cpu_quota(ROOT), INT_MAX);
    put("sys/fs/cgroup/cpu.max", "rubbish\n");
    assert_int_equal(kern_cpu_quota(ROOT), INT_MAX);
}

static void the_tightest_group_above_counts(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
    assert_int_equal(kern_cpu_quota(ROOT), 8);
    put("sys/fs/cgroup/a/cpu.max", "350000 100000\n");
    assert_int_equal(kern_cpu_quota(ROOT), 3);
    put("sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_int_equal(kern_cpu_quota(ROOT), 1);
}

static void version_one_is_read_too(void **state)
{
    (void)state;
    put("proc/self/cgroup", "7:memory:/job\n3:cpuacct,cpu:/job\n");
    put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(kern_cpu_quota(ROOT), INT_MAX);
    put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "400000\n");
    assert_int_equal(kern_cpu_quota(ROOT), 4);
}

static void this_machine_has_a_core_and_a_name(void **state)
{
    char text[128];

    (void)state;
    assert_true(kern_cpu_cores() >= 1);
    assert_true(strlen(kern_cpu_name(text, sizeof text)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(siblings_count_as_one_core, make_root, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_silent_system_counts_every_cpu, make_root, tmp_teardown),
        cmocka_unit_test_setup_teardown(without_cgroups_there_is_no_quota, make_root, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_tightest_group_above_counts, make_root, tmp_teardown),
        cmocka_unit_test_setup_teardown(version_one_is_read_too, make_root, tmp_teardown),
        cmocka_unit_test(this_machine_has_a_core_and_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
