/*
 * CPU quotas of control groups, in a copy of what the kernel shows.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/cpus.h"

static char root[] = "/tmp/ringway-test-XXXXXX";
static const char *const folders[] = {"/cpu", "/cpu/a", "/cpu/a/b", "/v2", "/v2/a", "/v2/a/b"};
static const char *const files[] = {
    "/membership",
    "/v2/cpu.max",
    "/v2/a/cpu.max",
    "/v2/a/b/cpu.max",
    "/cpu/cpu.cfs_quota_us",
    "/cpu/cpu.cfs_period_us",
    "/cpu/a/cpu.cfs_quota_us",
    "/cpu/a/cpu.cfs_period_us",
};

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s%s", root, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void remove_files(void)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        unlink(path_of(files[i]));
    }
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(root) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (mkdir(path_of(folders[i]), 0700) != 0) {
            return -1;
        }
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_files();
    for (size_t i = sizeof(folders) / sizeof(folders[0]); i-- > 0;) {
        rmdir(path_of(folders[i]));
    }
    return rmdir(root);
}

static uint32_t quota(const char *membership, const char *mount)
{
    char membership_path[256];

    write_file("/membership", membership);
    snprintf(membership_path, sizeof(membership_path), "%s/membership", root);
    return cpus_by_quota(membership_path, path_of(mount));
}

static void test_version_2(void **state)
{
    (void)state;
    remove_files();
    write_file("/v2/a/b/cpu.max", "250000 100000\n");
    assert_int_equal(quota("0::/a/b\n", "/v2"), 3);
    write_file("/v2/a/cpu.max", "100000 100000\n"); /* the group around it has less */
    assert_int_equal(quota("0::/a/b\n", "/v2"), 1);
    write_file("/v2/a/cpu.max", "max 100000\n");
    assert_int_equal(quota("0::/a/b\n", "/v2"), 3);
    write_file("/v2/a/b/cpu.max", "1000 100000\n");
    assert_int_equal(quota("0::/a/b\n", "/v2"), 1);
    write_file("/v2/a/b/cpu.max", "nonsense\n");
    assert_int_equal(quota("0::/a/b\n", "/v2"), UINT32_MAX);
}

/* A container sees the path of the host, and its own group as the mount. */
static void test_version_2_in_a_container(void **state)
{
    (void)state;
    remove_files();
    write_file("/v2/cpu.max", "400000 200000\n");
    assert_int_equal(quota("0::/kubepods/pod1/c1\n", "/v2"), 2);
    assert_int_equal(quota("0::/\n", "/v2"), 2);
}

static void test_version_1(void **state)
{
    static const char membership[] = "3:memory:/a\n2:cpu,cpuacct:/a\n1:name=systemd:/a\n";

    (void)state;
    remove_files();
    write_file("/cpu/cpu.cfs_quota_us", "-1\n");
    write_file("/cpu/cpu.cfs_period_us", "100000\n");
    write_file("/cpu/a/cpu.cfs_quota_us", "150000\n");
    write_file("/cpu/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota(membership, ""), 2);
    assert_int_equal(quota("2:cpuacct,cpu:/a\n", ""), 2);
    assert_int_equal(quota("2:cpuacct,cpuset:/a\n", ""), UINT32_MAX);
    assert_int_equal(quota("2:cpu:/\n", ""), UINT32_MAX);
    unlink(path_of("/cpu/a/cpu.cfs_period_us"));
    assert_int_equal(quota(membership, ""), UINT32_MAX);
}

static void test_nothing_to_read(void **state)
{
    (void)state;
    remove_files();
    assert_int_equal(quota("", "/v2"), UINT32_MAX);
    assert_int_equal(quota("nonsense\n0\n0:\n0::\n", "/v2"), UINT32_MAX);
    assert_int_equal(cpus_by_quota(path_of("/none"), root), UINT32_MAX);
}

static void test_affinity(void **state)
{
    cpu_set_t before;
    cpu_set_t one;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_in_range(config_available_cpus(), 1, (uint32_t)CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &before)) {
            CPU_SET(cpu, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(config_available_cpus(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_2), cmocka_unit_test(test_version_2_in_a_container),
        cmocka_unit_test(test_version_1), cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test(test_affinity),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
