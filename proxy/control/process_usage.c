#include "control/process_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_MAX 1024u

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void read_memory(struct process_usage *out)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned long long total, resident;

    if (file == NULL) {
        return;
    }
    if (fscanf(file, "%llu %llu", &total, &resident) == 2) {
        out->virtual_bytes = total * page;
        out->resident_bytes = resident * page;
    }
    (void)fclose(file);
}

/* By open() and not opendir(), which thread sanitizers do not see handing out a descriptor. */
static DIR *open_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);

    if (directory == NULL && fd >= 0) {
        (void)close(fd);
    }
    return directory;
}

static uint64_t count_open_fds(void)
{
    DIR *directory = open_directory("/proc/self/fd");
    const struct dirent *entry;
    uint64_t n = 0;

    if (directory == NULL) {
        return 0;
    }
    while ((entry = readdir(directory)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(directory);
    return n == 0 ? 0 : n - 1; /* one of them was the directory itself */
}

void process_usage_read(struct process_usage *out)
{
    struct rusage usage;
    struct rlimit limit;

    memset(out, 0, sizeof *out);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        out->user_seconds = seconds_of(usage.ru_utime);
        out->system_seconds = seconds_of(usage.ru_stime);
        out->voluntary_switches = (uint64_t)usage.ru_nvcsw;
        out->involuntary_switches = (uint64_t)usage.ru_nivcsw;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        out->max_fds = limit.rlim_cur;
    }
    out->open_fds = count_open_fds();
    read_memory(out);
}

/* Parse `id (name) state …`, where the name may hold anything, also ')'. proc(5) */
static int parse_stat(char *line, struct thread_usage *out)
{
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    double ticks = (double)sysconf(_SC_CLK_TCK);
    unsigned long long user, kernel;

    if (open == NULL || close == NULL || close < open) {
        return -1;
    }
    *close = '\0';
    /* After the name: state, 10 numbers, utime, stime. */
    if (sscanf(close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &kernel) != 2) {
        return -1;
    }
    out->id = atoi(line);
    (void)snprintf(out->name, sizeof out->name, "%s", open + 1);
    out->user_seconds = (double)user / ticks;
    out->system_seconds = (double)kernel / ticks;
    return 0;
}

static int read_thread(const char *id, struct thread_usage *out)
{
    char path[64], line[STAT_MAX];
    FILE *file;
    size_t n;

    (void)snprintf(path, sizeof path, "/proc/self/task/%.16s/stat", id);
    file = fopen(path, "re");
    if (file == NULL) { /* the thread has ended */
        return -1;
    }
    n = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    line[n] = '\0';
    return parse_stat(line, out);
}

size_t process_usage_threads(struct thread_usage *out, size_t max)
{
    DIR *directory = open_directory("/proc/self/task");
    const struct dirent *entry;
    size_t n = 0;

    if (directory == NULL) {
        return 0;
    }
    while (n < max && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.' && read_thread(entry->d_name, &out[n]) == 0) {
            n++;
        }
    }
    (void)closedir(directory);
    return n;
}
