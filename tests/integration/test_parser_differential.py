"""The request and reply parsers against a real memcached.

Two things are compared, without the proxy in between:

- what the parser answers to a malformed line, and how much of what follows it drops, with what
  memcached answers. The parser follows the newest release; where 1.6.18 differs is written down.
- every line that the parser would forward gets exactly one reply that the reply parser takes, and
  leaves the connection in step. Here the lines are random, from a seed that is printed.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt

BCLF = b'CLIENT_ERROR bad command line format'
USAGE = BCLF + b'.  Usage: delete <key> [noreply]'
E = b'ERROR'
K251 = b'k' * 251
CLASSES = ['retrieval', 'storage', 'single', 'meta', 'meta_set', 'local', 'fanout']
SEED = int(os.environ.get('SEED', random.SystemRandom().randrange(1 << 32)))
LINES = int(os.environ.get('LINES', '5000'))

# Malformed lines, without CRLF: what 1.6.18 answers if that is not what the parser answers.
# A line of ERROR behind the answer is what 1.6.18 makes of the value that it does not drop.
SAME = None
ERRORS = {
    # Missing arguments: ERROR became CLIENT_ERROR.
    b'': [E], b'get': [E], b'gets': [E], b'gat': [E], b'gats': [E], b'delete': [E], b'incr k': [E],
    b'decr k': [E], b'touch k': [E], b'mg': [E], b'md': [E], b'ma': [E], b'me': SAME, b'ms': [E],
    b'set k 0 0': [E], b'cas k 0 0': [E], b'verbosity': [E],
    # 1.6.18 only looks for keys when it has some.
    b'gat 100': [b'END'],
    # Words of one letter and what stands in front of a word.
    b'a': [E], b'  ': SAME, b'  get k': [b'END'], b'foo': SAME, b'foo bar': SAME, b'GET k': SAME,
    # Unknown words with noreply: silent since newer releases.
    b'foo noreply': [E], b'foo bar noreply': [E],
    # Keys.
    b'get ' + K251: SAME, b'gets a ' + K251 + b' b': SAME, b'gat 1 ' + K251: SAME,
    b'delete ' + K251: SAME, b'delete ' + K251 + b' noreply': SAME, b'incr ' + K251 + b' 1': SAME,
    b'touch ' + K251 + b' 1': SAME, b'mg ' + K251: SAME, b'md ' + K251: SAME, b'me ' + K251: SAME,
    b'ma ' + K251: [BCLF],
    # Keys that the parser refuses and memcached takes.
    b'get a\0b': [b'END'], b'get a\rb': [b'END'], b'delete a\rb': [b'NOT_FOUND'], b'mg a\rb': [b'EN'],
    # Storage: the value is dropped by newer releases.
    b'set ' + K251 + b' 0 0 5': [BCLF, E], b'set ' + K251 + b' 0 0 5 noreply': [E],
    b'set k -1 0 5': [BCLF, E], b'set k abc 0 5': [BCLF, E], b'set k 0 abc 5': [BCLF, E],
    b'set k abc 0 5 noreply': [E], b'set k 18446744073709551616 0 5': [BCLF, E],
    b'cas k 0 0 5': [E, E], b'cas k 0 0 5 abc': [BCLF, E], b'cas k 0 0 5 -1': [BCLF, E],
    b'cas k 0 0 5 noreply': [E],
    b'set k 0 0 -1': SAME, b'set k 0 0 abc': SAME, b'set k 0 0 2147483647': SAME,
    b'set k 0 0 -1 noreply': [], b'set k 0 0 noreply': [],
    # The rest of the classic commands.
    b'delete k 10': SAME, b'delete k 0 0': SAME, b'delete k 10 noreply': SAME, b'delete k a b c': [E],
    b'delete k noreply foo': SAME, b'incr k abc': SAME, b'incr k -1': SAME,
    b'incr k 18446744073709551616': SAME, b'decr k abc noreply': SAME,
    b'incr k noreply': SAME,
    b'touch k abc': SAME, b'touch k abc noreply': SAME, b'gat abc k': SAME, b'gats 1x k': SAME,
    b'touch k noreply': SAME,
    b'flush_all abc': SAME, b'flush_all abc noreply': SAME, b'verbosity abc': SAME,
    b'verbosity abc noreply': SAME, b'verbosity noreply': SAME,
    # Meta commands.
    b'mg k v v': SAME, b'mg k 1': SAME, b'mg k [': SAME, b'mg k S1': SAME, b'mg k Tx': SAME,
    b'mg k T': SAME, b'mg k Nx': SAME, b'mg k Rx': SAME, b'mg k Cx': SAME, b'mg k C-1': SAME,
    b'mg k Fx': SAME, b'mg k Dx': SAME, b'mg k Jx': SAME, b'mg k Tx v v': SAME, b'mg k Tx Dx': SAME,
    b'mg k !': [b'CLIENT_ERROR invalid flag'],
    b'mg abc b': SAME, b'mg ==== b': SAME, b'me abc b': SAME,
    b'mg k O' + b'1' * 32: SAME, b'md k O' + b'1' * 32: SAME,
    b'mg k A B G H K Q U V W X Y Z a d e g i j m': SAME,
    b'md k v v': [b'CLIENT_ERROR invalid or duplicate flag'],
    b'ma k v v': SAME, b'ma k Dx': SAME, b'ma k J-1': SAME, b'ma k MX': SAME,
    b'ma k M': [b'CLIENT_ERROR invalid or duplicate flag'],
    b'ms k': SAME, b'ms k abc': SAME, b'ms k S2': SAME, b'ms k -1': SAME,
    b'ms k 2147483647': SAME, b'ms ' + K251 + b' 5': [BCLF, E],
    b'ms k 5 1': SAME, b'ms k 5 S5': SAME, b'ms k 5 v v': SAME, b'ms k 5 q q': SAME,
    b'ms k 5 Tx': SAME, b'ms k 5 Fx': SAME, b'ms k 5 Cx q': SAME, b'ms abc 5 b': SAME,
    b'ms k 5 MX': SAME, b'ms k 5 M': [b'CLIENT_ERROR incorrect length for M token'],
    b'ms k 5 O' + b'1' * 32: SAME,
    b'ms k 5 A B G H K Q U V W X Y Z a d e g i': [b'CLIENT_ERROR options flags too long', E],
}


class Oracle:
    """The parsers, in a process of their own."""

    def __init__(self, folder):
        program = os.path.join(folder, 'memcache_oracle')
        proxy = os.path.join(rt.SOURCE_DIR, 'proxy')
        sources = [os.path.join(proxy, 'wire', name) for name in sorted(os.listdir(proxy + '/wire'))
                   if name.startswith('memcache_') and name.endswith('.c')]
        subprocess.run([os.environ.get('CC', 'cc'), '-std=c17', '-D_GNU_SOURCE', '-O1', '-I', proxy,
                        os.path.join(rt.SOURCE_DIR, 'tests', 'support', 'memcache_oracle.c'),
                        *sources, '-o', program], check=True)
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, kind, data):
        self.process.stdin.write(kind + struct.pack('=I', len(data)) + data)
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip(b'\n').split(b'\t')

    def request(self, line):
        fields = self.ask(b'Q', line)
        names = ('command', 'class', 'noreply', 'quiet', 'value_len', 'swallow')
        request = dict(zip(names, map(int, fields[1:7])), outcome=fields[0].decode())
        request['class'] = CLASSES[request['class']]
        request['error'] = None if fields[7] == b'-' else fields[7]
        request['forwarded'] = None if fields[8] == b'-' else bytes.fromhex(fields[8].decode())
        return request

    def reply(self, command, data):
        return tuple(map(int, self.ask(b'R', bytes([command]) + data)))

    def close(self):
        self.process.stdin.close()
        self.process.wait(rt.PATIENCE)
        self.process.stdout.close()


def value(length):
    return b'v' * length + b'\r\n'


@unittest.skipUnless(shutil.which(os.environ.get('CC', 'cc')), 'needs a C compiler')
class DifferentialTest(rt.ProcessTestCase):
    def setUp(self):
        super().setUp()
        self.oracle = Oracle(self.folder)
        self.addCleanup(self.oracle.close)
        self.memcached = rt.Memcached(self.folder)
        self.addCleanup(self.memcached.stop)

    def until_mn(self, data):
        """What memcached answers to [data], as bytes; None when it closes."""
        with rt.Client(self.memcached.address) as client:
            client.send(data + b'mn\r\n')
            while not client.buffer.endswith(b'MN\r\n'):
                if not client.fill():
                    return None
            return bytes(client.buffer[:-4])

    def test_answers_to_malformed_lines(self):
        if rt.memcached_version() != (1, 6, 18):
            self.skipTest('the differences are those of memcached 1.6.18')
        for line, differing in ERRORS.items():
            with self.subTest(line):
                request = self.oracle.request(line + b'\r\n')
                self.assertEqual(request['outcome'], 'error')
                ours = [] if request['error'] is None else [request['error']]
                expected = ours if differing is SAME else differing
                self.assertTrue(differing is SAME or ours != differing, 'this does not differ')
                swallow = request['swallow']
                answer = self.until_mn(line + b'\r\n' + (value(swallow - 2) if swallow else b''))
                self.assertEqual(answer, b''.join(text + b'\r\n' for text in expected))

    def test_lines_that_close(self):
        for line in (b'GET / HTTP/1.1\r\n', b'PUT /x HTTP/1.0\r\n', b'foo HTTP/\r\n', b'f' * 3000):
            with self.subTest(line[:20]):
                self.assertEqual(self.oracle.request(line)['outcome'], 'close')
                self.assertIsNone(self.until_mn(line))

    def test_forwarded_lines_get_one_reply_each(self):
        print('SEED=%d' % SEED, file=sys.stderr)
        lines = RandomLines(SEED)
        with rt.Client(self.memcached.address) as client:
            forwarded = 0
            for _ in range(LINES):
                line = lines.next()
                request = self.oracle.request(line)
                if request['outcome'] == 'error':
                    self.check_error(request)
                elif request['forwarded'] is not None and request['value_len'] < 100:
                    self.check_one_reply(client, line, request)
                    forwarded += 1
            self.assertGreater(forwarded, LINES // 10)

    def check_error(self, request):
        if request['error'] is not None:
            self.assertRegex(request['error'], rb'^(ERROR|CLIENT_ERROR [ -~]+)$')

    def check_one_reply(self, client, line, request):
        data = request['forwarded']
        if request['class'] in ('storage', 'meta_set'):
            data += value(request['value_len'])
        client.send(data + b'mn\r\n')
        while not client.buffer.endswith(b'MN\r\n'):
            self.assertTrue(client.fill(), 'closed after %r for %r' % (data, line))
        answer = bytes(client.buffer)
        client.buffer.clear()
        where = '%r\nforwarded %r\nanswered %r' % (line, data, answer)
        at = 0
        while True:
            parsed, line_len, value_len, fits, end = self.oracle.reply(request['command'], answer[at:])
            self.assertEqual((parsed, fits), (1, 1), where)
            values = answer[at:at + 6] == b'VALUE '
            at += line_len + value_len
            if not values:
                break
        self.assertEqual(answer[at:], b'MN\r\n', where)


class RandomLines:
    """Lines that are nearly right: words, keys, numbers and flags in about the right places."""
    WORDS = (b'get gets gat gats set add replace append prepend cas delete incr decr touch mg ms md ma'
             b' me flush_all').split()
    KEYS = [b'a', b'b', b'n', b'noreply', b'Zm9vYmFy', b'Zg==', b'k' * 250, K251, b'\x01\t', b'a\0b',
            b'a\rb', b'\xc3\xbc', b'0']
    NUMBERS = (b'0 1 5 7 60 -1 -0 +1 00005 4294967295 4294967296 18446744073709551615'
               b' 18446744073709551616 9223372036854775808 2147483645 2147483648 x - 1x').split()
    LETTERS = b'bcfhklostuvqxINOPLFTRCEMJDSZaei1!['

    def __init__(self, seed):
        self.random = random.Random(seed)

    def argument(self):
        return self.random.choice((self.random.choice(self.NUMBERS), b'0', b'5', b'1'))

    def flag(self):
        letter = bytes([self.random.choice(self.LETTERS)])
        tail = self.random.choice((b'', b'', self.argument(), b'E', b'A', b'S', b'+', b'o' * 33))
        return letter + tail

    def tokens(self, word):
        pick = self.random
        key = pick.choice(self.KEYS) if pick.random() < 0.7 else b'a'
        if word[:1] == b'm':
            tokens = [word, key] + [self.flag() for _ in range(pick.choice((0, 1, 2, 3, 5, 19)))]
            return tokens[:2] + [self.argument()] + tokens[2:] if word == b'ms' else tokens
        if word.startswith(b'gat'):
            return [word, self.argument(), key]
        counts = {b'cas': 4, b'delete': 0, b'incr': 1, b'decr': 1, b'touch': 1, b'flush_all': 0}
        n = 0 if word.startswith(b'get') else counts.get(word, 3)
        tokens = [word] + ([] if word == b'flush_all' else [key]) + [self.argument() for _ in range(n)]
        return tokens + [b'noreply'] if pick.random() < 0.2 and not word.startswith(b'get') else tokens

    def next(self):
        pick = self.random
        tokens = self.tokens(pick.choice(self.WORDS))
        if pick.random() < 0.15:
            tokens.insert(pick.randrange(len(tokens) + 1), self.argument())
        if pick.random() < 0.1:
            del tokens[pick.randrange(len(tokens))]
        space = b'  ' if pick.random() < 0.1 else b' '
        return space.join(tokens) + pick.choice((b'\r\n', b'\r\n', b'\r\n', b'\n', b' \r\n'))


if __name__ == '__main__':
    unittest.main()
