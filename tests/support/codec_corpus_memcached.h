/*
 * The memcached codec's corpus. Limits: max_item 32 KiB, max_line 64 KiB, flush_all allowed.
 */
#ifndef RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_MEMCACHED_H
#define RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_MEMCACHED_H

#include "codec_corpus.h"

#define LONG_KEY  "0123456789012345678901234567890123456789012345678"
#define KEY_250   LONG_KEY "0" LONG_KEY "1" LONG_KEY "2" LONG_KEY "3" LONG_KEY "4"
#define BAD       "CLIENT_ERROR bad command line format\r\n"
#define TOO_LARGE "SERVER_ERROR object too large for cache\r\n"

/* Streams that are strings: {name, what is sent, what is answered}. */
static const struct {
    const char *name, *in, *out;
} corpus_memcached_texts[] = {
    {"set and get", "set a 5 0 3\r\nabc\r\nget a\r\ngets a\r\nget b\r\n",
     "STORED\r\nVALUE a 5 3\r\nabc\r\nEND\r\nVALUE a 5 3 1\r\nabc\r\nEND\r\nEND\r\n"},
    {"storage commands",
     "add a 1 0 1\r\n1\r\nadd a 1 0 1\r\n2\r\nreplace a 2 0 1\r\n3\r\nreplace b 2 0 1\r\n4\r\n"
     "append a 0 0 2\r\n45\r\nprepend a 0 0 2\r\n01\r\nappend b 0 0 1\r\nx\r\nprepend b 0 0 "
     "1\r\nx\r\n"
     "gets a\r\ncas a 7 0 2 4\r\nzz\r\ncas a 7 0 2 4\r\nyy\r\ncas b 7 0 2 4\r\nyy\r\nget a\r\n",
     "STORED\r\nNOT_STORED\r\nSTORED\r\nNOT_STORED\r\nSTORED\r\nSTORED\r\nNOT_STORED\r\n"
     "NOT_STORED\r\nVALUE a 2 5 4\r\n01345\r\nEND\r\nSTORED\r\nEXISTS\r\nNOT_FOUND\r\n"
     "VALUE a 7 2\r\nzz\r\nEND\r\n"},
    {"one key, no value",
     "set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 6\r\ndecr n 100\r\nincr m 1\r\ndecr m 1\r\n"
     "touch n 0\r\ntouch m 0\r\ndelete n\r\ndelete n\r\ndelete n 0\r\n",
     "STORED\r\n15\r\n9\r\n0\r\nNOT_FOUND\r\nNOT_FOUND\r\nTOUCHED\r\nNOT_FOUND\r\nDELETED\r\n"
     "NOT_FOUND\r\nNOT_FOUND\r\n"},
    {"an error of the shard", "set n 0 0 3\r\nabc\r\nincr n 5\r\nget n\r\nma n\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
     "VALUE n 0 3\r\nabc\r\nEND\r\n"
     "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"},
    {"gat and gats", "set a 1 0 2\r\nxy\r\ngat 0 a\r\ngats 100 a\r\ngat 0 b\r\ngat 10 b a c a\r\n",
     "STORED\r\nVALUE a 1 2\r\nxy\r\nEND\r\nVALUE a 1 2 1\r\nxy\r\nEND\r\nEND\r\n"
     "VALUE a 1 2\r\nxy\r\nVALUE a 1 2\r\nxy\r\nEND\r\n"},
    {"multi-get over all shards, with misses and duplicates",
     "set k1 1 0 2\r\nv1\r\nset k2 2 0 2\r\nv2\r\nset k3 3 0 2\r\nv3\r\nset k4 4 0 2\r\nv4\r\n"
     "set k5 5 0 2\r\nv5\r\nset k6 6 0 2\r\nv6\r\nset k7 7 0 2\r\nv7\r\nset k8 8 0 2\r\nv8\r\n"
     "get k1 k2 k3 k4 k5 k6 k7 k8\r\ngets k8 no k7 k8 nil k1 k1\r\nget x1 x2 x3 x4 x5\r\n"
     "get  k3   no  k3 \r\n",
     "STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nSTORED\r\n"
     "VALUE k1 1 2\r\nv1\r\nVALUE k2 2 2\r\nv2\r\nVALUE k3 3 2\r\nv3\r\nVALUE k4 4 2\r\nv4\r\n"
     "VALUE k5 5 2\r\nv5\r\nVALUE k6 6 2\r\nv6\r\nVALUE k7 7 2\r\nv7\r\nVALUE k8 8 2\r\nv8\r\n"
     "END\r\nVALUE k8 8 2 1\r\nv8\r\nVALUE k7 7 2 1\r\nv7\r\nVALUE k8 8 2 1\r\nv8\r\n"
     "VALUE k1 1 2 1\r\nv1\r\nVALUE k1 1 2 1\r\nv1\r\nEND\r\nEND\r\n"
     "VALUE k3 3 2\r\nv3\r\nVALUE k3 3 2\r\nv3\r\nEND\r\n"},
    {"noreply everywhere",
     "set a 0 0 1 noreply\r\n1\r\nadd a 0 0 1 noreply\r\n2\r\nreplace a 0 0 1 noreply\r\n3\r\n"
     "append a 0 0 1 noreply\r\n4\r\nprepend a 0 0 1 noreply\r\n2\r\nincr a 1 noreply\r\n"
     "decr a 2 noreply\r\ntouch a 0 noreply\r\nverbosity 1 noreply\r\nget a\r\n"
     "cas a 0 0 1 99 noreply\r\nx\r\ndelete a noreply\r\ndelete a noreply\r\nget a\r\nmn\r\n"
     "set b 0 0 1\r\n1\r\nflush_all noreply\r\nget b\r\ndelete noreply\r\nfoo noreply\r\nmn\r\n",
     "VALUE a 0 3\r\n233\r\nEND\r\nEND\r\nMN\r\nSTORED\r\nEND\r\nMN\r\n"},
    {"meta commands",
     "ms a 3 F7 c\r\nabc\r\nmg a\r\nmg a v\r\nmg a s v f k c Oxyz\r\nmg b v k\r\nma a\r\n"
     "ms n 2\r\n10\r\nma n v D5\r\nma n MD\r\nms n 1 ME\r\nx\r\nms n 1 C99\r\nx\r\nms z 1 "
     "C99\r\nx\r\n"
     "ms n 1 MA k\r\n7\r\nmg n v\r\nmd n\r\nmd n q\r\nmd n k\r\nme a\r\nme b\r\nmn\r\n",
     "HD c1\r\nHD\r\nVA 3\r\nabc\r\nVA 3 s3 f7 ka c1 Oxyz\r\nabc\r\nEN\r\n"
     "CLIENT_ERROR cannot increment or decrement non-numeric value\r\nHD\r\nVA 2\r\n15\r\nHD\r\n"
     "NS\r\nEX\r\nNF\r\nHD kn\r\nVA 3\r\n147\r\nHD\r\nNF\r\nNF kn\r\n"
     "ME a exp=-1 la=0 cas=1 fetch=no cls=1 size=64\r\nEN\r\nMN\r\n"},
    {"quiet meta commands",
     "ms a 1 q\r\n1\r\nmg a q v\r\nmg b q v\r\nmg b v q k\r\nma a q\r\nma b q\r\nms a 1 ME "
     "q\r\nx\r\n"
     "md a q\r\nmd a q\r\nmg a v q\r\nmn\r\n",
     "VA 1\r\n1\r\nNF\r\nNS\r\nNF\r\nMN\r\n"},
    {"base64 keys",
     "ms Zm9vYmFy 2 b\r\nhi\r\nget foobar\r\nmg Zm9vYmFy b v k\r\nmd Zm9vYmFy b q\r\nget "
     "foobar\r\n",
     "HD b\r\nVALUE foobar 0 2\r\nhi\r\nEND\r\nVA 2 b kZm9vYmFy\r\nhi\r\nEND\r\n"},
    {"answered by the proxy", "mn\r\nverbosity 1\r\nstats reset\r\nstats nothing\r\nmn\r\n",
     "MN\r\nOK\r\nRESET\r\nERROR\r\nMN\r\n"},
    {"mistakes",
     "\r\nget\r\nfoo\r\nGET a\r\nincr a x\r\ntouch a x\r\ngat x a\r\ndelete\r\ndelete a "
     "10\r\nmg\r\n"
     "set a 0 0\r\nset a 0 0 -1\r\nset a 0 0 x\r\nmg a v v\r\nmg a =\r\nshutdown\r\nget a\r\n",
     BAD BAD
     "ERROR\r\nERROR\r\nCLIENT_ERROR invalid numeric delta argument\r\n"
     "CLIENT_ERROR invalid exptime argument\r\nCLIENT_ERROR invalid exptime argument\r\n" BAD
     "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n" BAD BAD BAD BAD
     "CLIENT_ERROR duplicate flag\r\n" BAD "ERROR\r\nEND\r\n"},
    {"mistakes with a value behind them",
     "set a x 0 3\r\nget\r\nset a 0 0 3\r\nabcdef\r\nset a 0 0 5 noreply\r\nabc\r\nxyzfoo\r\nms a "
     "2 v "
     "v\r\nmn\r\nget a\r\n",
     BAD "CLIENT_ERROR bad data chunk\r\n" BAD "ERROR\r\nCLIENT_ERROR duplicate flag\r\nEND\r\n"},
    {"keys as long as they may be",
     "set " KEY_250 " 0 0 1\r\nx\r\nget " KEY_250 "\r\nget " KEY_250 "5\r\nset " KEY_250
     "5 0 0 1\r\nx\r\nget a " KEY_250 "5 b\r\n",
     "STORED\r\nVALUE " KEY_250 " 0 1\r\nx\r\nEND\r\n" BAD BAD BAD},
    {"line ends and spaces",
     "set a 0 0 1\nx\r\nget a\nget   a  \r\nset  b  1  0  1 \r\ny\r\ngets  b \ndelete b\nmg  a  "
     "v\n",
     "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\nVALUE a 0 1\r\nx\r\nEND\r\nSTORED\r\n"
     "VALUE b 1 1 1\r\ny\r\nEND\r\nDELETED\r\nVA 1\r\nx\r\n"},
    {"values that look like answers",
     "set a 0 0 0\r\n\r\nset b 0 0 7\r\n\r\nEND\r\n\r\nset c 0 0 21\r\nVALUE c 0 "
     "1\r\nx\r\nEND\r\n\r\n"
     "get a\r\nget b\r\nget c\r\nget a b c\r\nmg b v\r\nmg a v\r\n",
     "STORED\r\nSTORED\r\nSTORED\r\nVALUE a 0 0\r\n\r\nEND\r\nVALUE b 0 7\r\n\r\nEND\r\n\r\nEND\r\n"
     "VALUE c 0 21\r\nVALUE c 0 1\r\nx\r\nEND\r\n\r\nEND\r\n"
     "VALUE a 0 0\r\n\r\nVALUE b 0 7\r\n\r\nEND\r\n\r\nVALUE c 0 21\r\nVALUE c 0 1\r\nx\r\nEND\r\n"
     "\r\nEND\r\nVA 7\r\n\r\nEND\r\n\r\nVA 0\r\n\r\n"},
    {"flush_all",
     "set a 0 0 1\r\nx\r\nset b 0 0 1\r\nx\r\nset c 0 0 1\r\nx\r\nflush_all\r\nget a b c\r\n",
     "STORED\r\nSTORED\r\nSTORED\r\nOK\r\nEND\r\n"},
};

/* The same, and the proxy then closes. */
static const struct {
    const char *name, *in, *out;
} corpus_memcached_ends[] = {
    {"quit", "set a 0 0 1\r\nx\r\nget a b\r\nquit\r\nget a\r\n",
     "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n"},
    {"the binary protocol", "get a\r\n\x80\x01",
     "END\r\nCLIENT_ERROR the binary protocol is not supported\r\n"},
    {"HTTP", "get a\r\nGET / HTTP/1.1\r\nset a 0 0 1\r\nx\r\n", "END\r\n"},
};

static inline void corpus_memcached_line(struct bytes *to, const char *format, size_t number)
{
    char line[320];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len = snprintf(line, sizeof(line), format, number, number, number, number);
#pragma GCC diagnostic pop

    bytes_add(to, line, (size_t)len);
}

/* A value of [len] bytes of all kinds, the same for the same [seed]. */
static inline void corpus_memcached_value(struct bytes *to, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte;

        seed = seed * 1664525u + 1013904223u;
        byte = (uint8_t)(seed >> 24);
        bytes_add(to, &byte, 1);
    }
    bytes_add_text(to, "\r\n");
}

/* Values around the length from which they are passed on as they come, and far above it. */
static inline void corpus_memcached_long_values(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "long values");
    static const size_t lengths[] = {16354, 16355, 16356, 16384, 20000};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        corpus_memcached_line(&s->in, "set v%zu 0 0 %zu\r\n", lengths[i]);
        corpus_memcached_value(&s->in, lengths[i], (uint32_t)i);
        bytes_add_text(&s->out, "STORED\r\n");
        corpus_memcached_line(&s->in, "get v%zu\r\n", lengths[i]);
        corpus_memcached_line(&s->out, "VALUE v%zu 0 %zu\r\n", lengths[i]);
        corpus_memcached_value(&s->out, lengths[i], (uint32_t)i);
        bytes_add_text(&s->out, "END\r\n");
    }
    bytes_add_text(&s->in, "mg v20000 v s\r\nget v16384 v20000\r\nget none\r\n");
    bytes_add_text(&s->out, "VA 20000 s20000\r\n");
    corpus_memcached_value(&s->out, 20000, 4);
    bytes_add_text(&s->out, "VALUE v16384 0 16384\r\n");
    corpus_memcached_value(&s->out, 16384, 3);
    bytes_add_text(&s->out, "VALUE v20000 0 20000\r\n");
    corpus_memcached_value(&s->out, 20000, 4);
    bytes_add_text(&s->out, "END\r\nEND\r\n");
}

/* A value that is too large is swallowed, and its key's old value is gone. */
static inline void corpus_memcached_too_large(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "too large values");

    bytes_add_text(&s->in, "set a 0 0 1\r\nx\r\nset a 0 0 32769\r\n");
    corpus_memcached_value(&s->in, 32769, 1);
    bytes_add_text(&s->in, "get a\r\nset a 0 0 1\r\ny\r\nset a 0 0 40000 noreply\r\n");
    corpus_memcached_value(&s->in, 40000, 2);
    bytes_add_text(&s->in, "get a\r\nms YQ== 1 b\r\nz\r\nms YQ== 32769 b\r\n");
    corpus_memcached_value(&s->in, 32769, 3);
    bytes_add_text(&s->in, "get a\r\nset a 0 0 1\r\nx\r\nadd a 0 0 32769\r\n");
    corpus_memcached_value(&s->in, 32769, 4);
    bytes_add_text(&s->in, "get a\r\nset a 0 0 32768\r\n");
    corpus_memcached_value(&s->in, 32768, 5);
    bytes_add_text(&s->in, "mg a s\r\n");
    bytes_add_text(&s->out, "STORED\r\n" TOO_LARGE "END\r\nSTORED\r\nEND\r\nHD b\r\n" TOO_LARGE
                            "END\r\nSTORED\r\n" TOO_LARGE "VALUE a 0 1\r\nx\r\nEND\r\n"
                            "STORED\r\nHD s32768\r\n");
}

/* One line of 40 KB: 160 keys of 250 bytes, every eighth of them there. */
static inline void corpus_memcached_long_line(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "a get line of 40 KB");

    for (size_t i = 0; i < 160; i += 8) {
        corpus_memcached_line(&s->in, "set %0250zu 0 0 1 noreply\r\nx\r\n", i);
    }
    bytes_add_text(&s->in, "get");
    for (size_t i = 0; i < 160; i++) {
        corpus_memcached_line(&s->in, " %0250zu", i);
        if (i % 8 == 0) {
            corpus_memcached_line(&s->out, "VALUE %0250zu 0 1\r\nx\r\n", i);
        }
    }
    bytes_add_text(&s->in, "\r\nmn\r\n");
    bytes_add_text(&s->out, "END\r\nMN\r\n");
}

/* A gat line is cut into lines that memcached reads. */
static inline void corpus_memcached_long_gat(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "a gat line of 8 KB");

    corpus_memcached_line(&s->in, "set %0250zu 3 0 1 noreply\r\nx\r\n", 7);
    bytes_add_text(&s->in, "gats 0");
    for (size_t i = 0; i < 32; i++) {
        corpus_memcached_line(&s->in, " %0250zu", i % 16);
        if (i % 16 == 7) {
            corpus_memcached_line(&s->out, "VALUE %0250zu 3 1 1\r\nx\r\n", i % 16);
        }
    }
    bytes_add_text(&s->in, "\r\n");
    bytes_add_text(&s->out, "END\r\n");
}

static inline void corpus_memcached_pipeline(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "1300 requests in one piece");

    for (size_t i = 0; i < 650; i++) {
        corpus_memcached_line(&s->in, "set p%zu 0 0 1\r\nx\r\nget p%zu\r\n", i % 100);
        corpus_memcached_line(&s->out, "STORED\r\nVALUE p%zu 0 1\r\nx\r\nEND\r\n", i % 100);
    }
}

static inline void corpus_memcached_endless_line(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "a line without an end");

    bytes_add_text(&s->in, "get a\r\nset ");
    for (size_t i = 0; i < 2100; i++) {
        bytes_add_text(&s->in, "x");
    }
    bytes_add_text(&s->out, "END\r\n");
    s->closes = true;
}

static inline void codec_corpus_memcached(struct corpus *corpus)
{
    corpus->limits = "max_item: 32KiB, max_line: 64KiB";
    corpus->timeouts = "idle: 0s";
    corpus->listener = "pool: p";
    corpus->pool = "flush_all: true";
    corpus->other_pool = "flush_all: true, on_partial: error, connections: 3";
    corpus->pool_timeouts = "request: 60s, connect: 10s";
    for (size_t i = 0; i < sizeof(corpus_memcached_texts) / sizeof(corpus_memcached_texts[0]);
         i++) {
        struct corpus_stream *s = corpus_add(corpus, corpus_memcached_texts[i].name);

        bytes_add_text(&s->in, corpus_memcached_texts[i].in);
        bytes_add_text(&s->out, corpus_memcached_texts[i].out);
    }
    for (size_t i = 0; i < sizeof(corpus_memcached_ends) / sizeof(corpus_memcached_ends[0]); i++) {
        struct corpus_stream *s = corpus_add(corpus, corpus_memcached_ends[i].name);

        bytes_add_text(&s->in, corpus_memcached_ends[i].in);
        bytes_add_text(&s->out, corpus_memcached_ends[i].out);
        s->closes = true;
    }
    corpus_memcached_long_values(corpus);
    corpus_memcached_too_large(corpus);
    corpus_memcached_long_line(corpus);
    corpus_memcached_long_gat(corpus);
    corpus_memcached_pipeline(corpus);
    corpus_memcached_endless_line(corpus);
}

#endif
