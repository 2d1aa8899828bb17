#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

static const struct {
    const char *event;
    enum watch_class of;
} trace_points[] = {
    {"syscalls/sys_enter_read", WATCH_DATA},         {"syscalls/sys_enter_readv", WATCH_DATA},
    {"syscalls/sys_enter_recvfrom", WATCH_DATA},     {"syscalls/sys_enter_recvmsg", WATCH_DATA},
    {"syscalls/sys_enter_recvmmsg", WATCH_DATA},     {"syscalls/sys_enter_write", WATCH_DATA},
    {"syscalls/sys_enter_writev", WATCH_DATA},       {"syscalls/sys_enter_sendto", WATCH_DATA},
    {"syscalls/sys_enter_sendmsg", WATCH_DATA},      {"syscalls/sys_enter_sendmmsg", WATCH_DATA},
    {"syscalls/sys_enter_epoll_wait", WATCH_WAIT},   {"syscalls/sys_enter_epoll_pwait", WATCH_WAIT},
    {"syscalls/sys_enter_epoll_pwait2", WATCH_WAIT}, {"syscalls/sys_enter_poll", WATCH_WAIT},
    {"syscalls/sys_enter_ppoll", WATCH_WAIT},        {"syscalls/sys_enter_select", WATCH_WAIT},
    {"syscalls/sys_enter_pselect6", WATCH_WAIT},     {"raw_syscalls/sys_enter", WATCH_ALL},
};

/* The kernel's number of a trace point, or -1 if there is none of that name. */
static int64_t trace_point_id(const char *event)
{
    static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        char path[256];
        int64_t id = -1;
        FILE *file;

        snprintf(path, sizeof(path), "%s/events/%s/id", roots[i], event);
        file = fopen(path, "re");
        if (file == NULL) {
            continue;
        }
        if (fscanf(file, "%" SCNd64, &id) != 1) {
            id = -1;
        }
        fclose(file);
        return id;
    }
    return -1;
}

static void open_counter(struct watch *watch, pid_t tid, int64_t id, enum watch_class of)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .config = (uint64_t)id,
        .inherit = 1,
    };
    long fd;

    if (watch->n_counters == WATCH_MAX_COUNTERS) {
        util_die("too many threads to count system calls of");
    }
    fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) {
        util_die("cannot count system calls: %s", strerror(errno));
    }
    watch->fd[watch->n_counters] = (int)fd;
    watch->of[watch->n_counters] = of;
    watch->n_counters++;
}

static void open_counters(struct watch *watch, pid_t tid)
{
    for (size_t i = 0; i < sizeof(trace_points) / sizeof(trace_points[0]); i++) {
        int64_t id = trace_point_id(trace_points[i].event);

        if (id >= 0) {
            open_counter(watch, tid, id, trace_points[i].of);
        } else if (trace_points[i].of == WATCH_ALL) {
            util_die("cannot count system calls: no trace points in /sys/kernel/tracing");
        }
    }
}

/* Call [fn] for every thread of the process; returns the number of threads. */
static int each_thread(struct watch *watch, void (*fn)(struct watch *watch, pid_t tid, void *arg),
                       void *arg)
{
    char path[64];
    struct dirent *entry;
    DIR *dir;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)watch->pid);
    dir = opendir(path);
    if (dir == NULL) {
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0) {
            fn(watch, tid, arg);
            n++;
        }
    }
    closedir(dir);
    return n;
}

static void add_cpu_time(struct watch *watch, pid_t tid, void *arg)
{
    uint64_t *sum_ns = arg;
    uint64_t ns = 0;
    char path[80];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)watch->pid, (int)tid);
    file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    if (fscanf(file, "%" SCNu64, &ns) == 1) {
        *sum_ns += ns;
    }
    fclose(file);
}

static uint64_t cpu_time_ns(struct watch *watch)
{
    uint64_t sum_ns = 0;

    if (each_thread(watch, add_cpu_time, &sum_ns) == 0) {
        util_die("process %d is gone", (int)watch->pid);
    }
    return sum_ns;
}

/* Fields 14 and 15 of the line; the name before them may hold anything, so count from its end. */
static void read_ticks(struct watch *watch, uint64_t *user, uint64_t *system)
{
    char path[64];
    char line[512];
    const char *rest;
    FILE *file;

    *user = 0;
    *system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)watch->pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    rest = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    if (rest == NULL ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, user,
               system) != 2) {
        util_die("cannot read %s", path);
    }
    fclose(file);
}

static void open_thread(struct watch *watch, pid_t tid, void *arg)
{
    (void)arg;
    open_counters(watch, tid);
}

static uint64_t read_counter(int fd)
{
    uint64_t value = 0;

    if (read(fd, &value, sizeof(value)) != (ssize_t)sizeof(value)) {
        util_die("cannot read a counter: %s", strerror(errno));
    }
    return value;
}

void watch_init(struct watch *watch, pid_t pid, bool count_calls)
{
    memset(watch, 0, sizeof(*watch));
    watch->pid = pid;
    watch->counts_calls = count_calls;
    if (pid > 0 && count_calls && each_thread(watch, open_thread, NULL) == 0) {
        util_die("process %d is gone", (int)pid);
    }
}

void watch_start(struct watch *watch)
{
    if (watch->pid <= 0) {
        return;
    }
    for (int i = 0; i < watch->n_counters; i++) {
        watch->start[i] = read_counter(watch->fd[i]);
    }
    read_ticks(watch, &watch->user_start_ticks, &watch->system_start_ticks);
    watch->cpu_start_ns = cpu_time_ns(watch);
}

void watch_stop(struct watch *watch, struct watch_result *result)
{
    memset(result, 0, sizeof(*result));
    if (watch->pid <= 0) {
        return;
    }
    result->cpu_ns = cpu_time_ns(watch) - watch->cpu_start_ns;
    read_ticks(watch, &result->user_ticks, &result->system_ticks);
    result->user_ticks -= watch->user_start_ticks;
    result->system_ticks -= watch->system_start_ticks;
    for (int i = 0; i < watch->n_counters; i++) {
        result->calls[watch->of[i]] += read_counter(watch->fd[i]) - watch->start[i];
    }
}

void watch_deinit(struct watch *watch)
{
    for (int i = 0; i < watch->n_counters; i++) {
        close(watch->fd[i]);
    }
    watch->n_counters = 0;
}
