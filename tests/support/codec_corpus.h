/*
 * What the contract test of the codecs needs of each codec: client streams with the answers that
 * must come, for three shards that start empty, and what the configuration must say.
 */
#ifndef RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_H
#define RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_H

#include "fake_shard.h"

#define CORPUS_STREAMS_MAX 64u

struct corpus_stream {
    const char *name;
    struct bytes in, out;
    bool closes;         /* the proxy ends the connection */
    bool is_loose;       /* how much of it the shards see depends on how it is cut */
    uint32_t n_bodiless; /* HTTP, bit n: final response number n answers HEAD */
};

struct corpus {
    struct corpus_stream streams[CORPUS_STREAMS_MAX];
    size_t n_streams;
    const char *limits, *timeouts;    /* of the configuration */
    const char *listener;             /* of the listener: its pool, or routes to the pool p */
    const char *pool, *pool_timeouts; /* of the pool p */
    const char *other_pool;           /* instead of [pool], for a shorter run */
    void (*prepare)(struct fake_shard *shard); /* NULL: a shard is as it is made */
    /* What is compared, of bytes that the client or a shard received; NULL: all of them. */
    void (*canonical)(const struct corpus_stream *stream, struct slice in, bool is_request,
                      struct bytes *out);
};

static inline struct corpus_stream *corpus_add(struct corpus *corpus, const char *name)
{
    struct corpus_stream *stream = &corpus->streams[corpus->n_streams++];

    if (corpus->n_streams > CORPUS_STREAMS_MAX) {
        abort();
    }
    *stream = (struct corpus_stream){.name = name};
    return stream;
}

static inline void corpus_free(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->n_streams; i++) {
        bytes_free(&corpus->streams[i].in);
        bytes_free(&corpus->streams[i].out);
    }
    *corpus = (struct corpus){0};
}

#endif
