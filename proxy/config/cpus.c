/*
 * How many CPUs this process may use: by affinity, and by the quota of its control groups, version
 * 2 (cpu.max) and version 1 (cpu.cfs_quota_us). What cannot be read limits nothing.
 */
#include "config/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/text.h"

/* More CPUs than any kernel is built for. */
#define MAX_SET_CPUS 65536u

static uint32_t cpus_by_affinity(void)
{
    for (size_t n = 1024; n <= MAX_SET_CPUS; n *= 2) {
        cpu_set_t *set = CPU_ALLOC(n);
        if (set == NULL) {
            abort();
        }
        size_t size = CPU_ALLOC_SIZE(n);
        int result = sched_getaffinity(0, size, set);
        int count = result == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) {
            return (uint32_t)count;
        }
    }
    return 1;
}

static bool read_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool is_read = fgets(out, (int)size, file) != NULL;
    fclose(file);
    return is_read;
}

/* Whole CPUs for [quota] of each [period], rounded up; UINT32_MAX for no limit. */
static uint32_t cpus_of_quota(long long quota, long long period)
{
    if (quota <= 0 || period <= 0 || quota / period >= CONFIG_WORKERS_MAX) {
        return UINT32_MAX;
    }
    return (uint32_t)((quota + period - 1) / period);
}

static uint32_t quota_v2(const char *directory)
{
    char line[128];
    long long quota = 0;
    long long period = 0;
    char *path = text_format("%s/cpu.max", directory);
    bool is_read = read_line(path, line, sizeof(line));

    free(path);
    if (!is_read || sscanf(line, "%lld %lld", &quota, &period) != 2) {
        return UINT32_MAX; /* "max 100000": no quota */
    }
    return cpus_of_quota(quota, period);
}

static uint32_t quota_v1(const char *directory)
{
    char quota[32];
    char period[32];
    char *quota_path = text_format("%s/cpu.cfs_quota_us", directory);
    char *period_path = text_format("%s/cpu.cfs_period_us", directory);
    bool is_read = read_line(quota_path, quota, sizeof(quota)) &&
                   read_line(period_path, period, sizeof(period));

    free(quota_path);
    free(period_path);
    return is_read ? cpus_of_quota(strtoll(quota, NULL, 10), strtoll(period, NULL, 10))
                   : UINT32_MAX;
}

/*
 * The least quota of the group [path] below [mount] and of the groups around it. In a container the
 * path may be that of the host, and only the mount itself is there: it is always looked at.
 */
static uint32_t least_quota(const char *mount, const char *path,
                            uint32_t (*read_quota)(const char *directory))
{
    char *directory = text_format("%s%s", mount, path);
    uint32_t least = UINT32_MAX;

    while (strlen(directory) >= strlen(mount)) {
        uint32_t quota = read_quota(directory);
        least = quota < least ? quota : least;
        char *slash = strrchr(directory, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
    }
    free(directory);
    return least;
}

/* Is "cpu" one of the names with commas between? */
static bool has_cpu_controller(const char *names)
{
    for (const char *at = names; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0')) {
            return true;
        }
    }
    return false;
}

/* [line] is "NUMBER:CONTROLLERS:PATH", in version 2 "0::PATH". */
static uint32_t quota_of_line(char *line, const char *mount)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

    if (path == NULL) {
        return UINT32_MAX;
    }
    controllers++;
    *path++ = '\0';
    if (controllers[0] == '\0') {
        return least_quota(mount, path, quota_v2);
    }
    if (!has_cpu_controller(controllers)) {
        return UINT32_MAX;
    }
    char *mount_v1 = text_format("%s/cpu", mount);
    uint32_t quota = least_quota(mount_v1, path, quota_v1);
    free(mount_v1);
    return quota;
}

uint32_t cpus_by_quota(const char *membership, const char *mount)
{
    char line[4096];
    uint32_t least = UINT32_MAX;
    FILE *file = fopen(membership, "re");

    if (file == NULL) {
        return least;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uint32_t quota = quota_of_line(line, mount);
        least = quota < least ? quota : least;
    }
    fclose(file);
    return least;
}

uint32_t config_available_cpus(void)
{
    uint32_t cpus = cpus_by_affinity();
    uint32_t quota = cpus_by_quota("/proc/self/cgroup", "/sys/fs/cgroup");

    cpus = quota < cpus ? quota : cpus;
    return cpus > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX : cpus;
}
