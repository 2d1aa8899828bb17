/*
 * The wire parsers see a stream cut anywhere: every stream of the corpora gives the same requests
 * and replies whole, byte by byte, and cut in two at every offset.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/http1_stream.h"
#include "support/memcache_stream.h"

/* Longer streams are cut at some offsets only. */
#define MANY_CUTS 600u

static struct slice read_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    uint8_t *data = malloc((size_t)size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, file), size);
    fclose(file);
    return slice_make(data, (size_t)size);
}

/* Read [data] as pieces of [first] bytes, then of [piece]; a text of all that was found. */
typedef char *read_fn(struct slice data, size_t first, size_t piece);

static char *read_memcache_requests(struct slice data, size_t first, size_t piece)
{
    return stream_run(data, first, piece, stream_requests);
}

static char *read_memcache_replies(struct slice data, size_t first, size_t piece)
{
    return stream_run(data, first, piece, stream_replies);
}

static char *read_http1_requests(struct slice data, size_t first, size_t piece)
{
    return http1_stream_text((struct http1_stream){.data = data}, first, piece);
}

static char *read_http1_responses(struct slice data, size_t first, size_t piece)
{
    return http1_stream_text((struct http1_stream){.data = data, .is_response = true}, first,
                             piece);
}

static char *read_http1_chunks(struct slice data, size_t first, size_t piece)
{
    return http1_stream_text((struct http1_stream){.data = data, .phase = HTTP1_STREAM_CHUNKS},
                             first, piece);
}

static void check_same(struct slice data, size_t first, size_t piece, const char *whole,
                       read_fn *read)
{
    char *found = read(data, first, piece);
    if (strcmp(found, whole) != 0) {
        fail_msg("cut at %zu, then every %zu:\n%s\nwhole:\n%s", first, piece, found, whole);
    }
    free(found);
}

static void check_stream(struct slice data, read_fn *read)
{
    char *whole = read(data, data.len, data.len);
    check_same(data, 1, 1, whole, read);
    size_t step = 1 + data.len / MANY_CUTS;
    for (size_t cut = 1; cut < data.len; cut += step) {
        check_same(data, cut, data.len, whole, read);
    }
    free(whole);
}

static void check_corpus(const char *folder, read_fn *read)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned n = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        print_message("%s/%s\n", folder, entry->d_name);
        struct slice data = read_file(folder, entry->d_name);
        check_stream(data, read);
        free((void *)(uintptr_t)data.data);
        n++;
    }
    closedir(dir);
    assert_true(n >= 20);
}

static void test_memcache_requests(void **state)
{
    (void)state;
    check_corpus(TESTS_DIR "/fuzz/fuzz_memcache_request", read_memcache_requests);
}

static void test_memcache_replies(void **state)
{
    (void)state;
    check_corpus(TESTS_DIR "/fuzz/fuzz_memcache_reply", read_memcache_replies);
}

static void test_http1_requests(void **state)
{
    (void)state;
    check_corpus(TESTS_DIR "/fuzz/fuzz_http1_request", read_http1_requests);
}

static void test_http1_responses(void **state)
{
    (void)state;
    check_corpus(TESTS_DIR "/fuzz/fuzz_http1_response", read_http1_responses);
}

static void test_http1_chunks(void **state)
{
    (void)state;
    check_corpus(TESTS_DIR "/fuzz/fuzz_http1_chunks", read_http1_chunks);
}

/* Lines beyond the limits: cut where the limit is, too. */
static void test_long_memcache_lines(void **state)
{
    (void)state;
    static const char *const words[] = {"get ", "gats 1 ", "mg ", "foo ", "set a 0 0 "};
    static const size_t lengths[] = {2046, 2047, 2048, 2049, 4095, 4096, 4097, 9000};
    static uint8_t line[9000];
    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            for (size_t at = 0; at < lengths[i]; at++) {
                line[at] = at % 31 == 0 ? ' ' : 'k';
            }
            memcpy(line, words[w], strlen(words[w]));
            memcpy(line + lengths[i] - 2, "\r\n", 2);
            check_stream(slice_make(line, lengths[i]), read_memcache_requests);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcache_requests),   cmocka_unit_test(test_memcache_replies),
        cmocka_unit_test(test_long_memcache_lines), cmocka_unit_test(test_http1_requests),
        cmocka_unit_test(test_http1_responses),     cmocka_unit_test(test_http1_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
