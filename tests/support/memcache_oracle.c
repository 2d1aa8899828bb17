/*
 * Tells the differential test what the memcached parsers make of lines.
 *
 * Reads frames from standard input: a kind byte, a 32-bit length in host order, the bytes. Answers
 * each with one line of fields between tabs.
 *
 *   Q line             a request: outcome, command, class, noreply, quiet, value length, swallow,
 *                      error or -, the line to forward in hexadecimal or -
 *   R command bytes    what a shard answered to the command of that number: 1, 0 or -1 as
 *                      memcache_reply_parse(), line length, value length, is it fitting, is it END
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/memcache_reply.h"
#include "wire/memcache_request.h"

static void print_forwarded(const struct memcache_request *request)
{
    enum memcache_class class = memcache_command_class(request->command);
    if (class == MEMCACHE_CLASS_LOCAL || request->n_keys > 1) {
        puts("\t-");
        return;
    }
    uint8_t *line = malloc(request->line.len + 2);
    if (line == NULL) {
        exit(1);
    }
    size_t len = memcache_request_write_line(request, line);
    putchar('\t');
    for (size_t i = 0; i < len; i++) {
        printf("%02x", line[i]);
    }
    putchar('\n');
    free(line);
}

static void answer_request(struct slice in)
{
    static const char *const outcomes[] = {"more", "request", "error", "close"};
    struct memcache_request request;
    size_t scanned = 0;
    enum memcache_parse parse = memcache_request_parse(in, &scanned, 1u << 20, &request);
    if (parse != MEMCACHE_PARSE_REQUEST) {
        bool more = parse == MEMCACHE_PARSE_MORE;
        printf("%s\t0\t0\t0\t0\t0\t%" PRIu64 "\t%s\t-\n", outcomes[parse],
               more ? 0 : request.swallow, more || request.error == NULL ? "-" : request.error);
        return;
    }
    printf("request\t%d\t%d\t%d\t%d\t%" PRIu64 "\t0\t-", (int)request.command,
           (int)memcache_command_class(request.command), request.noreply, request.quiet,
           request.value_len);
    print_forwarded(&request);
}

static void answer_reply(struct slice in)
{
    struct memcache_reply reply;
    enum memcache_command command = (enum memcache_command)in.data[0];
    int parsed = memcache_reply_parse(slice_skip(in, 1), &reply);
    if (parsed != 1) {
        printf("%d\t0\t0\t0\t0\n", parsed);
        return;
    }
    printf("1\t%zu\t%" PRIu64 "\t%d\t%d\n", reply.line.len,
           reply.type == MEMCACHE_REPLY_VALUE || reply.type == MEMCACHE_REPLY_VA
               ? reply.value_len + 2
               : 0,
           memcache_reply_fits(command, reply.type), reply.type == MEMCACHE_REPLY_END);
}

int main(void)
{
    for (int kind = getchar(); kind != EOF; kind = getchar()) {
        uint32_t len = 0;
        if (fread(&len, sizeof(len), 1, stdin) != 1) {
            return 1;
        }
        uint8_t *bytes = malloc(len + 1);
        if (bytes == NULL || fread(bytes, 1, len, stdin) != len) {
            return 1;
        }
        if (kind == 'Q') {
            answer_request(slice_make(bytes, len));
        } else {
            answer_reply(slice_make(bytes, len));
        }
        free(bytes);
        fflush(stdout);
    }
    return 0;
}
