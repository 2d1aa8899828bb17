/*
 * What this process uses: CPU, memory, descriptors, threads. Read from /proc/self and getrusage;
 * what cannot be read is zero.
 */
#ifndef RINGWAY_CONTROL_PROCESS_USAGE_H
#define RINGWAY_CONTROL_PROCESS_USAGE_H

#include <stddef.h>
#include <stdint.h>

struct thread_usage {
    int id;
    char name[32];
    double user_seconds, system_seconds; /* in steps of a clock tick, 10 ms */
};

struct process_usage {
    double user_seconds, system_seconds;
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds, max_fds;
    uint64_t voluntary_switches, involuntary_switches;
};

/** Read the figures of the whole process. About 50 us. */
void process_usage_read(struct process_usage *out);

/** Read up to [max] threads, by id. Returns how many. About 20 us a thread. */
size_t process_usage_threads(struct thread_usage *out, size_t max);

#endif
