/*
 * What the contract test of the codecs needs of each codec: client streams with the answers that
 * must come, for three shards that start empty.
 */
#ifndef RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_H
#define RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_H

#include "fake_memcache.h"

#define CORPUS_STREAMS_MAX 64u

struct corpus_stream {
    const char *name;
    struct bytes in, out;
    bool closes; /* the proxy ends the connection */
};

struct corpus {
    struct corpus_stream streams[CORPUS_STREAMS_MAX];
    size_t n_streams;
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
    corpus->n_streams = 0;
}

#endif
