"""What a shard may do wrong, and what its client sees of it.

A malformed head is a 502 for its own request and nobody else's. Bytes that belong to no request are
never used. A response that breaks off is cut off for the client too, without a last chunk.
RFC 9112 sections 4, 5, 6 and 9; RFC 9110 sections 6 and 15.
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import chunks, reply, response
from http_testing import request

OK = b'HTTP/1.1 200 OK\r\n'
EVIL = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL'


class ResponseTestCase(http.HttpTestCase):
    pool_options = {
        'timeouts': {'connect': '500ms', 'response': '2s'},
        'health': {'eject_after': 0},
    }

    def next_is_right(self, client):
        """The client's connection, if it is still open, and the pool serve as if nothing was."""
        if client.is_open():
            self.assertEqual(client.get('/next').body, b'a GET /next\n')
        self.assertEqual(self.get('/other').body, b'a GET /other\n')

    def bad_gateway(self, data, method='POST', finish=fake.reply):
        """[data] as a response is a 502; a POST is not tried again."""
        self.shard.reset()
        self.shard.on('/bad', finish(data), times=1)
        client = self.open()
        client.send(request(method, '/bad', body=b'' if method == 'POST' else None))
        answer = client.response(method)
        self.check_own_answer(answer, 502, method)
        rt.wait_until(self.shard.heads[0].connection.ended.is_set, 'the shard connection is closed')
        self.next_is_right(client)
        client.close()


class MalformedHeadTest(ResponseTestCase):
    def test_status_lines(self):
        for line in (
            b'garbage',
            b'HTTP/1.1',
            b'HTTP/1.1 ',
            b'HTTP/1.1 20 OK',
            b'HTTP/1.1 2000 OK',
            b'HTTP/1.1 2x0 OK',
            b'HTTP/1.1  200 OK',
            b'HTTP/1.1\t200 OK',
            b'http/1.1 200 OK',
            b'HTTP/2 200 OK',
            b'HTTP/2.0 200 OK',
            b'HTTP/0.9 200 OK',
            b'HTTP/1.10 200 OK',
            b'HTTP/01.1 200 OK',
            b'ICY 200 OK',
            b'HTTP/1.1 +20 OK',
            b'HTTP/1.1 -20 OK',
            b'HTTP/1.1 000 OK',
            b'HTTP/1.1 099 OK',
            b' HTTP/1.1 200 OK',
            b'HTTP/1.1 200 O\0K',
            b'HTTP/1.1 200 O\x01K',
            b'HTTP/1.1 200 O\x7fK',
            b'200 OK',
            b'GET / HTTP/1.1',
            b'\x16\x03\x01\x00\xc8',
            b'VALUE a 0 1',
            b'HTTP/1.1:200 OK',
            b'HTTP/1.1 200OK',
        ):
            with self.subTest(line):
                self.bad_gateway(line + b'\r\nContent-Length: 2\r\n\r\nOK')

    def test_an_empty_line_first(self):
        self.bad_gateway(b'\r\n' + OK + b'Content-Length: 0\r\n\r\n')

    def test_line_ends(self):
        head = OK + b'X: y\r\nContent-Length: 2\r\n\r\n'
        for i in range(4):
            parts = head.split(b'\r\n')
            for end in (b'\n', b'\r\r\n', b' \r'):
                with self.subTest(i, end=end):
                    self.bad_gateway(
                        b'\r\n'.join(parts[: i + 1])
                        + end
                        + b'\r\n'.join(parts[i + 1 :])
                        + b'OK\r\n\r\n'
                    )

    def test_fields(self):
        for line in (
            b'no colon',
            b': x',
            b'na me: x',
            b'na(me: x',
            b'X: a\0b',
            b'X: a\rb',
            b'X: a\x01b',
            b'X: a\x7fb',
            b'X: a\r\n folded',
            b'X: a\r\n\tfolded',
            b'\xe4: x',
            b'na\0me: x',
        ):
            with self.subTest(line):
                self.bad_gateway(OK + line + b'\r\nContent-Length: 2\r\n\r\nOK')
        self.bad_gateway(OK + b' X: indented\r\nContent-Length: 2\r\n\r\nOK')

    def test_framing(self):
        for fields in (
            b'Content-Length: +2',
            b'Content-Length: -2',
            b'Content-Length: 0x2',
            b'Content-Length: 2, 3',
            b'Content-Length: 2\r\nContent-Length: 3',
            b'Content-Length: abc',
            b'Content-Length:',
            b'Content-Length: 2 2',
            b'Content-Length: 2;',
            b'Content-Length: 18446744073709551618',
            b'Content-Length: 99999999999999999999999',
            b'Transfer-Encoding: gzip, chunked',
            b'Transfer-Encoding: chunked, chunked',
            b'Transfer-Encoding: xchunked',
            b'Transfer-Encoding: chunked, gzip',
            b'Transfer-Encoding:\x0bchunked',
            b'Transfer-Encoding: chunked\r\nContent-Length: x',
        ):
            with self.subTest(fields):
                self.bad_gateway(OK + fields + b'\r\n\r\nOK')

    def test_length_and_chunks_together(self):
        """Refused, or read as chunks and passed on without the length; never the other way."""
        for order in (
            b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
            b'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
        ):
            with self.subTest(order):
                self.shard.reset()
                self.shard.on('/both', reply(OK + order + b'\r\n' + chunks(b'hello')), times=1)
                answer = self.open().ask('POST', '/both', body=b'')
                if answer.status == 200:
                    self.assertEqual((answer.framing, answer.body), ('chunked', b'hello'))
                else:
                    self.check_own_answer(answer, 502)

    def test_chunks_in_http_1_0(self):
        self.bad_gateway(
            b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks(b'hello')
        )

    def test_heads_that_are_too_large(self):
        self.bad_gateway(OK + b'X: ' + b'y' * (1 << 20) + b'\r\nContent-Length: 0\r\n\r\n')
        self.bad_gateway(OK + b'X: y\r\n' * 10000 + b'Content-Length: 0\r\n\r\n')
        self.bad_gateway(b'HTTP/1.1 200 ' + b'x' * (1 << 20) + b'\r\nContent-Length: 0\r\n\r\n')
        self.bad_gateway(b'x' * (1 << 20), finish=fake.reply_and_hang)
        self.bad_gateway(OK + b'X: y\r\n' * 1000 + b'Content-Length: 0\r\n\r\n')

    def test_heads_that_break_off(self):
        for data in (
            b'',
            b'H',
            b'HTTP/1.1 200 OK',
            OK,
            OK + b'Content-Length: 2',
            OK + b'Content-Length: 2\r\n',
            OK + b'Content-Length: 2\r\n\r',
        ):
            for finish in (fake.reply_and_close, fake.reply_and_reset):
                with self.subTest(data, how=finish.__name__):
                    self.bad_gateway(data, finish=finish)

    def test_the_answer_honours_head(self):
        self.shard.on('/bad', reply(b'garbage\r\n\r\n'))
        client = self.open()
        self.check_own_answer(client.ask('HEAD', '/bad'), 502, 'HEAD')
        self.next_is_right(client)

    def test_switching_protocols_unasked(self):
        self.bad_gateway(
            b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nEVIL'
        )


class LenientHeadTest(ResponseTestCase):
    """What a client must accept of a server."""

    def passed(self, data, target='/ok'):
        self.shard.reset()
        self.shard.on(target, reply(data), times=1)
        client = self.open()
        answer = client.get(target)
        self.next_is_right(client)
        return answer

    def test_space_before_the_colon_is_dropped(self):
        answer = self.passed(OK + b'X-Odd \t: y\r\nContent-Length : 2\r\n\r\nOK')
        self.assertEqual((answer.get('x-odd'), answer.body), (b'y', b'OK'))

    def test_reasons(self):
        for reason in (b'', b'OK', b'Very Much OK', b'a\tb', b'\xe4\xf6'):
            with self.subTest(reason):
                answer = self.passed(b'HTTP/1.1 200 %s\r\nContent-Length: 2\r\n\r\nOK' % reason)
                self.assertEqual((answer.reason, answer.body), (reason, b'OK'))

    def test_statuses(self):
        """All of them, known or not, are passed on."""
        for status in (
            200,
            201,
            203,
            206,
            226,
            299,
            300,
            301,
            302,
            307,
            399,
            400,
            401,
            404,
            405,
            407,
            418,
            451,
            499,
            500,
            502,
            503,
            504,
            599,
            600,
            999,
        ):
            with self.subTest(status):
                answer = self.passed(response(status, b'x', reason='R'))
                self.assertEqual((answer.status, answer.reason, answer.body), (status, b'R', b'x'))

    def test_our_own_version_is_sent(self):
        answer = self.passed(b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK')
        self.assertTrue(answer.head.startswith(b'HTTP/1.1 200 OK\r\n'))
        answer = self.passed(b'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nOK')
        self.assertTrue(answer.head.startswith(b'HTTP/1.1 200 OK\r\n'))

    def test_the_same_length_twice(self):
        for fields in (b'Content-Length: 2\r\nContent-Length: 2', b'Content-Length: 2, 2'):
            answer = self.passed(OK + fields + b'\r\n\r\nOK')
            if answer.status == 200:
                self.assertEqual((answer.all('content-length'), answer.body), ([b'2'], b'OK'))
            else:
                self.check_own_answer(answer, 502)

    def test_byte_by_byte_and_split(self):
        data = response(200, b'hello', [('X', 'y')])
        chunked = response(200, b'hello', [('X', 'y')], chunked=True)
        client = self.open()
        for whole in (data, chunked):
            self.shard.on('/slow', fake.bytewise(whole), times=1)
            answer = client.get('/slow')
            self.assertEqual((answer.get('x'), answer.body), (b'y', b'hello'))
            for offset in range(1, len(whole)):
                self.shard.on(
                    '/split', fake.in_steps(whole[:offset], 0.0007, whole[offset:]), times=1
                )
                answer = client.get('/split')
                self.assertEqual((answer.get('x'), answer.body), (b'y', b'hello'))


class StrayBytesTest(ResponseTestCase):
    """Bytes after a response or without a request: they are never used, nor that connection."""

    def stray(self, data, method='GET', steps=()):
        self.shard.reset()
        self.shard.hang_up()
        self.shard.on('/stray', fake.in_steps(data, *steps), times=1)
        client = self.open()
        answer = client.ask(method, '/stray')
        connection = self.shard.heads[0].connection
        rt.wait_until(connection.ended.is_set, 'the shard connection is closed')
        for i in range(3):
            follower = client.get('/after%d' % i)
            self.assertEqual(follower.body, b'a GET /after%d\n' % i)
        self.assertEqual(connection.n_requests, 1, 'the connection was used again')
        return answer

    def test_a_second_response(self):
        answer = self.stray(response(200, b'one') + EVIL)
        self.assertEqual(answer.body, b'one')

    def test_a_few_bytes(self):
        for extra in (b'x', b'\r\n', b'\n', b'\0', b'HTTP/1.1 2'):
            with self.subTest(extra):
                self.assertEqual(self.stray(response(200, b'one') + extra).body, b'one')

    def test_behind_chunks(self):
        for extra in (b'x', b'\r\n', b'0\r\n\r\n', EVIL):
            with self.subTest(extra):
                self.assertEqual(
                    self.stray(response(200, b'one', chunked=True) + extra).body, b'one'
                )

    def test_bodies_where_there_is_none(self):
        for method, status in (('HEAD', 200), ('GET', 204), ('GET', 304), ('HEAD', 404)):
            for data in (
                response(status, b'EVIL'),
                response(status, EVIL, chunked=True),
                response(status, EVIL),
                response(status, b'', length=False) + EVIL,
            ):
                with self.subTest(method=method, status=status, data=data):
                    answer = self.stray(data, method)
                    self.assertEqual((answer.status, answer.body), (status, b''))

    def test_more_than_the_length(self):
        self.assertEqual(self.stray(OK + b'Content-Length: 3\r\n\r\noneEVIL').body, b'one')
        self.assertEqual(self.stray(OK + b'Content-Length: 0\r\n\r\nEVIL').body, b'')

    def test_later_without_a_request(self):
        for data in (
            EVIL,
            b'x',
            b'\r\n',
            b'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n',
        ):
            with self.subTest(data):
                answer = self.stray(response(200, b'one'), steps=(0.05, data))
                self.assertEqual(answer.body, b'one')


class TruncatedTest(ResponseTestCase):
    """A response that breaks off: the client is cut off and can tell."""

    def cut(self, data, finish, proxy=None):
        self.shard.reset()
        self.shard.on('/cut', finish(data), times=1)
        client = self.open(proxy)
        client.send(request('POST', '/cut', body=b''))
        with self.assertRaises(http.Truncated) as raised:
            client.response()
        client.close()
        self.assertEqual(self.get('/next').body, b'a GET /next\n')
        return raised.exception.response

    def each(self, data, body, finishes=(fake.reply_and_close, fake.reply_and_reset)):
        for finish in finishes:
            with self.subTest(rt.show(data), how=finish.__name__):
                got = self.cut(data, finish)
                self.assertTrue(body.startswith(bytes(got.body)), got)

    def test_within_a_length(self):
        for have in (1, 10, 100000):
            self.each(OK + b'Content-Length: 200000\r\n\r\n' + b'x' * have, b'x' * have)

    def test_before_the_first_byte_of_the_body(self):
        for fields in (b'Content-Length: 10', b'Transfer-Encoding: chunked'):
            for finish in (fake.reply_and_close, fake.reply_and_reset):
                with self.subTest(fields, how=finish.__name__):
                    self.shard.on('/cut', finish(OK + fields + b'\r\n\r\n'), times=1)
                    client = self.open()
                    client.send(request('POST', '/cut', body=b''))
                    try:
                        answer = client.response()
                        self.check_own_answer(answer, 502)  # nothing had been sent yet
                    except http.Truncated:
                        pass

    def test_within_chunks(self):
        for data, body in (
            (b'5\r\nhel', b'hel'),
            (b'5\r\nhello', b'hello'),
            (b'5\r\nhello\r\n', b'hello'),
            (b'5\r\nhello\r\n5', b'hello'),
            (b'5\r\nhello\r\n0\r\n', b'hello'),
            (b'5\r\nhello\r\n0\r\nX: y\r\n', b'hello'),
        ):
            self.each(OK + b'Transfer-Encoding: chunked\r\n\r\n' + data, body)

    def test_broken_chunks(self):
        for data in (
            b'0x5\r\nhello\r\n',
            b'-1\r\n',
            b' 5\r\nhello\r\n',
            b'5 \r\nhello\r\n',
            b'5\nhello\r\n',
            b'5\r\nhelloXX0\r\n\r\n',
            b'5\r\nhello\n0\r\n\r\n',
            b'fffffffffffffffff\r\n',
            b'\r\n',
            b'5;\n\r\nhello\r\n',
            b'5;' + b'x' * 5000 + b'\r\nhello\r\n0\r\n\r\n',
            b'zz\r\n',
            b'5\r\nhello\r\n0\r\nX : \0\r\n\r\n',
            b'5\r\nhello\r\n0\r\nno colon\r\n\r\n',
            b'5\r\nhello\r\n0\r\nX: ' + b'y' * (1 << 20) + b'\r\n\r\n',
        ):
            self.each(
                OK + b'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n' + data,
                b'abchello',
                (fake.reply_and_hang,),
            )

    def test_until_close_with_a_reset(self):
        """A reset is not an end: a 1.1 client, who gets chunks, must not see the last one."""
        got = self.cut(OK + b'\r\nhello', fake.reply_and_reset)
        self.assertEqual(got.framing, 'chunked')

    def test_to_a_1_0_client_without_a_length(self):
        """Only a reset can tell it that the response is not whole."""
        for data in (
            b'\r\nhello',
            b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
            b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n',
        ):
            with self.subTest(data):
                finish = fake.reply_and_reset if b'chunked' not in data else fake.reply_and_close
                self.shard.on('/cut', finish(OK + data), times=1)
                client = self.open()
                client.send(request('POST', '/cut', body=b'', version='1.0'))
                try:
                    client.response()
                    self.fail('a whole response')
                except http.Truncated:
                    pass
                except AssertionError as error:
                    self.assertIn('connection closed', str(error))
                self.assertTrue(client.was_reset)

    def test_bytes_of_the_body_are_not_lost(self):
        """What came before the end reaches the client."""
        got = self.cut(OK + b'Content-Length: 100\r\n\r\nhello', fake.reply_and_reset)
        self.assertIn(bytes(got.body), (b'hello', b''))
        got = self.cut(OK + b'Content-Length: 100\r\n\r\nhello', fake.reply_and_close)
        self.assertEqual(bytes(got.body), b'hello')

    def test_pipelined_followers_are_not_answered_behind(self):
        self.shard.on('/cut', fake.reply_and_close(OK + b'Content-Length: 10\r\n\r\nhello'))
        client = self.open()
        client.send(request('POST', '/cut', body=b'') + request('GET', '/behind'))
        data = client.read_to_end()
        self.assertTrue(data.endswith(b'hello'), data)


class InterimTest(ResponseTestCase):
    def test_they_are_relayed(self):
        interim = (
            b'HTTP/1.1 100 Continue\r\n\r\n'
            b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\nConnection: x\r\nX: 1\r\n\r\n'
            b'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n'
        )
        for pieces in (
            (interim + response(200, b'end'),),
            tuple(part + b'\r\n\r\n' for part in interim.split(b'\r\n\r\n')[:-1])
            + (response(200, b'end'),),
        ):
            self.shard.reset()
            steps = [step for piece in pieces for step in (piece, 0.005)]
            self.shard.on('/interim', fake.in_steps(*steps))
            client = self.open()
            answer = client.get('/interim')
            self.assertEqual(answer.body, b'end')
            self.assertEqual([one.status for one in answer.interim], [100, 103, 102, 199])
            self.assertEqual(answer.interim[1].all('link'), [b'</a>', b'</b>'])
            self.assertEqual(answer.interim[1].all('x'), [])
            for one in answer.interim:
                self.assertEqual(one.all('content-length') + one.all('transfer-encoding'), [])
            self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_not_to_a_1_0_client(self):
        self.shard.on(
            '/interim',
            reply(
                b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n'
                + response(200, b'end')
            ),
        )
        answer = self.get('/interim', version='1.0')
        self.assertEqual((answer.interim, answer.body), ([], b'end'))

    def test_one_comes_at_once(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def action(connection, got):
            connection.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
            release.wait(10)
            fake.normal(connection, got)

        self.shard.on('/interim', action)
        client = self.open()
        client.send(request('GET', '/interim'))
        self.assertEqual(client.head().status, 103)
        release.set()
        self.assertEqual(client.response().body, b'a GET /interim\n')

    def test_then_nothing(self):
        """An interim response is no response: what follows it still fails."""
        for finish in (fake.reply_and_close, fake.reply_and_reset):
            self.shard.on('/interim', finish(b'HTTP/1.1 103 Early Hints\r\n\r\n'), times=1)
            client = self.open()
            client.send(request('POST', '/interim', body=b''))
            self.assertEqual(client.head().status, 103)
            self.check_own_answer(client.response(), 502)

    def test_a_length_in_them_is_no_body(self):
        self.shard.on(
            '/interim',
            reply(b'HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n' + response(200, b'end')),
        )
        client = self.open()
        client.send(request('GET', '/interim'))
        answer = client.response()
        self.assertIn(
            (answer.status, answer.body if answer.status == 200 else None),
            ((200, b'end'), (502, None)),
        )

    def test_a_flood_of_them_ends(self):
        """A shard that sends nothing else for ever hurts nobody else, and memory stays bounded."""

        def action(connection, got):
            while not connection.shard.stopping.is_set():
                connection.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' * 500)

        self.shard.on('/flood', action)
        client = self.open()
        before = self.memory()
        client.send(request('GET', '/flood'))
        deadline = time.monotonic() + 0.7
        while time.monotonic() < deadline:
            self.assertEqual(self.get('/other').body, b'a GET /other\n')
        if not rt.is_sanitized():
            self.assertLess(self.memory() - before, 4096)


class NoBodyTest(ResponseTestCase):
    def test_a_length_is_passed_on_where_there_is_no_body(self):
        for method, status in (('HEAD', 200), ('GET', 304), ('HEAD', 304)):
            with self.subTest(method=method, status=status):
                self.shard.reset()
                self.shard.on(
                    '/none',
                    reply(b'HTTP/1.1 %d X\r\nContent-Length: 1234\r\nETag: "e"\r\n\r\n' % status),
                )
                client = self.open()
                answer = client.ask(method, '/none')
                self.assertEqual(
                    (answer.all('content-length'), answer.get('etag')), ([b'1234'], b'"e"')
                )
                self.assertEqual(client.get('/next').body, b'a GET /next\n')
        self.assertEqual(
            len([c for c in self.shard.connections if not c.ended.is_set()]), 1, 'reused'
        )

    def test_no_framing_where_there_is_no_body(self):
        for method, status in (('HEAD', 200), ('GET', 304), ('GET', 204)):
            with self.subTest(method=method, status=status):
                self.shard.reset()
                self.shard.on('/none', reply(b'HTTP/1.1 %d X\r\n\r\n' % status))
                client = self.open()
                self.assertEqual(client.ask(method, '/none').status, status)
                self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_chunked_in_a_head_response(self):
        self.shard.on('/none', reply(OK + b'Transfer-Encoding: chunked\r\n\r\n'))
        client = self.open()
        self.assertEqual(client.ask('HEAD', '/none').status, 200)
        self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_zero_length(self):
        self.shard.on('/none', reply(OK + b'Content-Length: 0\r\n\r\n'))
        answer = self.get('/none')
        self.assertEqual((answer.all('content-length'), answer.body), ([b'0'], b''))


class NobodyElseTest(http.HttpTestCase):
    """While one shard does all that, requests to others are answered right and soon."""

    n_shards = 2
    pool_options = {'health': {'eject_after': 0}, 'timeouts': {'response': '1s'}}

    def test_bystanders(self):
        keys = {}
        for i in range(100):
            with http.HttpClient(self.target) as client:
                body = client.get('/key%d' % i).body
            keys.setdefault(body[:1], []).append('/key%d' % i)
        self.assertEqual(set(keys), {b'a', b'b'})
        bad = keys[b'a'][0]
        for data, finish in (
            (b'garbage\r\n\r\n', fake.reply),
            (OK + b'Content-Length: 9\r\n\r\nx', fake.reply_and_close),
            (response(200, b'x') + EVIL, fake.reply),
            (b'', fake.reply_and_hang),
            (OK + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n', fake.reply_and_hang),
        ):
            self.shard.reset()
            self.shard.on(lambda got: got.target == bad.encode(), finish(data))
            stuck = [self.open() for _ in range(10)]
            for client in stuck:
                client.send(request('POST', bad, body=b''))
            with http.HttpClient(self.target) as client:
                for target in keys[b'b'][:20]:
                    with http.Stopwatch() as watch:
                        self.assertEqual(client.get(target).body, b'b GET %s\n' % target.encode())
                    self.assertLess(watch.seconds, 1.0)
            for client in stuck:
                client.close()


if __name__ == '__main__':
    rt.main()
