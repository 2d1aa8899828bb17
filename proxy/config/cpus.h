/*
 * The CPU quota of this process: the part of config_available_cpus() that a test can feed.
 */
#ifndef RINGWAY_CONFIG_CPUS_H
#define RINGWAY_CONFIG_CPUS_H

#include <stdint.h>

/**
 * Whole CPUs, rounded up, that control groups of version 1 and 2 allow.
 *
 * [membership] The file that names the groups, /proc/self/cgroup.
 * [mount]      Where the groups are mounted, /sys/fs/cgroup.
 *
 * Returns UINT32_MAX for no limit, also when nothing can be read.
 */
uint32_t cpus_by_quota(const char *membership, const char *mount);

#endif
