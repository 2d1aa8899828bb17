#include "cmd_live_remap_change.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

enum {
    END_POLLS = 200,
    END_POLL_US = 10000,
};

/* In the child: standard output carries the report and is not the command's. */
static void run_command(const char *command)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

void change_begin(struct change *change)
{
    if (change->command != NULL) {
        change->pid = fork();
        if (change->pid < 0) {
            util_die("cannot run the command: %s", strerror(errno));
        }
        if (change->pid == 0) {
            run_command(change->command);
        }
    } else if (change->file != NULL) {
        fprintf(stderr, "Change the shards now, then create %s.\n", change->file);
    } else {
        fprintf(stderr, "Change the shards now, then press Enter.\n");
    }
}

static bool poll_command(struct change *change)
{
    int status;
    pid_t pid = waitpid(change->pid, &status, WNOHANG);

    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        return false;
    }
    change->pid = 0;
    change->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

/* A line, or the end of the input. */
static bool poll_enter(void)
{
    struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
    char text[256];
    ssize_t n;

    if (poll(&poll_fd, 1, 0) != 1) {
        return false;
    }
    n = read(STDIN_FILENO, text, sizeof(text));
    return n == 0 || (n > 0 && memchr(text, '\n', (size_t)n) != NULL) || (n < 0 && errno != EINTR);
}

bool change_poll(struct change *change)
{
    if (!change->is_done) {
        if (change->command != NULL) {
            change->is_done = change->pid > 0 && poll_command(change);
        } else if (change->file != NULL) {
            change->is_done = access(change->file, F_OK) == 0;
        } else {
            change->is_done = poll_enter();
        }
    }
    return change->is_done;
}

void change_end(struct change *change)
{
    if (change->pid <= 0) {
        return;
    }
    kill(-change->pid, SIGTERM);
    for (int i = 0; i < END_POLLS; i++) {
        if (poll_command(change)) {
            return;
        }
        usleep(END_POLL_US);
    }
    kill(-change->pid, SIGKILL);
    waitpid(change->pid, NULL, 0);
    change->pid = 0;
}
