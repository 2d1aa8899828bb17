"""Bodies both ways: lengths, chunks, until the close, HTTP/1.0 on either side, 100-continue.

RFC 9112 sections 6 and 7, RFC 9110 section 10.1.1.
"""
import hashlib
import os
import random
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import chunks, early, reply, response
from http_testing import request

SIZES = (0, 1, 2, 15, 16, 255, 1000, 4095, 4096, 16383, 16384, 65535, 65536, 65537, 200000, 1 << 20)
RANDOM = random.Random(1).randbytes(1 << 20)
OK = b'HTTP/1.1 200 OK\r\n'


def body_of(size):
    return RANDOM[:size]


class RequestBodyTest(http.HttpTestCase):
    def check_body(self, got, body):
        self.assertEqual((got.body_size, got.body_crc), (len(body), zlib.crc32(body)))

    def test_sizes(self):
        client = self.open()
        for chunked in (False, True):
            for size in SIZES:
                with self.subTest(size, chunked=chunked):
                    self.shard.reset()
                    answer = client.ask('POST', '/up', body=body_of(size), chunked=chunked)
                    self.assertEqual(answer.body, b'a POST /up\n' + body_of(size))
                    self.check_body(self.shard.only(), body_of(size))

    def test_chunks_of_all_sizes(self):
        rng = random.Random(2)
        client = self.open()
        for _ in range(30):
            self.shard.reset()
            left, parts = body_of(rng.randrange(1, 60000)), []
            whole = left
            while left:
                size = min(len(left), rng.choice((1, 2, 15, 16, 17, 1000, 4096, 20000)))
                parts.append(b'%x\r\n%s\r\n' % (size, left[:size]))
                left = left[size:]
            raw = (
                request('PUT', '/up', [('Transfer-Encoding', 'chunked')])
                + b''.join(parts)
                + b'0\r\n\r\n'
            )
            cuts = sorted(rng.randrange(len(raw)) for _ in range(rng.randrange(6)))
            for start, end in zip([0] + cuts, cuts + [len(raw)]):
                client.send(raw[start:end])
                time.sleep(rng.choice((0, 0.001)))
            self.assertEqual(client.response().status, 200)
            self.check_body(self.shard.only(), whole)

    def test_a_chunked_body_split_at_every_offset(self):
        raw = (
            request('PUT', '/up', [('Transfer-Encoding', 'chunked')])
            + b'3;x=y\r\nabc\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n'
        )
        client = self.open()
        for offset in range(raw.index(b'\r\n\r\n'), len(raw)):
            client.send_split(raw, offset)
            self.assertEqual(client.response().body, b'a PUT /up\nabc0123456789')

    def test_a_body_is_streamed(self):
        """The shard has the beginning before the client has sent the end."""
        for fields, first, last in (
            ([('Content-Length', '10')], b'hello', b'world'),
            ([('Transfer-Encoding', 'chunked')], b'5\r\nhello\r\n', b'5\r\nworld\r\n0\r\n\r\n'),
        ):
            with self.subTest(fields):
                self.shard.reset()
                client = self.open()
                client.send(request('POST', '/up', fields) + first)
                self.shard.wait_heads(1)
                rt.wait_until(
                    lambda: b'hello' in bytes(self.shard.heads[0].connection.received),
                    'the first half',
                )
                self.assertEqual(self.shard.requests, [])
                client.send(last)
                self.assertEqual(client.response().body, b'a POST /up\nhelloworld')

    def test_methods_with_bodies(self):
        client = self.open()
        for method in ('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'):
            for chunked in (False, True):
                answer = client.ask(method, '/up', body=b'hello', chunked=chunked)
                self.assertEqual(answer.body, b'a %s /up\nhello' % method.encode())

    def test_a_large_one(self):
        """64 MiB, with a shard that pauses: nothing is lost, nothing piles up."""
        size = 64 << 20
        body = body_of(1 << 20) * 64

        def action(connection, got):
            time.sleep(0.3)
            connection.read_body(got)
            connection.send(response(200, b'%d %d' % (got.body_size, got.body_crc)))

        self.shard.on('/large', early(action))
        before = self.memory()
        client = self.open()
        client.send(request('PUT', '/large', [('Content-Length', size)]))
        client.send(body)
        self.assertEqual(client.response().body, b'%d %d' % (size, zlib.crc32(body)))
        if not rt.is_sanitized():
            self.assertLess(self.memory('VmHWM') - before, 4096, 'kB')


class ResponseBodyTest(http.HttpTestCase):
    def test_sizes(self):
        client = self.open()
        for chunked in (False, True):
            for size in SIZES:
                with self.subTest(size, chunked=chunked):
                    self.shard.reset()
                    self.shard.on('/down', reply(response(200, body_of(size), chunked=chunked)))
                    answer = client.get('/down')
                    self.assertEqual(answer.framing, 'chunked' if chunked else 'length')
                    self.assertEqual(
                        hashlib.md5(answer.body).digest(), hashlib.md5(body_of(size)).digest()
                    )

    def test_until_the_close(self):
        """Chunked for a client of HTTP/1.1, whose connection stays; for 1.0 until the close too."""
        for size in (0, 1, 1000, 300000):
            with self.subTest(size):
                self.shard.reset()
                self.shard.on('/down', fake.reply_and_close(OK + b'X: y\r\n\r\n' + body_of(size)))
                client = self.open()
                answer = client.get('/down')
                self.assertEqual(
                    (answer.framing, answer.size, answer.crc),
                    ('chunked', size, zlib.crc32(body_of(size))),
                )
                self.assertEqual(client.get('/next').body, b'a GET /next\n')
                client = self.open()
                answer = client.get('/down', version='1.0')
                self.assertEqual(
                    (answer.framing, answer.size, answer.crc),
                    ('close', size, zlib.crc32(body_of(size))),
                )

    def test_of_http_1_0(self):
        for finish, data in (
            (fake.reply_and_close, b'HTTP/1.0 200 OK\r\n\r\nhello'),
            (fake.reply_and_close, b'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
            (
                fake.reply,
                b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
            ),
        ):
            with self.subTest(data):
                self.shard.on('/down', finish(data), times=1)
                client = self.open()
                self.assertEqual(client.get('/down').body, b'hello')
                self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_a_1_0_shard_that_keeps_no_connection(self):
        """HTTP/1.0 without keep-alive: closed by whoever sees it, never used again."""
        self.shard.on('/down', reply(b'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'))
        client = self.open()
        for _ in range(3):
            self.assertEqual(client.get('/down').body, b'hello')
        self.assertEqual(len({got.connection for got in self.shard.requests}), 3)

    def test_to_a_1_0_client(self):
        """Never chunks."""
        for chunked in (False, True):
            self.shard.reset()
            self.shard.on('/down', reply(response(200, body_of(100000), chunked=chunked)))
            client = self.open()
            answer = client.get('/down', version='1.0')
            self.assertEqual(answer.framing, 'close' if chunked else 'length')
            self.assertEqual(answer.crc, zlib.crc32(body_of(100000)))
            self.assertEqual(answer.all('transfer-encoding'), [])
            client.expect_close()

    def test_a_1_0_client_that_asks_to_stay(self):
        client = self.open()
        for _ in range(3):
            answer = client.get('/x', [('Connection', 'keep-alive')], version='1.0')
            self.assertEqual(answer.body, b'a GET /x\n')
            self.assertIn(b'keep-alive', [option.lower() for option in answer.list('connection')])
        self.shard.on('/down', reply(response(200, b'hello', chunked=True)))
        answer = client.get('/down', [('Connection', 'keep-alive')], version='1.0')
        self.assertEqual((answer.framing, answer.body), ('close', b'hello'))
        self.assertNotIn(b'keep-alive', [option.lower() for option in answer.list('connection')])

    def test_http_1_0_on_both_sides(self):
        self.shard.on('/down', fake.reply_and_close(b'HTTP/1.0 200 OK\r\n\r\n' + body_of(5000)))
        client = self.open()
        answer = client.ask('POST', '/down', body=b'hello', version='1.0')
        self.assertEqual((answer.framing, answer.crc), ('close', zlib.crc32(body_of(5000))))

    def test_a_cut_response_to_a_1_0_client(self):
        """With a length it can tell; the connection ends either way."""
        self.shard.on('/down', fake.reply_and_close(OK + b'Content-Length: 10\r\n\r\nhello'))
        client = self.open()
        client.send(request('POST', '/down', version='1.0', body=b''))
        with self.assertRaises(http.Truncated):
            client.response()

    def test_chunks_of_all_sizes(self):
        rng = random.Random(3)
        client = self.open()
        for _ in range(30):
            whole = body_of(rng.randrange(1, 100000))
            raw = (
                OK
                + b'Transfer-Encoding: chunked\r\n\r\n'
                + chunks(
                    whole,
                    rng.choice((1, 16, 17, 999, 50000))
                    if len(whole) < 5000
                    else 4096 + rng.randrange(9000),
                )
            )
            cuts = sorted(rng.randrange(len(raw)) for _ in range(rng.randrange(5)))
            steps = []
            for start, end in zip([0] + cuts, cuts + [len(raw)]):
                steps += [raw[start:end], rng.choice((0, 0.001))]
            self.shard.on('/down', fake.in_steps(*steps), times=1)
            answer = client.get('/down')
            self.assertEqual((answer.size, answer.crc), (len(whole), zlib.crc32(whole)))

    def test_extensions_of_chunks_are_not_relayed(self):
        self.shard.on(
            '/down',
            reply(
                OK + b'Transfer-Encoding: chunked\r\n\r\n5;secret="x"\r\nhello\r\n0;secret\r\n\r\n'
            ),
        )
        client = self.open()
        client.send(request('GET', '/down', [('Connection', 'close')]))
        self.assertNotIn(b'secret', client.read_to_end())

    def test_trailers(self):
        self.shard.on(
            '/down',
            reply(
                OK
                + b'Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n'
                + chunks(
                    b'hello',
                    trailers=b'X-Sum: 1\r\nx-more: 2\r\nContent-Length: 3\r\n'
                    b'Transfer-Encoding: chunked\r\nConnection: x\r\n',
                )
            ),
        )
        client = self.open()
        answer = client.get('/down', [('TE', 'trailers')])
        self.assertEqual(
            (answer.body, answer.get('trailer'), answer.get('x-sum')), (b'hello', b'X-Sum', None)
        )
        self.assertIn((b'X-Sum', b'1'), answer.trailers)
        self.assertIn((b'x-more', b'2'), answer.trailers)
        names = [name.lower() for name, _ in answer.trailers]
        for name in (b'content-length', b'transfer-encoding', b'connection'):
            self.assertNotIn(name, names)
        self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_trailers_to_a_1_0_client_are_dropped(self):
        self.shard.on(
            '/down',
            reply(
                OK + b'Transfer-Encoding: chunked\r\n\r\n' + chunks(b'hello', trailers=b'X: 1\r\n')
            ),
        )
        client = self.open()
        self.assertEqual(client.get('/down', version='1.0').body, b'hello')

    def test_a_body_is_streamed(self):
        """The client has the beginning before the shard has sent the end: events, long polls."""
        release = threading.Event()
        self.addCleanup(release.set)
        for fields, first, last in (
            (b'Content-Length: 10\r\n', b'hello', b'world'),
            (b'Transfer-Encoding: chunked\r\n', b'5\r\nhello\r\n', b'5\r\nworld\r\n0\r\n\r\n'),
            (b'Content-Type: text/event-stream\r\nConnection: close\r\n', b'hello', b'world'),
        ):
            with self.subTest(fields):
                release.clear()

                def action(connection, got):
                    connection.send(OK + fields + b'\r\n' + first)
                    release.wait(10)
                    connection.send(last)
                    if b'close' in fields:
                        connection.close()

                self.shard.on('/down', action, times=1)
                client = self.open()
                client.send(request('GET', '/down'))
                answer = client.final_head()
                rt.wait_until(
                    lambda: b'hello' in client.buffer or client.fill(0.01) is False,
                    'the first half',
                )
                self.assertIn(b'hello', client.buffer)
                self.assertNotIn(b'world', client.buffer)
                release.set()
                client.read_body(answer)
                self.assertEqual(answer.body, b'helloworld')

    def test_a_head_alone_is_passed_on(self):
        """The head does not wait for the first byte of the body."""
        release = threading.Event()
        self.addCleanup(release.set)
        for fields, rest in (
            (b'Content-Length: 5\r\n', b'hello'),
            (b'Transfer-Encoding: chunked\r\n', chunks(b'hello')),
        ):
            release.clear()

            def action(connection, got):
                connection.send(OK + fields + b'\r\n')
                release.wait(10)
                connection.send(rest)

            self.shard.on('/down', action, times=1)
            client = self.open()
            client.send(request('GET', '/down'))
            answer = client.final_head()
            self.assertEqual(answer.status, 200)
            release.set()
            client.read_body(answer)
            self.assertEqual(answer.body, b'hello')

    def test_a_large_one(self):
        size = 64 << 20
        for options in ({}, {'chunked': True}, {'length': False}):
            with self.subTest(options):
                self.shard.on('/large', fake.stream(size, **options), times=1)
                client = self.open()
                client.keep_bytes = 0
                answer = client.get('/large')
                self.assertEqual((answer.size, answer.crc), (size, fake.stream_crc(size)))

    def test_both_ways_at_once(self):
        """A shard that answers while it reads: neither direction waits for the other."""

        def action(connection, got):
            connection.send(OK + b'Transfer-Encoding: chunked\r\n\r\n')
            total = 0
            while total < got.length:
                if not connection.buffer and not connection.fill():
                    return
                data = bytes(connection.buffer[: got.length - total])
                del connection.buffer[: len(data)]
                total += len(data)
                connection.send(b'%x\r\n%s\r\n' % (len(data), data))
            connection.send(b'0\r\n\r\n')

        self.shard.on('/echo', early(action))
        size = 8 << 20
        body = body_of(1 << 20) * 8
        client = self.open()

        def send():
            client.sock.sendall(request('POST', '/echo', [('Content-Length', size)]) + body)

        sender = threading.Thread(target=send)
        sender.start()
        answer = client.response()
        sender.join(15)
        self.assertEqual((answer.size, answer.crc), (size, zlib.crc32(body)))
        if not answer.closes():
            self.assertEqual(client.get('/next').body, b'a GET /next\n')


class ContinueTest(http.HttpTestCase):
    """Expect: 100-continue."""

    EXPECT = [('Expect', '100-continue'), ('Content-Length', '5')]

    def test_it_is_forwarded_and_answered(self):
        client = self.open()
        client.send(request('POST', '/up', self.EXPECT))
        self.assertEqual(client.head().status, 100)
        self.assertEqual(self.shard.heads[0].get('expect'), b'100-continue')
        self.assertEqual(self.shard.requests, [])
        client.send(b'hello')
        self.assertEqual(client.response().body, b'a POST /up\nhello')
        self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_the_proxy_does_not_answer_it_itself(self):
        """100 comes from the shard or not at all."""
        release = threading.Event()
        self.addCleanup(release.set)

        def action(connection, got):
            release.wait(10)
            connection.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            connection.read_body(got)
            fake.normal(connection, got)

        self.shard.on('/up', early(action))
        client = self.open()
        client.send(request('POST', '/up', self.EXPECT))
        self.shard.wait_heads(1)
        client.expect_nothing(0.1)
        release.set()
        self.assertEqual(client.head().status, 100)
        client.send(b'hello')
        self.assertEqual(client.response().body, b'a POST /up\nhello')

    def test_a_refusal(self):
        """A final answer instead: relayed, and the body, which may come or not, hurts nobody."""
        for status in (417, 413, 401, 200):
            with self.subTest(status):
                self.shard.reset()
                self.shard.on(
                    '/up',
                    early(reply(response(status, b'no', [('Connection', 'close')], reason='No'))),
                )
                client = self.open()
                client.send(request('POST', '/up', self.EXPECT))
                answer = client.response()
                self.assertEqual((answer.status, answer.body), (status, b'no'))
                if answer.closes():
                    client.expect_close()
                else:
                    client.send(b'hello')
                    self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_a_client_that_does_not_wait(self):
        client = self.open()
        client.send(request('POST', '/up', self.EXPECT) + b'hello')
        self.assertEqual(client.response().body, b'a POST /up\nhello')

    def test_a_shard_that_never_says_continue(self):
        def action(connection, got):
            connection.read_body(got)
            fake.normal(connection, got)

        self.shard.on('/up', early(action))
        client = self.open()
        client.send(request('POST', '/up', self.EXPECT))
        time.sleep(0.1)
        client.send(b'hello')
        self.assertEqual(client.response().body, b'a POST /up\nhello')

    def test_chunked(self):
        client = self.open()
        client.send(
            request('POST', '/up', [('Expect', '100-Continue'), ('Transfer-Encoding', 'chunked')])
        )
        self.shard.default = fake.normal
        if self.shard.wait_heads(1)[0].get('expect') == b'100-continue':
            self.assertEqual(client.head().status, 100)
        client.send(chunks(b'hello'))
        self.assertEqual(client.response().body, b'a POST /up\nhello')

    def test_in_http_1_0_it_means_nothing(self):
        def action(connection, got):
            connection.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            connection.read_body(got)
            fake.normal(connection, got)

        self.shard.on('/up', early(action))
        client = self.open()
        client.send(request('POST', '/up', self.EXPECT, version='1.0') + b'hello')
        answer = client.response()
        self.assertEqual((answer.interim, answer.body), ([], b'a POST /up\nhello'))

    def test_an_unknown_expectation(self):
        answer = self.open().ask('POST', '/up', [('Expect', 'miracles')], body=b'hello')
        self.assertIn(answer.status, (200, 417))


class EarlyAnswerTest(http.HttpTestCase):
    """A final answer while the body still comes: relayed at once, and the upload ends."""

    def upload(self, client, size):
        """Send as much as is taken; the bytes taken."""
        client.sock.settimeout(5)
        sent, piece = 0, b'x' * 65536
        try:
            while sent < size:
                client.sock.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        return sent

    def test_an_early_refusal(self):
        for close in (True, False):
            for chunked in (True, False):
                with self.subTest(close=close, chunked=chunked):
                    self.shard.reset()
                    data = response(
                        413, b'too much', [('Connection', 'close')] if close else [], reason='No'
                    )
                    self.shard.on(
                        '/up',
                        early(fake.reply_and_close(data) if close else fake.reply_and_hang(data)),
                    )
                    client = self.open()
                    framing = (
                        ('Transfer-Encoding', 'chunked') if chunked else ('Content-Length', 1 << 30)
                    )
                    client.send(
                        request('POST', '/up', [framing]) + (b'ffffff\r\n' if chunked else b'')
                    )
                    client.send(b'x' * 1000)
                    answer = client.response()
                    self.assertEqual((answer.status, answer.body), (413, b'too much'))
                    self.assertEqual(self.get('/next').body, b'a GET /next\n')
                    client.close()
                    rt.wait_until(
                        self.shard.heads[0].connection.ended.is_set,
                        'the shard connection is closed',
                    )

    def test_the_answer_arrives_while_the_client_sends(self):
        """A client that reads only when it has sent, or cannot send any more, has its answer."""
        self.shard.on(
            '/up',
            early(
                fake.reply_and_close(
                    response(401, b'who are you', [('Connection', 'close')], reason='No')
                )
            ),
        )
        for _ in range(5):
            client = self.open()
            client.send(request('POST', '/up', [('Content-Length', 1 << 30)]))
            self.upload(client, 1 << 20)
            answer = client.response()
            self.assertEqual((answer.status, answer.body), (401, b'who are you'))

    def test_the_upload_ends(self):
        """It is not swallowed for ever: the connection is closed before."""
        self.shard.on('/up', early(fake.reply_and_hang(response(200, b'enough'))))
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', 4 << 30)]) + b'x' * 1000)
        answer = client.response()
        self.assertEqual(answer.body, b'enough')
        deadline = time.monotonic() + 12
        with self.assertRaises(OSError):
            while time.monotonic() < deadline:
                client.send(b'x' * 10000)
                time.sleep(0.02)

    def test_a_shard_that_closes_without_an_answer(self):
        self.shard.on('/up', early(fake.close))
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', 1 << 30)]))
        self.upload(client, 1 << 20)
        self.check_own_answer(client.response(), 502)

    def test_an_early_answer_whose_body_ends_later(self):
        """The answer begins early, and the upload is done before it ends: both complete."""
        release = threading.Event()
        self.addCleanup(release.set)

        def action(connection, got):
            connection.send(OK + b'Content-Length: 10\r\n\r\nhello')
            connection.read_body(got)
            connection.send(b'world')

        self.shard.on('/up', early(action))
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', '5')]) + b'ab')
        answer = client.final_head()
        client.send(b'cde')
        client.read_body(answer)
        self.assertEqual(answer.body, b'helloworld')
        self.assertEqual(bytes(self.shard.heads[0].body), b'abcde')


if __name__ == '__main__':
    rt.main()
