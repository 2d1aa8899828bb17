/*
 * The answers of the stub server: what is said to each command, and how it is collected so that all
 * answers of a round leave in one write.
 *
 * A connection's output is a list of iovecs: small texts are copied one after another, large values
 * are only referred to. Between stub_answer_begin() and stub_answer_flush() it belongs to one
 * connection; what the peer does not take is copied into the connection.
 */
#ifndef RINGWAY_BENCH_STUB_ANSWER_H
#define RINGWAY_BENCH_STUB_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
    STUB_N_IOV = 512,
};

/** Made once; shared by all connections of the one thread. */
struct stub_answers {
    size_t value_size;
    char *hit; /* owned: " 0 SIZE\r\n", the value, "\r\n" */
    size_t n_hit;
    char *hit_cas; /* owned: the same with a CAS id */
    size_t n_hit_cas;
    const char *value; /* in [hit]: the value and its CRLF */
    char *out;         /* owned: copied texts of this round */
    size_t n_out;
    struct iovec iov[STUB_N_IOV];
    int n_iov;
};

struct stub_conn {
    struct stub_answers *answers; /* borrowed */
    int fd;
    bool is_listener;
    bool answer_body;   /* a set waits for its body, and its sender for an answer */
    bool meta_body;     /* that set is an ms */
    bool more_input;    /* the kept input may hold whole commands */
    uint64_t body_left; /* bytes of a body, CRLF included, still to come */
    char *input;        /* owned: what did not make a command yet */
    size_t n_input;
    char *unsent; /* owned: what the peer did not take yet */
    size_t n_unsent;
    size_t unsent_at;
};

/** Make the answers for values of [value_size] bytes. Dies when out of memory. */
void stub_answer_init(struct stub_answers *answers, size_t value_size);

/** Start a round with no output. */
void stub_answer_begin(struct stub_answers *answers);

/**
 * Answer all whole commands in [text], or those up to where the peer stops taking answers.
 *
 * Returns how many bytes these commands had, 0..len.
 */
size_t stub_answer_input(struct stub_conn *conn, const char *text, size_t len);

/** Write the round's output, keeping what is not taken. Returns false on a broken connection. */
bool stub_answer_flush(struct stub_conn *conn);

#endif
