"""The meta commands, byte for byte, through the proxy to four real memcached."""
import base64
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt
from ringway_testing import BCLF, Case

BAD_TOKEN = b'CLIENT_ERROR bad token in command line format\r\n'
INVALID_FLAG = b'CLIENT_ERROR invalid flag\r\n'
MA_FLAG = b'CLIENT_ERROR invalid or duplicate flag\r\n'
LONG_OPAQUE = b'CLIENT_ERROR opaque token too long\r\n'
TOO_MANY = b'CLIENT_ERROR options flags are too long\r\n'
BAD_CHUNK = b'CLIENT_ERROR bad data chunk\r\n'
DECODING = b'CLIENT_ERROR error decoding key\r\n'

GET = [
    Case(
        'miss',
        (b'mg k\r\n', b'EN\r\n'),
        (b'mg k v\r\n', b'EN\r\n'),
        (b'mg k s t f\r\n', b'EN\r\n'),
        split=True,
    ),
    Case(
        'k and O are echoed on a miss',
        (b'mg nokey k Oabc\r\n', b'EN knokey Oabc\r\n'),
        (b'mg nokey Oabc k v\r\n', b'EN Oabc knokey\r\n'),
        split=True,
    ),
    Case(
        'hit without flags',
        (b'ms k 2\r\nhi\r\n', b'HD\r\n'),
        (b'mg k\r\n', b'HD\r\n'),
        (b'mg k v\r\n', b'VA 2\r\nhi\r\n'),
        split=True,
    ),
    Case(
        'return flags in the order of the request',
        (b'set k10 9 0 3\r\nabc\r\n', b'STORED\r\n'),
        (b'mg k10 s v f t k Oabc q\r\n', b'VA 3 s3 f9 t-1 kk10 Oabc\r\nabc\r\n'),
        (b'mg k10 Oabc k t f v s\r\n', b'VA 3 Oabc kk10 t-1 f9 s3\r\nabc\r\n'),
        (b'mg k10 f s\r\n', b'HD f9 s3\r\n'),
        split=True,
    ),
    Case(
        'a second word is a flag, not a key',
        (b'ms k10 2\r\nhi\r\n', b'HD\r\n'),
        (b'mg k10 k11\r\n', b'HD kk10\r\n'),
    ),
    Case(
        'h, l and t',
        (b'ms k 1\r\nx\r\n', b'HD\r\n'),
        (b'mg k h l t\r\n', b'HD h0 l0 t-1\r\n'),
        (b'mg k h\r\n', b'HD h1\r\n'),
    ),
    Case('cas', (b'ms k 1\r\nx\r\n', b'HD\r\n'), (b'mg k c\r\n', re.compile(rb'HD c\d+\r\n'))),
    Case(
        'touch',
        (b'ms k 1\r\nx\r\n', b'HD\r\n'),
        (b'mg k T30 t v\r\n', b'VA 1 t30\r\nx\r\n'),
        (b'mg k t\r\n', re.compile(rb'HD t(30|29|28)\r\n')),
    ),
    Case(
        'P and L are ignored',
        (b'ms k 1 P1 L2\r\nx\r\n', b'HD\r\n'),
        (b'mg k P1 L2 v\r\n', b'VA 1\r\nx\r\n'),
    ),
    Case('opaque of 32 bytes', (b'mg k O%s\r\n' % (b'o' * 31), b'EN O%s\r\n' % (b'o' * 31))),
    Case('opaque without text', (b'mg k O\r\n', b'EN O\r\n')),
    Case(
        'vivify: one winner',
        (b'mg viv1 N30 t v\r\n', b'VA 0 t30 W\r\n\r\n'),
        (b'mg viv1 N30 v\r\n', b'VA 0 Z\r\n\r\n'),
        (b'mg viv1 v\r\n', b'VA 0 Z\r\n\r\n'),
        split=True,
    ),
    Case(
        'recache: one winner',
        (b'ms k 1 T30\r\nx\r\n', b'HD\r\n'),
        (b'mg k R40 v\r\n', b'VA 1 W\r\nx\r\n'),
        (b'mg k R40 v\r\n', b'VA 1 Z\r\nx\r\n'),
    ),
    Case(
        'stale: one winner',
        (b'ms k 2\r\nhi\r\n', b'HD\r\n'),
        (b'md k I T30\r\n', b'HD\r\n'),
        (b'mg k v t\r\n', b'VA 2 t30 X W\r\nhi\r\n'),
        (b'mg k v\r\n', b'VA 2 Z X\r\nhi\r\n'),
    ),
    Case(
        'me',
        (b'ms k 3\r\nabc\r\n', b'HD\r\n'),
        (b'me k\r\n', re.compile(rb'ME k exp=-1 la=\d+ cas=\d+ fetch=no cls=\d+ size=\d+\r\n')),
        (b'me nokey\r\n', b'EN\r\n'),
    ),
    Case('mn', (b'mn\r\n', b'MN\r\n'), (b'mn foo\r\n', b'MN\r\n'), split=True),
]

SET = [
    Case(
        'set',
        (b'ms k 2\r\nhi\r\n', b'HD\r\n'),
        (b'ms k 0\r\n\r\n', b'HD\r\n'),
        (b'mg k v\r\n', b'VA 0\r\n\r\n'),
        split=True,
    ),
    Case('lines that end in LF', (b'ms k 2 \nhi\r\n', b'HD\r\n'), (b'mg k v\n', b'VA 2\r\nhi\r\n')),
    Case(
        'client flags and time',
        (b'ms k 2 F7 T100\r\nhi\r\n', b'HD\r\n'),
        (b'mg k f t\r\n', b'HD f7 t100\r\n'),
        (b'get k\r\n', b'VALUE k 7 2\r\nhi\r\nEND\r\n'),
    ),
    Case(
        'k and O come back',
        (b'ms k 2 k Oq1\r\nhi\r\n', b'HD kk Oq1\r\n'),
        (b'ms k 2 Oq1 k\r\nhi\r\n', b'HD Oq1 kk\r\n'),
        split=True,
    ),
    Case('c comes back', (b'ms k 2 c k\r\nhi\r\n', re.compile(rb'HD c\d+ kk\r\n'))),
    Case(
        'modes',
        (b'ms k 1 MR\r\na\r\n', b'NS\r\n'),
        (b'ms k 1 MA\r\na\r\n', b'NS\r\n'),
        (b'ms k 1 MP\r\na\r\n', b'NS\r\n'),
        (b'ms k 1 ME\r\nb\r\n', b'HD\r\n'),
        (b'ms k 1 ME\r\nx\r\n', b'NS\r\n'),
        (b'ms k 1 MA\r\nc\r\n', b'HD\r\n'),
        (b'ms k 1 MP\r\na\r\n', b'HD\r\n'),
        (b'mg k v\r\n', b'VA 3\r\nabc\r\n'),
        (b'ms k 1 MS\r\nz\r\n', b'HD\r\n'),
        (b'mg k v\r\n', b'VA 1\r\nz\r\n'),
    ),
    Case(
        'compare and swap',
        (b'ms k 2 C5\r\nhi\r\n', b'NF\r\n'),
        (b'ms k 2\r\nhi\r\n', b'HD\r\n'),
        (b'ms k 2 C99999999\r\nho\r\n', b'EX\r\n'),
        (b'mg k v\r\n', b'VA 2\r\nhi\r\n'),
    ),
    Case(
        'wrong mode swallows the data',
        (b'ms k 2 MX\r\nhi\r\nmn\r\n', b'CLIENT_ERROR invalid mode for ms M token\r\nMN\r\n'),
        split=True,
    ),
    Case(
        'bad length is not swallowed',
        (b'ms k abc\r\nhi\r\nmn\r\n', BCLF + b'ERROR\r\nMN\r\n'),
        (b'ms k S2\r\nhi\r\nmn\r\n', BCLF + b'ERROR\r\nMN\r\n'),
        (b'ms k -1\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'ms k 2147483647\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'ms k 2147483648\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'ms k\r\nmn\r\n', BCLF + b'MN\r\n'),
    ),
    Case(
        'bad flags swallow the data',
        (b'ms k 2 Fabc\r\nhi\r\nmn\r\n', BCLF + b'MN\r\n'),
        (b'ms k 2 Tabc\r\nhi\r\nmn\r\n', BAD_TOKEN + b'MN\r\n'),
        (b'ms k 2 Cabc\r\nhi\r\nmn\r\n', BAD_TOKEN + b'MN\r\n'),
        (b'ms k 2 s s\r\nhi\r\nmn\r\n', b'CLIENT_ERROR duplicate flag\r\nMN\r\n'),
        (b'ms k 2 O%s\r\nhi\r\nmn\r\n' % (b'o' * 32), LONG_OPAQUE + b'MN\r\n'),
        split=True,
    ),
    Case(
        'bad data chunk',
        (b'ms k 3\r\nabcd\r\nmn\r\n', BAD_CHUNK + BCLF + b'MN\r\n'),
        (b'ms k 3\r\nabcXXmn\r\n', BAD_CHUNK + b'MN\r\n'),
        on_1_6_18=[BAD_CHUNK + b'ERROR\r\nMN\r\n', BAD_CHUNK + b'MN\r\n'],
        split=True,
    ),
    Case(
        'key of 251 bytes',
        (b'ms %s 1\r\nx\r\nmn\r\n' % (b'k' * 251), BCLF + b'MN\r\n'),
        on_1_6_18=[BCLF + b'ERROR\r\nMN\r\n'],
    ),
    Case(
        'too many flags',
        (
            b'ms k 1 v k f t s c q h l b Oa P1 L1 Na 1 2 3 4 5 6 7\r\nx\r\nmn\r\n',
            TOO_MANY + b'MN\r\n',
        ),
        on_1_6_18=[b'CLIENT_ERROR options flags too long\r\nERROR\r\nMN\r\n'],
    ),
]

DELETE_AND_ARITHMETIC = [
    Case(
        'md',
        (b'md k\r\n', b'NF\r\n'),
        (b'ms k 1\r\nx\r\n', b'HD\r\n'),
        (b'md k k Oab\r\n', b'HD kk Oab\r\n'),
        (b'mg k\r\n', b'EN\r\n'),
        split=True,
    ),
    Case(
        'md with cas',
        (b'md k C5\r\n', b'NF\r\n'),
        (b'ms k 1\r\nx\r\n', b'HD\r\n'),
        (b'md k C99999999\r\n', b'EX\r\n'),
        (b'mg k\r\n', b'HD\r\n'),
    ),
    Case(
        'ma',
        (b'ma k\r\n', b'NF\r\n'),
        (b'ms k 1\r\n5\r\n', b'HD\r\n'),
        (b'ma k\r\n', b'HD\r\n'),
        (b'ma k v\r\n', b'VA 1\r\n7\r\n'),
        (b'ma k MD D2 v\r\n', b'VA 1\r\n5\r\n'),
        (b'ma k MI D10 v t\r\n', b'VA 2 t-1\r\n15\r\n'),
        (b'ma k M+ v\r\n', b'VA 2\r\n16\r\n'),
        (b'ma k M- v\r\n', b'VA 2\r\n15\r\n'),
        (b'ma k k Oa\r\n', b'HD kk Oa\r\n'),
        split=True,
    ),
    Case(
        'ma vivifies',
        (b'ma k N30 J13 v\r\n', b'VA 2\r\n13\r\n'),
        (b'ma k N30 J13 v\r\n', b'VA 2\r\n14\r\n'),
    ),
    Case(
        'ma of what is no number',
        (b'ms k 1\r\nx\r\n', b'HD\r\n'),
        (b'ma k\r\n', b'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n'),
        (b'mg k v\r\n', b'VA 1\r\nx\r\n'),
    ),
    Case(
        'ma errors',
        (b'ma k MX\r\n', b'CLIENT_ERROR invalid mode for ma M token\r\n'),
        (b'ma k Dabc\r\n', MA_FLAG),
        (b'ma k D-1\r\n', MA_FLAG),
        (b'ma k N0 Jabc\r\n', MA_FLAG),
    ),
]

ERRORS = [
    Case(
        'no key',
        (b'mg\r\n', BCLF),
        (b'mg \r\n', BCLF),
        (b'ms\r\n', BCLF),
        (b'md\r\n', BCLF),
        (b'ma\r\n', BCLF),
        (b'me\r\n', BCLF),
        on_1_6_18=[b'ERROR\r\n'] * 5 + [BCLF],
    ),
    Case('duplicate flag', (b'mg k s s\r\n', b'CLIENT_ERROR duplicate flag\r\n'), split=True),
    Case('invalid flag', (b'mg k y\r\n', INVALID_FLAG)),
    Case(
        'a flag that is no letter',
        (b'mg k !\r\n', BCLF),
        (b'mg k \x01\r\n', BCLF),
        on_1_6_18=[INVALID_FLAG, INVALID_FLAG],
    ),
    Case('opaque too long', (b'mg k O%s\r\n' % (b'o' * 32), LONG_OPAQUE)),
    Case(
        'too many flags',
        (b'mg k a b c d e f g h i j k l m n o p q r s t u v w x y z\r\n', TOO_MANY),
        (b'mg k v k f t s c q h l b Oa P1 L1 Na 1 2 3 4 5 6 7\r\n', TOO_MANY),
    ),
    Case(
        'bad numbers',
        (b'mg k Nabc\r\n', BAD_TOKEN),
        (b'mg k Rabc\r\n', BAD_TOKEN),
        (b'mg k Tabc\r\n', BAD_TOKEN),
        (b'mg k N\r\n', BAD_TOKEN),
    ),
    Case(
        'key of 251 bytes',
        *[(b'%s %s\r\n' % (command, b'k' * 251), BCLF) for command in (b'mg', b'md', b'me')]
    ),
    Case(
        'words that only begin like meta', (b'mnx\r\n', b'ERROR\r\n'), (b'mx k\r\n', b'ERROR\r\n')
    ),
]

BASE64 = [
    Case(
        'base64 key',
        (b'ms Zm9vYmFy 3 b\r\nabc\r\n', b'HD\r\n'),
        (b'mg Zm9vYmFy b v k\r\n', b'VA 3 kZm9vYmFy b\r\nabc\r\n'),
        (b'get foobar\r\n', b'VALUE foobar 0 3\r\nabc\r\nEND\r\n'),
        (b'mg foobar v\r\n', b'VA 3\r\nabc\r\n'),
        (b'md Zm9vYmFy b\r\n', b'HD\r\n'),
        (b'get foobar\r\n', b'END\r\n'),
        split=True,
    ),
    Case(
        'base64 echoed on a miss',
        (b'mg Zm9vYmFy b v k Oa\r\n', re.compile(rb'EN kZm9vYmFy (b Oa|Oa b|Oa)\r\n')),
    ),
    Case(
        'undecodable key',
        (b'mg Zm9vYmF b\r\n', DECODING),
        (b'md Zm9vYmF b\r\n', DECODING),
        on_1_6_18=[DECODING, MA_FLAG],
    ),
    Case('undecodable key of a set', (b'ms Zm9vYmF 3 b\r\nabc\r\nmn\r\n', DECODING + b'MN\r\n')),
]


class MetaTest(rt.ByteTestCase):
    def test_get(self):
        self.run_cases(GET)

    def test_set(self):
        self.run_cases(SET)

    def test_delete_and_arithmetic(self):
        self.run_cases(DELETE_AND_ARITHMETIC)

    def test_errors(self):
        self.run_cases(ERRORS)

    def test_base64(self):
        self.run_cases(BASE64)

    def test_base64_is_routed_by_the_decoded_key(self):
        client = self.open()
        for i in range(200):
            key = b'base64-key-%d' % i
            encoded = base64.b64encode(key)
            client.ask(b'ms %s 1 b\r\n1\r\n' % encoded, b'HD\r\n')
            client.ask(b'get %s\r\n' % key, b'VALUE %s 0 1\r\n1\r\nEND\r\n' % key)
            client.ask(b'ma %s b v\r\n' % encoded, b'VA 1\r\n2\r\n')
            client.ask(b'incr %s 1\r\n' % key, b'3\r\n')
            client.ask(b'md %s b\r\n' % encoded, b'HD\r\n')
            client.ask(b'get %s\r\n' % key, b'END\r\n')
        client.expect_sync()

    def test_base64_of_binary_keys(self):
        """Bytes that no text key may hold, and still an item of its own."""
        client = self.open()
        for key in (
            b'\0',
            b'a b',
            b'\r\n',
            b'x\r\nflush_all\r\n',
            bytes(range(180)),
            b'\xff' * 180,
        ):
            encoded = base64.b64encode(key)
            with self.subTest(key):
                client.ask(b'ms %s 2 b\r\nhi\r\n' % encoded, b'HD\r\n')
                client.ask(b'mg %s b v\r\n' % encoded, b'VA 2\r\nhi\r\n')
                client.ask(b'md %s b\r\n' % encoded, b'HD\r\n')
                client.ask(b'mg %s b v\r\n' % encoded, b'EN\r\n')
        client.expect_sync()

    def test_cas_goes_through(self):
        client = self.open()
        for i in range(40):
            key = b'mcas-%d' % i
            client.ask(b'ms %s 3\r\none\r\n' % key, b'HD\r\n')
            client.send(b'mg %s c v\r\n' % key)
            cas = client.expect_re(rb'VA 3 c(\d+)\r\none\r\n').group(1)
            client.ask(b'ms %s 3 C%s\r\ntwo\r\n' % (key, cas), b'HD\r\n')
            client.ask(b'ms %s 5 C%s\r\nthree\r\n' % (key, cas), b'EX\r\n')
            client.ask(b'mg %s v\r\n' % key, b'VA 3\r\ntwo\r\n')
        client.expect_sync()

    def test_flags_of_newer_releases_are_passed_through(self):
        """E is known since 1.6.27; what the shard says about it is the answer."""
        client = self.open()
        client.send(b'ms k 2 E5\r\nhi\r\n')
        client.expect_re(rb'(HD|CLIENT_ERROR invalid flag)\r\n')
        client.expect_sync()

    def test_large_values(self):
        client = self.open()
        for size in (2048, 65536, 300000, (1 << 20) - 1024):
            value = os.urandom(size)
            client.ask(b'ms big %d\r\n%s\r\n' % (size, value), b'HD\r\n')
            client.ask(b'mg big s v k\r\n', b'VA %d s%d kbig\r\n%s\r\n' % (size, size, value))
        client.expect_sync()

    def test_mn_follows_every_earlier_reply(self):
        """Over all shards, quiet and loud, again and again."""
        client = self.open()
        keys = [b'mn-%d' % i for i in range(64)]
        for key in keys[::2]:
            client.ask(b'ms %s 2\r\nhi\r\n' % key, b'HD\r\n')
        for _ in range(50):
            client.send(b''.join(b'mg %s v k q\r\n' % key for key in keys) + b'mn\r\n')
            client.expect(b''.join(b'VA 2 k%s\r\nhi\r\n' % key for key in keys[::2]) + b'MN\r\n')
        client.expect_nothing()

    def test_opaques_come_back_in_order(self):
        client = self.open()
        client.send(b''.join(b'mg none-%d k O%d\r\n' % (i, i) for i in range(2000)) + b'mn\r\n')
        client.expect(b''.join(b'EN knone-%d O%d\r\n' % (i, i) for i in range(2000)) + b'MN\r\n')


if __name__ == '__main__':
    rt.main()
