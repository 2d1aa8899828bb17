/*
 * What another process spends between two moments: CPU time of all its threads (from
 * /proc/PID/task/TID/schedstat, nanoseconds), how much of it in user space (from /proc/PID/stat, ticks
 * of 10 ms, so to about 2 % in a second of full load), and, if asked for, its system calls (kernel trace
 * points, counted in the kernel). Counting system calls slows every system call of the machine a
 * little, so a run that counts them is not one to take times from.
 */
#ifndef RINGWAY_BENCH_WATCH_H
#define RINGWAY_BENCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum watch_class {
    WATCH_DATA, /* read, write, recv and send in all their forms */
    WATCH_WAIT, /* epoll_wait, poll and select in all their forms */
    WATCH_ALL,  /* every system call */
    WATCH_N_CLASSES,
};

enum {
    WATCH_MAX_COUNTERS = 1024,
};

struct watch {
    pid_t pid; /* 0: nothing is watched */
    uint64_t cpu_start_ns;
    uint64_t user_start_ticks;
    uint64_t system_start_ticks;
    bool counts_calls;
    int n_counters;
    int fd[WATCH_MAX_COUNTERS];
    enum watch_class of[WATCH_MAX_COUNTERS];
    uint64_t start[WATCH_MAX_COUNTERS];
};

struct watch_result {
    uint64_t cpu_ns;
    uint64_t user_ticks;
    uint64_t system_ticks;
    uint64_t calls[WATCH_N_CLASSES];
};

/** Prepare to watch [pid], with system calls or not. Dies if [pid] or the counters are out of
 * reach. */
void watch_init(struct watch *watch, pid_t pid, bool count_calls);

/** The measured time begins. Costs a few file reads and a system call for each counter. */
void watch_start(struct watch *watch);

/** The measured time ends. */
void watch_stop(struct watch *watch, struct watch_result *result);

/** Close what watch_init() opened. */
void watch_deinit(struct watch *watch);

#endif
