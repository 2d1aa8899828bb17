"""How request lines are read: what is an error, how much is swallowed, what closes a connection,
and which bytes never reach a shard."""
import os
import select
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt
from fake_shard import FakeShard, lines_of
from ringway_testing import BCLF, Case

ERROR = b'ERROR\r\n'
BAD_CHUNK = b'CLIENT_ERROR bad data chunk\r\n'
DELTA = b'CLIENT_ERROR invalid numeric delta argument\r\n'
EXPTIME = b'CLIENT_ERROR invalid exptime argument\r\n'
LONG = b'k' * 251

COMMANDS = [
    Case(
        'unknown command',
        (b'foo\r\n', ERROR),
        (b'foo bar baz\r\n', ERROR),
        (b'getx k\r\n', ERROR),
        (b'Host: example.com\r\n', ERROR),
        split=True,
    ),
    Case(
        'the pipelined command behind an error is served',
        (b'foo\r\nget none\r\n', ERROR + b'END\r\n'),
        split=True,
    ),
    Case(
        'case matters',
        (b'GET a\r\n', ERROR),
        (b'Get a\r\n', ERROR),
        (b'SET k 0 0 1\r\n', ERROR),
        (b'MG k\r\n', ERROR),
        (b'MN\r\n', ERROR),
    ),
    Case(
        'empty lines',
        (b'\r\n', BCLF),
        (b'\n', BCLF),
        (b'\r\n\r\n', BCLF + BCLF),
        on_1_6_18=[ERROR, ERROR, ERROR + ERROR],
        split=True,
    ),
    Case('leading spaces', (b'  get k\r\n', ERROR), on_1_6_18=[b'END\r\n']),
    Case(
        'commands without key',
        *[
            (line + b'\r\n', BCLF)
            for line in (
                b'get',
                b'get ',
                b'gets',
                b'gat',
                b'gat 100',
                b'gats',
                b'delete',
                b'incr',
                b'incr n',
                b'decr',
                b'touch',
                b'touch k',
                b'set',
                b'set k',
                b'set k 0 0',
                b'ms k',
            )
        ],
        on_1_6_18=[
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            b'END\r\n',
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            ERROR,
            BCLF,
        ]
    ),
    Case(
        'spaces in get',
        (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'get  k   k  \r\n', b'VALUE k 0 1\r\nx\r\nVALUE k 0 1\r\nx\r\nEND\r\n'),
    ),
    Case(
        'verbosity',
        (b'verbosity\r\n', BCLF),
        (b'verbosity foo bar my\r\n', BCLF),
        (b'verbosity abc\r\n', BCLF),
        on_1_6_18=[ERROR, ERROR, BCLF],
    ),
]

KEYS = [
    Case(
        'key of 251 bytes',
        (b'get %s\r\n' % LONG, BCLF),
        (b'gets %s\r\n' % LONG, BCLF),
        (b'gat 0 %s\r\n' % LONG, BCLF),
        (b'delete %s\r\n' % LONG, BCLF),
        (b'incr %s 1\r\n' % LONG, BCLF),
        (b'decr %s 1\r\n' % LONG, BCLF),
        (b'touch %s 1\r\n' % LONG, BCLF),
        on_memcached=[BCLF + b'\r\n'] * 3 + [BCLF] * 4,
        on_1_6_18=[BCLF] * 7,
        memcached_loses=True,
    ),
    Case(
        'value behind a key of 251 bytes is swallowed',
        *[
            (b'%s %s 0 0 4\r\nmn\r\n\r\n' % (command, LONG), BCLF)
            for command in (b'set', b'add', b'replace', b'append', b'prepend')
        ],
        (b'cas %s 0 0 4 1\r\nmn\r\n\r\n' % LONG, BCLF),
        on_1_6_18=[BCLF + b'MN\r\nERROR\r\n'] * 6,
        split=True
    ),
    Case(
        'one bad key in a multi-get fails all of it',
        (b'set k1 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'get k1 %s k1\r\n' % LONG, BCLF),
        (b'get k1 k1 %s\r\n' % LONG, BCLF),
        (b'gets %s k1\r\n' % LONG, BCLF),
        (b'get k1\r\n', b'VALUE k1 0 1\r\nx\r\nEND\r\n'),
        on_memcached=[
            b'STORED\r\n',
            BCLF + b'\r\n',
            BCLF + b'\r\n',
            BCLF + b'\r\n',
            b'VALUE k1 0 1\r\nx\r\nEND\r\n',
        ],
        on_1_6_18=[b'STORED\r\n', BCLF, BCLF, BCLF, b'VALUE k1 0 1\r\nx\r\nEND\r\n'],
        memcached_loses=True,
    ),
]

STORAGE = [
    Case(
        'value too long',
        (b'set k 0 0 3\r\nold\r\n', b'STORED\r\n'),
        (b'set k 0 0 3\r\nabcd\r\nmn\r\n', BAD_CHUNK + BCLF + b'MN\r\n'),
        (b'get k\r\n', b'VALUE k 0 3\r\nold\r\nEND\r\n'),
        on_1_6_18=[b'STORED\r\n', BAD_CHUNK + b'ERROR\r\nMN\r\n', b'VALUE k 0 3\r\nold\r\nEND\r\n'],
        split=True,
    ),
    Case(
        'value too short',
        (b'set k 0 0 5\r\nabc\r\nversion\r\n', BAD_CHUNK + ERROR),
        (b'get k\r\n', b'END\r\n'),
        split=True,
    ),
    Case(
        'wrong end of value',
        (b'set k 0 0 3\r\nabcXXget k\r\n', BAD_CHUNK + b'END\r\n'),
        (b'cas k 0 0 3 1\r\nabcXXget k\r\n', BAD_CHUNK + b'END\r\n'),
        split=True,
    ),
    Case('value that ends in LF only', (b'set k 0 0 3\r\nabc\nversion\r\n', BAD_CHUNK + ERROR)),
    Case(
        'bad lengths',
        (b'set k 0 0 -1\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'set k 0 0 abc\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'set k 0 0 2147483647\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'set k 0 0 2147483648\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'set k 0 0 99999999999999999999\r\nmn\r\n', BCLF + b'MN\r\n'),
        split=True,
    ),
    Case(
        'length of 2^32',
        (b'set k 0 0 4294967296\r\nmn\r\n', BCLF + b'MN\r\n'),
        on_1_6_18=[BAD_CHUNK + b'ERROR\r\n'],
    ),
    Case(
        'data behind a bad length is read as a command',
        (b'set k 0 0 -1\r\ndata\r\nmn\r\n', BCLF + ERROR + b'MN\r\n'),
    ),
    Case(
        'bad flags and times, value swallowed',
        (b'set k -1 0 4\r\nmn\r\n\r\n', BCLF),
        (b'set k abc 0 4\r\nmn\r\n\r\n', BCLF),
        (b'set k 0 abc 4\r\nmn\r\n\r\n', BCLF),
        (b'cas k 0 0 4\r\nmn\r\n\r\n', BCLF),
        (b'cas k 0 0 4 abc\r\nmn\r\n\r\n', BCLF),
        on_1_6_18=[
            BCLF + b'MN\r\nERROR\r\n',
            BCLF + b'MN\r\nERROR\r\n',
            BCLF + b'MN\r\nERROR\r\n',
            ERROR + b'MN\r\nERROR\r\n',
            BCLF + b'MN\r\nERROR\r\n',
        ],
        split=True,
    ),
]

NUMBERS = [
    Case(
        'delta',
        (b'incr n abc\r\n', DELTA),
        (b'incr n -1\r\n', DELTA),
        (b'decr n abc\r\n', DELTA),
        (b'incr n 18446744073709551616\r\n', DELTA),
        (b'incr n 18446744073709551615\r\n', b'NOT_FOUND\r\n'),
        (b'incr n 1 foo\r\n', b'NOT_FOUND\r\n'),
        split=True,
    ),
    Case(
        'exptime',
        (b'touch k abc\r\n', EXPTIME),
        (b'gat abc k\r\n', EXPTIME),
        (b'gats abc k\r\n', EXPTIME),
    ),
]

CLOSING = [
    Case('HTTP GET', (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b''), closes=True),
    Case('HTTP POST', (b'POST / HTTP/1.1\r\nset k 0 0 1\r\nx\r\n', b''), closes=True),
    Case('HTTP/1.0', (b'POST /x HTTP/1.0\r\n\r\n', b''), closes=True),
    Case(
        'earlier replies come first',
        (b'get none\r\nGET / HTTP/1.1\r\nget none\r\n', b'END\r\n'),
        closes=True,
        memcached_loses=True,
    ),
    Case('2049 bytes without a line end', (b'x' * 2049, b''), closes=True),
    Case('set of 2049 bytes without a line end', (b'set ' + b'k' * 2045, b''), closes=True),
]


class ParsingTest(rt.ByteTestCase):
    def test_commands(self):
        self.run_cases(COMMANDS)

    def test_keys(self):
        self.run_cases(KEYS)

    def test_storage_lines(self):
        self.run_cases(STORAGE)

    def test_numbers(self):
        self.run_cases(NUMBERS)

    def test_what_closes(self):
        for case in CLOSING:
            if case.memcached_loses and self.proxy is None:
                continue
            with self.subTest(case.name):
                self.converse(case)

    def test_http_sent_byte_by_byte(self):
        client = self.open()
        try:
            client.send_bytewise(b'GET / HTTP/1.1\r\n')
        except OSError:
            pass
        client.expect_close()

    def test_get_may_have_a_key_that_looks_like_http(self):
        client = self.open()
        client.ask(b'get k HTTP/1.1\r\n', b'END\r\n')
        client.expect_sync()

    def test_2048_bytes_without_a_line_end_are_waited_for(self):
        client = self.open()
        client.send(b'x' * 2046)
        client.expect_nothing(0.1)
        client.ask(b'\r\n', ERROR)
        client.expect_sync()

    def test_long_line_with_its_end_is_an_error_or_a_close(self):
        """Which of both depends on how the bytes arrive, in memcached too."""
        for line in (b'x' * 2100, b'delete ' + b'k' * 3000, b'touch ' + b'k' * 3000 + b' 0'):
            with self.subTest(line[:10]):
                client = self.open()
                client.send(line + b'\r\n')
                client.fill()
                self.assertIn(bytes(client.buffer), (b'', ERROR, BCLF))

    def test_binary_protocol_is_told_and_closed(self):
        self.proxy_only()
        for request in (
            b'\x80\x0a' + b'\0' * 22,
            b'\x80',
            b'\x80\x00\x00\x01' + b'\0' * 7 + b'\x01' + b'\0' * 12 + b'k',
        ):
            with self.subTest(request):
                client = self.open()
                client.send(request)
                client.expect_re(rb'CLIENT_ERROR [^\r\n]+\r\n')
                client.expect_close()

    def test_0x80_inside_a_connection_is_no_binary_protocol(self):
        client = self.open()
        client.ask(b'get none\r\n', b'END\r\n')
        client.ask(b'set \x80key 0 0 1\r\nx\r\n', b'STORED\r\n')
        client.ask(b'get \x80key\r\n', b'VALUE \x80key 0 1\r\nx\r\nEND\r\n')

    def test_get_line_of_400_kb(self):
        client = self.open()
        keys = [b'key-of-a-long-line-%06d' % i for i in range(16000)]
        hits = set(keys[::500])
        for key in hits:
            client.ask(b'set %s 0 0 1\r\nx\r\n' % key, b'STORED\r\n')
        line = b'get ' + b' '.join(keys) + b'\r\n'
        self.assertGreater(len(line), 400000)
        answer = (
            b''.join(b'VALUE %s 0 1\r\nx\r\n' % key for key in keys if key in hits) + b'END\r\n'
        )
        client.ask(line, answer)
        for start in range(0, len(line), 50000):  # in pieces, with time between
            client.send(line[start : start + 50000])
            time.sleep(0.002)
        client.expect(answer)
        if self.proxy is not None:  # memcached closes
            client.ask(b'gat 0 ' + b' '.join(keys) + b'\r\n', answer)
        client.expect_sync()

    def test_get_line_without_end_is_bounded(self):
        """It is told so, or not, and closed long before the line ends."""
        self.proxy_only()
        client = self.open()
        block = b' key-of-an-endless-line' * 4096
        sent = 0
        try:
            client.send(b'get')
            while sent < 100 << 20 and not select.select([client], [], [], 0)[0]:
                client.send(block)
                sent += len(block)
        except OSError:
            pass
        self.assertLess(sent, 50 << 20)
        while client.fill():
            pass
        self.assertRegex(bytes(client.buffer), rb'^(CLIENT_ERROR [^\r\n]+\r\n)?$')
        other = self.open()
        other.ask(b'get none\r\n', b'END\r\n')

    def test_garbage_never_hangs_or_kills(self):
        self.proxy_only()
        import random

        random.seed(11)
        words = [
            b'get',
            b'set',
            b'mg',
            b'ms',
            b'k',
            b'0',
            b'-1',
            b'\0',
            b'\r',
            b'\n',
            b'\r\n',
            b' ',
            b'noreply',
            b'99999999999',
            b'q',
            b'b',
            b'v',
            b'\x80',
            b'VALUE',
            b'END',
            b'incr',
            b'cas',
            b'Oabc',
            b'x' * 300,
        ]
        for _ in range(300):
            data = b''.join(
                random.choice(words) + random.choice((b'', b' ', b'\r\n'))
                for _ in range(random.randrange(1, 30))
            )
            with rt.Client(self.target) as client:
                client.send(data + b'\r\n')
                client.shutdown_write()
                while client.fill():
                    pass
        self.open().ask(b'get none\r\n', b'END\r\n')


class ShardBytesTest(rt.ProcessTestCase):
    """What reaches a shard, seen by shards that record it."""

    def setUp(self):
        super().setUp()
        self.shards = [FakeShard() for _ in range(3)]
        for shard in self.shards:
            self.addCleanup(shard.stop)
        config = rt.proxy_config(
            [
                rt.pool_config(
                    'main', {'s%d' % i: shard.target() for i, shard in enumerate(self.shards)}
                )
            ]
        )
        self.proxy = self.ringway(config)
        self.talk = self.client(self.proxy)
        self.talk.ask(b'get ' + b' '.join(b'warm%d' % i for i in range(30)) + b'\r\n', b'END\r\n')

    def received(self):
        return b''.join(data for shard in self.shards for data in shard.received())

    def test_cr_and_nul_in_keys_are_refused(self):
        for shard in self.shards:
            shard.forget()
        for bad in (b'a\rb', b'a\0b', b'\0', b'a\r', b'\ra', b'a\rget\rb'):
            for request in (
                b'get %s\r\n',
                b'get k %s k\r\n',
                b'gets %s\r\n',
                b'gat 0 %s\r\n',
                b'delete %s\r\n',
                b'incr %s 1\r\n',
                b'touch %s 0\r\n',
                b'mg %s v\r\n',
                b'md %s\r\n',
                b'ma %s\r\n',
                b'me %s\r\n',
                b'set %s 0 0 4\r\nmn\r\n\r\n',
                b'add %s 0 0 4\r\nmn\r\n\r\n',
                b'cas %s 0 0 4 1\r\nmn\r\n\r\n',
                b'ms %s 4\r\nmn\r\n\r\n',
            ):
                line = request % bad
                if b'\r\r\n' in line:
                    continue  # a CR at the line's end is another matter
                with self.subTest(line):
                    client = self.client(self.proxy)
                    client.send(line)
                    client.expect_re(rb'CLIENT_ERROR [^\r\n]*\r\n')
                    client.expect_sync()
        data = self.received()
        self.assertNotIn(b'\0', data)
        self.assertNotIn(b'\r', data.replace(b'\r\n', b''))

    def test_a_key_cannot_smuggle_a_command(self):
        self.talk.send(b'get a\rflush_all\r\n')
        self.talk.fill()
        self.talk.buffer.clear()
        self.talk.send(b'set a\r\nflush_all\r\nget b\r\n')
        self.talk.expect(BCLF + b'CLIENT_ERROR flush_all not allowed\r\nEND\r\n')
        self.assertNotIn(b'flush_all', self.received())

    def test_invalid_requests_never_reach_a_shard(self):
        for shard in self.shards:
            shard.forget()
        for line in (
            b'foo',
            b'',
            b'get',
            b'get %s' % LONG,
            b'delete',
            b'delete k 10',
            b'incr k abc',
            b'touch k abc',
            b'gat abc k',
            b'set k 0 0 abc',
            b'set k 0 0 -1',
            b'set k',
            b'mg',
            b'mg k s s',
            b'mg k !',
            b'mg Zm9vYmF b',
            b'mg k O%s' % (b'o' * 32),
            b'ms k abc',
            b'shutdown',
            b'watch',
            b'lru_crawler metadump all',
            b'slabs automove 1',
            b'lru mode flat',
            b'cache_memlimit 64',
            b'flush_all',
            b'verbosity 1',
            b'version',
            b'stats',
            b'mn',
        ):
            self.talk.send(line + b'\r\n')
            self.talk.expect_re(rb'(STAT [^\n]*\n)*[^\n]+\n')
        for request in (
            b'set k 0 0 3\r\nabcXX',
            b'set %s 0 0 3\r\nabc\r\n' % LONG,
            b'set k -1 0 3\r\nabc\r\n',
            b'ms k 2 MX\r\nhi\r\n',
            b'ms k 2 Fabc\r\nhi\r\n',
        ):
            self.talk.send(request)
            self.talk.expect_re(rb'CLIENT_ERROR [^\r\n]*\r\n')
        self.talk.expect_sync()
        allowed = {b'mn\r\n', b'version\r\n'}  # health probes
        for line in lines_of(self.received()):
            self.assertIn(line, allowed)

    def test_forwarded_lines_end_in_crlf_and_are_canonical(self):
        for line in (
            b'get  a \n',
            b'gets a\n',
            b'delete a\n',
            b'touch  a  0 \n',
            b'incr a 1 \n',
            b'mg  a  v \n',
            b'md a\n',
        ):
            self.talk.send(line)
            self.talk.expect_re(rb'[^\n]*\n')
        self.talk.ask(b'set  a  0  0  1 \nx\r\n', b'STORED\r\n')
        self.talk.ask(b'ms  a  1 \nx\r\n', b'HD\r\n')
        for line in lines_of(self.received()):
            with self.subTest(line):
                self.assertTrue(line.endswith(b'\r\n'))
                self.assertNotIn(b'  ', line)

    def test_a_stalled_value_does_not_hold_a_shard_connection(self):
        """Half a value of one client; other clients' requests to that shard are served."""
        key = self.proxy.keys_on('s0', 1)[0]
        self.talk.send(b'set %s 0 0 100000\r\n%s' % (key, b'x' * 50000))
        other = self.client(self.proxy)
        for key in self.proxy.keys_on('s0', 50):
            other.ask(b'set %s 0 0 1\r\nx\r\n' % key, b'STORED\r\n')
        self.talk.send(b'x' * 50000 + b'\r\n')
        self.talk.expect(b'STORED\r\n')


if __name__ == '__main__':
    rt.main()
