"""Framing: a request is one request for everybody, or it is refused.

Each case is raw bytes; most have a second request hidden in them, for /smuggled. The fake shard
records exactly what it gets and parses it strictly: never may two requests reach it where the
client sent one, and never bytes that two parsers could read in two ways. RFC 9112 sections 6 and
11.2.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_testing as http
import ringway_testing as rt
from fake_http_shard import chunks
from http_testing import request

SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n'
HOST = b'Host: test\r\n'
CHUNKED = b'Transfer-Encoding: chunked\r\n'
ONE_CHUNK = b'5\r\nhello\r\n0\r\n\r\n'


def post(fields, body=b'', version=b'1.1'):
    return b'POST /one HTTP/%s\r\n%s%s\r\n%s' % (version, HOST, fields, body)


def length(value):
    return post(b'Content-Length:%s\r\n' % value, b'hello' + SMUGGLED)


def coding(value, body=ONE_CHUNK):
    return post(b'Transfer-Encoding:%s\r\n' % value, body + SMUGGLED)


def chunk(raw):
    """A chunked request whose body begins with [raw]."""
    return post(CHUNKED, raw + SMUGGLED)


# Name, bytes, status. Refused by the head alone: no byte may reach the shard.
REFUSED_HEADS = [
    # Content-Length and Transfer-Encoding together, in all orders
    ('CL.TE', post(b'Content-Length: 6\r\n' + CHUNKED, b'0\r\n\r\nG' + SMUGGLED), 400),
    ('TE.CL', post(CHUNKED + b'Content-Length: 4\r\n', b'5c\r\n' + SMUGGLED + b'0\r\n\r\n'), 400),
    ('CL.TE, right length', post(b'Content-Length: 15\r\n' + CHUNKED, ONE_CHUNK + SMUGGLED), 400),
    ('CL 0 and TE', post(b'Content-Length: 0\r\n' + CHUNKED, ONE_CHUNK + SMUGGLED), 400),
    (
        'CL twice and TE',
        post(b'Content-Length: 5\r\n' + CHUNKED + b'Content-Length: 5\r\n', ONE_CHUNK),
        400,
    ),
    (
        'CL and TE identity',
        post(b'Content-Length: 5\r\nTransfer-Encoding: identity\r\n', b'hello'),
        (400, 501),
    ),
    (
        'CL and an empty TE',
        post(b'Content-Length: 5\r\nTransfer-Encoding:\r\n', b'hello' + SMUGGLED),
        (400, 501),
    ),
    (
        'CL and TE of nonsense',
        post(b'Content-Length: 5\r\nTransfer-Encoding: x\r\n', b'hello' + SMUGGLED),
        (400, 501),
    ),
    (
        'CL and TE in a GET',
        b'GET /one HTTP/1.1\r\n'
        + HOST
        + b'Content-Length: 5\r\n'
        + CHUNKED
        + b'\r\n'
        + ONE_CHUNK
        + SMUGGLED,
        400,
    ),
    (
        'CL and TE, Connection names both',
        post(
            b'Connection: transfer-encoding, content-length\r\n' b'Content-Length: 5\r\n' + CHUNKED,
            ONE_CHUNK + SMUGGLED,
        ),
        400,
    ),
    ('TE in HTTP/1.0', post(CHUNKED, ONE_CHUNK + SMUGGLED, b'1.0'), 400),
    (
        'TE and CL in HTTP/1.0',
        post(CHUNKED + b'Content-Length: 5\r\n', ONE_CHUNK + SMUGGLED, b'1.0'),
        400,
    ),
    (
        'TE in HTTP/1.0 with keep-alive',
        post(b'Connection: keep-alive\r\n' + CHUNKED, ONE_CHUNK + SMUGGLED, b'1.0'),
        400,
    ),
    # Content-Length that is no number
    ('CL differs', post(b'Content-Length: 5\r\nContent-Length: 0\r\n', b'hello' + SMUGGLED), 400),
    ('CL differs, other case', post(b'Content-Length: 0\r\ncontent-length: 44\r\n', SMUGGLED), 400),
    ('CL list differs', length(b' 5, 6'), 400),
    ('CL list with an empty element', length(b' 5,'), 400),
    ('CL list with a first empty element', length(b' ,5'), 400),
    ('CL plus', length(b' +5'), 400),
    ('CL minus', length(b' -5'), 400),
    ('CL minus 0', length(b' -0'), 400),
    ('CL hexadecimal', length(b' 0x5'), 400),
    ('CL hexadecimal digits', length(b' a'), 400),
    ('CL decimal point', length(b' 5.0'), 400),
    ('CL exponent', length(b' 5e0'), 400),
    ('CL underscore', length(b' 5_0'), 400),
    ('CL two numbers', length(b' 5 5'), 400),
    ('CL with a parameter', length(b' 5;x'), 400),
    ('CL junk behind', length(b' 5x'), 400),
    ('CL quoted', length(b' "5"'), 400),
    ('CL empty', length(b''), 400),
    ('CL white space only', length(b'  '), 400),
    ('CL vertical tab', length(b' \x0b5'), 400),
    ('CL form feed behind', length(b' 5\x0c'), 400),
    ('CL NUL', length(b' 5\0'), 400),
    ('CL no-break space', length(b' \xa05'), 400),
    ('CL other digits', length(b' \xd9\xa5'), 400),
    ('CL full-width digits', length(b' \xef\xbc\x95'), 400),
    ('CL overflows 64 bits to 5', length(b' 18446744073709551621'), 400),
    ('CL overflows 63 bits', length(b' 9223372036854775813'), 400),
    ('CL of 40 digits', length(b' ' + b'9' * 40), 400),
    (
        'CL twice, one bad',
        post(b'Content-Length: 5\r\nContent-Length: +5\r\n', b'hello' + SMUGGLED),
        400,
    ),
    # obfuscated names
    ('CL space before colon', post(b'Content-Length : 5\r\n', b'hello' + SMUGGLED), 400),
    ('CL tab before colon', post(b'Content-Length\t: 5\r\n', b'hello' + SMUGGLED), 400),
    ('CL folded', post(b'Content-Length:\r\n 5\r\n', b'hello' + SMUGGLED), 400),
    ('CL fold into 50', post(b'Content-Length: 5\r\n 0\r\n', b'hello' + SMUGGLED), 400),
    (
        'CL as the second line, indented',
        post(b'X: y\r\n Content-Length: 5\r\n', b'hello' + SMUGGLED),
        400,
    ),
    ('CL behind a bare CR', post(b'X: y\rContent-Length: 5\r\n', b'hello' + SMUGGLED), 400),
    ('CL behind a bare LF', post(b'X: y\nContent-Length: 5\r\n', b'hello' + SMUGGLED), 400),
    ('CL NUL in the name', post(b'Content-Length\0: 5\r\n', b'hello' + SMUGGLED), 400),
    ('TE space before colon', post(b'Transfer-Encoding : chunked\r\n', ONE_CHUNK + SMUGGLED), 400),
    (
        'TE space before colon, and CL',
        post(b'Content-Length: 5\r\nTransfer-Encoding : chunked\r\n', ONE_CHUNK + SMUGGLED),
        400,
    ),
    ('TE tab before colon', post(b'Transfer-Encoding\t: chunked\r\n', ONE_CHUNK + SMUGGLED), 400),
    ('TE indented', post(b' Transfer-Encoding: chunked\r\n', ONE_CHUNK + SMUGGLED), 400),
    (
        'TE in a folded line',
        post(b'X: y\r\n Transfer-Encoding: chunked\r\n', ONE_CHUNK + SMUGGLED),
        400,
    ),
    ('TE folded', post(b'Transfer-Encoding:\r\n chunked\r\n', ONE_CHUNK + SMUGGLED), 400),
    ('TE folded behind', post(b'Transfer-Encoding: chunked\r\n \r\n', ONE_CHUNK + SMUGGLED), 400),
    (
        'TE behind a bare LF',
        post(b'X: y\nTransfer-Encoding: chunked\r\n', ONE_CHUNK + SMUGGLED),
        400,
    ),
    (
        'TE behind a bare CR',
        post(b'X: y\rTransfer-Encoding: chunked\r\n', ONE_CHUNK + SMUGGLED),
        400,
    ),
    (
        'TE with the colon on the next line',
        post(b'Transfer-Encoding\r\n: chunked\r\n', ONE_CHUNK + SMUGGLED),
        400,
    ),
    (
        'TE with a bare LF before the colon',
        post(b'Transfer-Encoding\n: chunked\r\n', ONE_CHUNK),
        400,
    ),
    ('TE with CR CR LF', post(b'Transfer-Encoding: chunked\r\r\n', ONE_CHUNK + SMUGGLED), 400),
    ('TE quoted name', post(b'"Transfer-Encoding": chunked\r\n', ONE_CHUNK + SMUGGLED), 400),
    # codings
    ('TE chunked twice', coding(b' chunked, chunked'), 400),
    ('TE chunked on two lines', post(CHUNKED + CHUNKED, ONE_CHUNK + SMUGGLED), 400),
    ('TE chunked is not the last', coding(b' chunked, gzip'), 400),
    ('TE chunked, then identity', coding(b' chunked, identity'), 400),
    (
        'TE chunked, identity on the next line',
        post(CHUNKED + b'Transfer-Encoding: identity\r\n', ONE_CHUNK + SMUGGLED),
        400,
    ),
    (
        'TE identity, then chunked',
        post(b'Transfer-Encoding: identity\r\n' + CHUNKED, ONE_CHUNK + SMUGGLED),
        (400, 501),
    ),
    ('TE gzip, chunked', coding(b' gzip, chunked'), 501),
    ('TE of an unknown coding and chunked', coding(b' foo, chunked'), 501),
    ('TE gzip', coding(b' gzip'), (400, 501)),
    ('TE identity', coding(b' identity', b''), (400, 501)),
    ('TE empty', coding(b''), (400, 501)),
    ('TE white space only', coding(b' \t'), (400, 501)),
    ('TE xchunked', coding(b' xchunked'), (400, 501)),
    ('TE chunkedx', coding(b' chunkedx'), (400, 501)),
    ('TE chunk', coding(b' chunk'), (400, 501)),
    ('TE in quotes', coding(b' "chunked"'), (400, 501)),
    ('TE in single quotes', coding(b" 'chunked'"), (400, 501)),
    ('TE with a parameter', coding(b' chunked;q=1'), (400, 501)),
    ('TE with a space within', coding(b' chun ked'), (400, 501)),
    ('TE with a vertical tab', coding(b' \x0bchunked'), 400),
    ('TE with a form feed behind', coding(b' chunked\x0c'), 400),
    ('TE with a NUL behind', coding(b' chunked\0'), 400),
    ('TE with a no-break space', coding(b' \xa0chunked'), (400, 501)),
    ('TE with a byte behind', coding(b' chunked\xff'), (400, 501)),
    ('TE with an equals sign', coding(b' =chunked'), (400, 501)),
    ('TE as a list of nothing', coding(b' ,'), (400, 501)),
]

# The head is good, the body is not. The shard may have got a part of the request, never all of it.
BROKEN_BODIES = [
    ('size with 0x', chunk(b'0x5\r\nhello\r\n0\r\n\r\n')),
    ('size with a plus', chunk(b'+5\r\nhello\r\n0\r\n\r\n')),
    ('size with a minus', chunk(b'-5\r\nhello\r\n0\r\n\r\n')),
    ('size with an underscore', chunk(b'0_5\r\nhello\r\n0\r\n\r\n')),
    ('space before the size', chunk(b' 5\r\nhello\r\n0\r\n\r\n')),
    ('tab before the size', chunk(b'\t5\r\nhello\r\n0\r\n\r\n')),
    ('space behind the size', chunk(b'5 \r\nhello\r\n0\r\n\r\n')),
    ('tab behind the size', chunk(b'5\t\r\nhello\r\n0\r\n\r\n')),
    ('no size', chunk(b'\r\nhello\r\n0\r\n\r\n')),
    ('an extension without a size', chunk(b';x\r\nhello\r\n0\r\n\r\n')),
    ('size of other letters', chunk(b'g\r\nhello\r\n0\r\n\r\n')),
    ('size with a point', chunk(b'5.0\r\nhello\r\n0\r\n\r\n')),
    ('size overflows to 5', chunk(b'10000000000000005\r\nhello\r\n0\r\n\r\n')),
    ('size of 17 digits', chunk(b'f' * 17 + b'\r\nhello\r\n0\r\n\r\n')),
    ('size of 16 digits', chunk(b'f' * 16 + b'\r\nhello\r\n0\r\n\r\n')),
    ('size line ends in LF', chunk(b'5\nhello\r\n0\r\n\r\n')),
    ('size line ends in CR', chunk(b'5\rhello\r\n0\r\n\r\n')),
    ('size line ends in CR CR LF', chunk(b'5\r\r\nhello\r\n0\r\n\r\n')),
    ('extension with a bare LF', chunk(b'5;x\ny\r\nhello\r\n0\r\n\r\n')),
    ('extension with a bare CR', chunk(b'5;x\ry\r\nhello\r\n0\r\n\r\n')),
    ('extension with a NUL', chunk(b'5;\0\r\nhello\r\n0\r\n\r\n')),
    ('extension of 5000 bytes', chunk(b'5;' + b'x' * 5000 + b'\r\nhello\r\n0\r\n\r\n')),
    ('size of 5000 zeros', chunk(b'0' * 5000 + b'5\r\nhello\r\n0\r\n\r\n')),
    ('data ends in LF', chunk(b'5\r\nhello\n0\r\n\r\n')),
    ('data ends in CR', chunk(b'5\r\nhello\r0\r\n\r\n')),
    ('data without an end', chunk(b'5\r\nhello0\r\n\r\n')),
    ('data is longer', chunk(b'4\r\nhello\r\n0\r\n\r\n')),
    ('data with another two bytes behind', chunk(b'5\r\nhelloXX0\r\n\r\n')),
    ('last chunk ends in LF', chunk(b'5\r\nhello\r\n0\n\r\n')),
    ('last chunk with a space', chunk(b'5\r\nhello\r\n0 \r\n\r\n')),
    ('last chunk is negative', chunk(b'5\r\nhello\r\n-0\r\n\r\n')),
    ('body ends in LF', chunk(b'5\r\nhello\r\n0\r\n\n')),
    ('trailer without a name', chunk(b'5\r\nhello\r\n0\r\n: x\r\n\r\n')),
    ('trailer without a colon', chunk(b'5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n')),
    ('trailer with a space before the colon', chunk(b'5\r\nhello\r\n0\r\nX : y\r\n\r\n')),
    ('trailer with a bare LF', chunk(b'5\r\nhello\r\n0\r\nX: y\n\r\n')),
    ('trailer that is folded', chunk(b'5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n')),
    ('trailer with a NUL', chunk(b'5\r\nhello\r\n0\r\nX: \0\r\n\r\n')),
]

# Name, bytes, body at the shard, number of requests at the shard (the second is the client's own).
ACCEPTED = [
    ('CL', length(b' 5'), b'hello', 2),
    ('CL without a space', length(b'5'), b'hello', 2),
    ('CL with white space around', length(b' \t5 \t'), b'hello', 2),
    ('CL with leading zeros', length(b' 0005'), b'hello', 2),
    ('CL 0', post(b'Content-Length: 0\r\n', SMUGGLED), b'', 2),
    (
        'CL in a GET',
        b'GET /one HTTP/1.1\r\n' + HOST + b'Content-Length: 5\r\n\r\nhello' + SMUGGLED,
        b'hello',
        2,
    ),
    (
        'CL whose body looks like a request',
        post(b'Content-Length: %d\r\n' % len(SMUGGLED), SMUGGLED),
        SMUGGLED,
        1,
    ),
    ('CL in any case', post(b'CONTENT-length: 5\r\n', b'hello' + SMUGGLED), b'hello', 2),
    ('no framing at all', post(b'', SMUGGLED), b'', 2),
    ('TE', coding(b' chunked'), b'hello', 2),
    ('TE in capitals', coding(b' CHUNKED'), b'hello', 2),
    ('TE with white space around', coding(b'\tchunked \t'), b'hello', 2),
    (
        'TE whose data looks like a request',
        post(CHUNKED, b'%x\r\n%s\r\n0\r\n\r\n' % (len(SMUGGLED), SMUGGLED)),
        SMUGGLED,
        1,
    ),
    (
        'TE in a GET',
        b'GET /one HTTP/1.1\r\n' + HOST + CHUNKED + b'\r\n' + ONE_CHUNK + SMUGGLED,
        b'hello',
        2,
    ),
    ('TE of no data', post(CHUNKED, b'0\r\n\r\n' + SMUGGLED), b'', 2),
    ('chunks of one byte', post(CHUNKED, chunks(b'hello', 1) + SMUGGLED), b'hello', 2),
    (
        'size in capitals',
        post(CHUNKED, b'A\r\n0123456789\r\n0\r\n\r\n' + SMUGGLED),
        b'0123456789',
        2,
    ),
    (
        'size in small letters',
        post(CHUNKED, b'a\r\n0123456789\r\n0\r\n\r\n' + SMUGGLED),
        b'0123456789',
        2,
    ),
    ('size with zeros in front', chunk(b'0005\r\nhello\r\n000\r\n\r\n'), b'hello', 2),
    ('extensions', chunk(b'5;a;b=c;d="e f"\r\nhello\r\n0;last\r\n\r\n'), b'hello', 2),
    ('an extension that looks like a chunk', chunk(b'5;0\r\nhello\r\n0\r\n\r\n'), b'hello', 2),
    ('a trailer', chunk(b'5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'), b'hello', 2),
    (
        'Connection names Content-Length',
        post(b'Connection: content-length\r\nContent-Length: 5\r\n', b'hello' + SMUGGLED),
        b'hello',
        2,
    ),
    (
        'Connection names Transfer-Encoding',
        post(b'Connection: transfer-encoding\r\n' + CHUNKED, ONE_CHUNK + SMUGGLED),
        b'hello',
        2,
    ),
    (
        'Connection names Host',
        post(b'Connection: host, keep-alive\r\nContent-Length: 5\r\n', b'hello' + SMUGGLED),
        b'hello',
        2,
    ),
    (
        'names that only look alike',
        post(
            b'Content_Length: 9\r\nTransfer_Encoding: chunked\r\n'
            b'X-Content-Length: 7\r\nContent-Lengths: 3\r\nContent-Length: 5\r\n',
            b'hello' + SMUGGLED,
        ),
        b'hello',
        2,
    ),
    (
        'TE is another field',
        post(b'TE: chunked\r\nContent-Length: 5\r\n', b'hello' + SMUGGLED),
        b'hello',
        2,
    ),
    (
        'HTTP/1.0 with a length',
        post(b'Connection: keep-alive\r\nContent-Length: 5\r\n', b'hello' + SMUGGLED, b'1.0'),
        b'hello',
        2,
    ),
]

# Either refused, or one request with this body: the RFC leaves it open.
EITHER = [
    ('CL twice the same', post(b'Content-Length: 5\r\nContent-Length: 5\r\n', b'hello'), b'hello'),
    ('CL list of the same', post(b'Content-Length: 5, 5\r\n', b'hello'), b'hello'),
    (
        'CL list of the same, and again',
        post(b'Content-Length: 5,5\r\nContent-Length: 5\r\n', b'hello'),
        b'hello',
    ),
    (
        'CL the same number in other digits',
        post(b'Content-Length: 5\r\nContent-Length: 05\r\n', b'hello'),
        b'hello',
    ),
    (
        'TE list with an empty element',
        post(b'Transfer-Encoding: chunked,\r\n', ONE_CHUNK),
        b'hello',
    ),
    (
        'TE list with a first empty element',
        post(b'Transfer-Encoding: , chunked\r\n', ONE_CHUNK),
        b'hello',
    ),
    ('TE on two lines, one empty', post(CHUNKED + b'Transfer-Encoding:\r\n', ONE_CHUNK), b'hello'),
]


class FramingTestCase(http.HttpTestCase):
    def heads(self):
        """The targets of the requests at the shard, without late ones of the case before."""
        targets = [request.target for request in self.shard.heads]
        return [target for target in targets if target in (self.target_sent, b'/smuggled')]

    def no_smuggling(self, count):
        """At most [count] requests at the shard, all strict ones, in the client's order."""
        self.shard.check()
        self.assertIn(
            self.heads(),
            ([], [self.target_sent, b'/smuggled'][:1], [self.target_sent, b'/smuggled'][:count]),
        )

    def run_refused_head(self, raw, status, send):
        client = self.open()
        send(client, raw)
        answer = client.response()
        self.check_own_answer(answer, status)
        self.assertTrue(answer.closes(), answer)
        client.expect_close()
        client.close()
        self.assertEqual(self.heads(), [])

    def run_broken_body(self, raw, send):
        client = self.open()
        send(client, raw)
        answer = client.response()
        self.check_own_answer(answer, (400, 413, 431))
        self.assertTrue(answer.closes(), answer)
        client.expect_close()
        client.close()
        self.no_smuggling(1)
        self.assertEqual(
            [one for one in self.shard.requests if one.target == self.target_sent],
            [],
            'completed on its behalf',
        )
        rt.wait_until(
            lambda: all(request.connection.ended.is_set() for request in self.shard.heads),
            'the shard connection is closed',
        )
        self.shard.check()

    def run_accepted(self, raw, body, count, send):
        client = self.open()
        send(client, raw)
        for i in range(count):
            self.assertEqual(client.response().status, 200)
        self.shard.wait_requests(count)
        self.no_smuggling(count)
        self.assertEqual(bytes(self.shard.requests[0].body), body)
        self.assertEqual(self.shard.requests[0].target, self.target_sent)
        if count == 2:
            self.assertEqual(self.shard.requests[1].target, b'/smuggled')
            self.assertEqual(bytes(self.shard.requests[1].body), b'')
        self.assertTrue(client.is_open() or raw.find(b'HTTP/1.0') >= 0)

    def run_either(self, raw, body, send):
        client = self.open()
        send(client, raw)
        answer = client.response()
        if answer.status == 200:
            self.assertEqual(bytes(self.shard.only().body), body)
        else:
            self.check_own_answer(answer, (400, 501))
            self.assertEqual(self.heads(), [])
        self.no_smuggling(1)

    def run_table(self, table, run, send):
        for number, (name, raw, *rest) in enumerate(table):
            with self.subTest(name):
                self.shard.reset()
                self.target_sent = b'/one-%d' % number
                run(raw.replace(b'/one', self.target_sent), *rest, send)


class FramingTest(FramingTestCase):
    def test_refused_heads(self):
        self.run_table(REFUSED_HEADS, self.run_refused_head, lambda client, raw: client.send(raw))

    def test_broken_bodies(self):
        self.run_table(BROKEN_BODIES, self.run_broken_body, lambda client, raw: client.send(raw))

    def test_accepted(self):
        self.run_table(ACCEPTED, self.run_accepted, lambda client, raw: client.send(raw))

    def test_either(self):
        self.run_table(EITHER, self.run_either, lambda client, raw: client.send(raw))

    @staticmethod
    def dribble(client, raw):
        """A byte at a time, as far as the proxy listens."""
        try:
            client.send_bytewise(raw, 0)
        except OSError:
            pass

    @staticmethod
    def halves(client, raw):
        """The head, then the body, then what is behind it."""
        end = raw.index(b'\r\n\r\n') + 4
        for part in (raw[: end - 1], raw[end - 1 : end + 1], raw[end + 1 :]):
            try:
                client.send(part)
            except OSError:
                return
            rt.time.sleep(0.001)

    def test_refused_heads_byte_by_byte(self):
        self.run_table(REFUSED_HEADS, self.run_refused_head, self.dribble)

    def test_broken_bodies_byte_by_byte(self):
        self.run_table(BROKEN_BODIES, self.run_broken_body, self.dribble)

    def test_accepted_byte_by_byte(self):
        self.run_table(ACCEPTED, self.run_accepted, self.dribble)

    def test_broken_bodies_in_pieces(self):
        self.run_table(BROKEN_BODIES, self.run_broken_body, self.halves)

    def test_accepted_in_pieces(self):
        self.run_table(ACCEPTED, self.run_accepted, self.halves)


class SentFramingTest(FramingTestCase):
    """What the proxy itself sends."""

    def test_length_stays_length_and_chunks_stay_chunks(self):
        client = self.open()
        client.ask('POST', '/a', body=b'x' * 100)
        client.ask('POST', '/b', body=b'y' * 100, chunked=True)
        first, second = self.shard.requests
        self.assertEqual(
            (first.all('content-length'), first.all('transfer-encoding')), ([b'100'], [])
        )
        self.assertEqual(
            (second.all('content-length'), second.all('transfer-encoding')), ([], [b'chunked'])
        )

    def test_no_body_no_framing(self):
        self.get('/a')
        got = self.shard.only()
        self.assertEqual(got.all('content-length') + got.all('transfer-encoding'), [])

    def test_a_post_of_nothing_says_so(self):
        """Content-Length: 0 is kept: some servers demand it of a POST."""
        self.open().ask('POST', '/a', body=b'')
        self.assertEqual(self.shard.only().all('content-length'), [b'0'])

    def test_extensions_are_not_relayed(self):
        client = self.open()
        client.send(chunk(b'5;secret=1\r\nhello\r\n0;secret=2\r\n\r\n'))
        self.assertEqual(client.response().body, b'a POST /one\nhello')
        self.assertNotIn(b'secret', b''.join(self.shard.bytes_received()))

    def test_an_extension_in_parts(self):
        client = self.open()
        client.send(post(CHUNKED, b'5;secr'))
        rt.time.sleep(0.02)
        client.send(b'et\r\nhel')
        rt.time.sleep(0.02)
        client.send(b'lo\r\n0\r\n\r\n')
        self.assertEqual(client.response().body, b'a POST /one\nhello')

    def test_incomplete_requests_are_never_completed(self):
        """The client goes away within the body: the shard must see that, not an end."""
        for name, raw in (
            ('length', post(b'Content-Length: 10\r\n', b'hello')),
            ('within a chunk', post(CHUNKED, b'a\r\nhello')),
            ('between chunks', post(CHUNKED, b'5\r\nhello\r\n')),
            ('before the size', post(CHUNKED, b'5\r\nhello\r\n0')),
            ('before the end of the trailers', post(CHUNKED, b'5\r\nhello\r\n0\r\n')),
            ('within a trailer', post(CHUNKED, b'5\r\nhello\r\n0\r\nX: y\r\n')),
        ):
            for how in ('close', 'half-close', 'reset'):
                with self.subTest(name, how=how):
                    self.shard.reset()
                    client = self.open()
                    client.send(raw)
                    self.shard.wait_heads(1)
                    if how == 'half-close':
                        client.shutdown_write()
                        client.read_to_end()
                    elif how == 'reset':
                        client.sock.setsockopt(
                            http.socket.SOL_SOCKET, http.socket.SO_LINGER, b'\1\0\0\0\0\0\0\0'
                        )
                    client.close()
                    connection = self.shard.heads[0].connection
                    rt.wait_until(connection.ended.is_set, 'the shard connection ends')
                    self.assertEqual(self.shard.requests, [])
                    self.assertNotIn(b'\r\n0\r\n', b''.join(self.shard.bytes_received()))

    def test_an_incomplete_head(self):
        for how in ('close', 'half-close'):
            client = self.open()
            client.send(b'GET /one HTTP/1.1\r\nHost: test\r\n')
            if how == 'half-close':
                client.shutdown_write()
                rest = client.read_to_end()
                self.assertTrue(rest == b'' or rest.startswith(b'HTTP/1.1 400 '), rest)
            client.close()
        self.get('/two')
        self.assertEqual(self.shard.only().target, b'/two')

    def test_trailers_of_requests(self):
        """They stay trailers; those that would frame or route are dropped."""
        client = self.open()
        client.send(
            request('POST', '/t', [('Transfer-Encoding', 'chunked'), ('Trailer', 'X-Sum')])
            + chunks(
                b'hello',
                trailers=b'X-Sum: 1\r\nHost: evil\r\nContent-Length: 3\r\n'
                b'Transfer-Encoding: chunked\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: x\r\n',
            )
        )
        self.assertEqual(client.response().status, 200)
        got = self.shard.only()
        self.assertIsNone(got.get('x-sum'), 'merged into the head')
        self.assertEqual(got.all('host'), [b'test'])
        names = [name.lower() for name, _ in got.trailers]
        self.assertIn((b'X-Sum', b'1'), got.trailers)
        for name in (
            b'host',
            b'content-length',
            b'transfer-encoding',
            b'x-forwarded-for',
            b'connection',
        ):
            self.assertNotIn(name, names)

    def test_trailers_are_bounded(self):
        for trailers in (b'X: ' + b'y' * (1 << 20) + b'\r\n', b'X: y\r\n' * 100000):
            client = self.open()
            try:
                client.send(
                    request('POST', '/t', [('Transfer-Encoding', 'chunked')])
                    + chunks(b'hello', trailers=trailers)
                )
            except OSError:
                pass  # it closes while we send
            answer = client.response()
            self.check_own_answer(answer, (400, 413, 431))
            self.assertEqual(self.shard.requests, [])


if __name__ == '__main__':
    rt.main()
