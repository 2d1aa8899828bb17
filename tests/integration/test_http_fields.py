"""The fields that a gateway removes, adds and changes, both ways; and its own answers.

RFC 9110 sections 6.6.1, 7.6 and 10; RFC 9112 section 9. The listener trusts 127.0.0.1 in one class
and nobody in another.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import reply, response
from http_testing import DATE, PSEUDONYM, VIA, request

HOP_BY_HOP = [
    ('Keep-Alive', 'timeout=5'),
    ('Proxy-Connection', 'keep-alive'),
    ('TE', 'trailers, gzip'),
    ('Upgrade', 'websocket'),
    ('Proxy-Authorization', 'Basic eA=='),
    ('HTTP2-Settings', 'AAMAAABk'),
]
HOP_BY_HOP_BACK = [
    ('Keep-Alive', 'timeout=5'),
    ('Proxy-Connection', 'keep-alive'),
    ('Upgrade', 'h2c'),
    ('Proxy-Authenticate', 'Basic realm="x"'),
    ('Proxy-Authentication-Info', 'x=y'),
]


class RequestFieldsTest(http.HttpTestCase):
    def forwarded(self, fields=(), **options):
        self.shard.reset()
        client = self.open()
        answer = client.get('/', fields, **options)
        self.assertEqual(answer.status, 200, answer)
        client.close()
        return self.shard.only()

    def test_hop_by_hop_fields_are_removed(self):
        for name, value in HOP_BY_HOP:
            for connection in (None, name, name.lower(), 'keep-alive, ' + name):
                with self.subTest(name, connection=connection):
                    fields = [(name, value), ('X-End', '1')]
                    if connection:
                        fields.insert(0, ('Connection', connection))
                    got = self.forwarded(fields)
                    self.assertEqual(got.all(name), [])
                    self.assertEqual(got.all('connection'), [])
                    self.assertEqual(got.all('x-end'), [b'1'])

    def test_fields_that_connection_names_are_removed(self):
        got = self.forwarded(
            [
                ('X-One', '1'),
                ('Connection', 'x-one, X-TWO ,,x-absent'),
                ('X-Two', '2'),
                ('X-Three', '3'),
                ('Connection', 'X-Four'),
                ('X-four', '4'),
                ('x-one', '5'),
            ]
        )
        self.assertEqual(
            [got.all(name) for name in ('x-one', 'x-two', 'x-three', 'x-four', 'connection')],
            [[], [], [b'3'], [], []],
        )

    def test_a_hostile_connection_field(self):
        """It can take away nothing that frames, routes or tells who asks."""
        hostile = (
            'host, content-length, transfer-encoding, x-forwarded-for, x-forwarded-host, '
            'x-forwarded-proto, via, cookie, date, max-forwards, expect, close'
        )
        for body in (b'hello', None):
            self.shard.reset()
            client = self.open()
            answer = client.ask(
                'POST', '/', [('Connection', hostile), ('Cookie', 'a=b')], body=body
            )
            self.assertEqual(answer.status, 200)
            got = self.shard.only()
            self.assertEqual(bytes(got.body), body or b'')
            self.assertEqual(got.all('host'), [b'test'])
            self.assertEqual(got.all('cookie'), [b'a=b'])
            self.assertEqual(got.all('x-forwarded-for'), [b'127.0.0.1'])
            self.assertTrue(got.all('via'))
            client.expect_close()

    def test_what_connection_may_hold(self):
        """Not a list of tokens: refused or ignored, never obeyed by halves."""
        for value in ('', ',', ' , ,', 'a b', 'x-one;q=1', '"x-one"', 'x-one\t'):
            with self.subTest(value):
                self.shard.reset()
                answer = self.get('/', [('Connection', value), ('X-One', '1')])
                self.assertIn(answer.status, (200, 400))
                if answer.status == 200:
                    self.assertEqual(self.shard.only().all('connection'), [])

    def test_te_is_not_forwarded(self):
        self.assertEqual(self.forwarded([('TE', 'trailers'), ('Connection', 'TE')]).all('te'), [])

    def test_end_to_end_fields_stay(self):
        fields = [
            ('Trailer', 'X-Sum'),
            ('Proxy-Features', 'x'),
            ('Content-Type', 'a/b'),
            ('Date', 'yesterday'),
            ('Forwarded', 'for=1.2.3.4'),
            ('Warning', '199 - "x"'),
            ('Pragma', 'no-cache'),
            ('Upgrade-Insecure-Requests', '1'),
            ('Sec-WebSocket-Key', 'x'),
        ]
        got = self.forwarded(fields)
        for name, value in fields:
            if name != 'Forwarded':  # a trusted matter, see there
                self.assertEqual(got.all(name), [value.encode()], name)

    def test_via(self):
        got = self.forwarded()
        self.assertEqual(len(got.list('via')), 1)
        self.assertRegex(got.list('via')[0], VIA)
        self.assertTrue(got.list('via')[0].startswith(b'1.1 '))
        self.assertTrue(self.forwarded(version='1.0').list('via')[0].startswith(b'1.0 '))

    def test_via_is_appended(self):
        got = self.forwarded(
            [('Via', '1.0 fred, 1.1 p.example.net (Apache/1.1)'), ('Via', 'HTTP/1.1 x')]
        )
        self.assertEqual(
            got.list('via')[:3], [b'1.0 fred', b'1.1 p.example.net (Apache/1.1)', b'HTTP/1.1 x']
        )
        self.assertEqual(len(got.list('via')), 4)
        self.assertRegex(got.list('via')[3], VIA)

    def test_the_pseudonym_is_the_same_for_a_process(self):
        self.assertEqual(self.forwarded().get('via'), self.forwarded().get('via'))

    def test_a_loop_is_detected(self):
        own = self.forwarded().list('via')[0].decode()
        for via in (
            own,
            '1.0 fred, ' + own,
            own + ', 1.1 fred',
            own.replace('1.1 ', '1.0 '),
            own.replace('1.1 ', 'HTTP/1.1 '),
            own + ' (comment)',
        ):
            with self.subTest(via):
                self.shard.reset()
                answer = self.get('/', [('Via', via)])
                self.check_own_answer(answer, 508)
                self.assertEqual(self.shard.heads, [])

    def test_what_only_resembles_a_loop(self):
        own = self.forwarded().list('via')[0].decode()
        for via in (own[:-1], '1.1 ringway', '1.1 ringway-00000000x', '1.1 fred'):
            with self.subTest(via):
                self.assertEqual(self.get('/', [('Via', via)]).status, 200)

    def test_x_forwarded_of_a_client_that_is_not_trusted(self):
        got = self.forwarded(
            [
                ('X-Forwarded-For', '6.6.6.6, 7.7.7.7'),
                ('X-Forwarded-Proto', 'https'),
                ('X-Forwarded-Host', 'evil'),
                ('x-forwarded-for', '8.8.8.8'),
            ]
        )
        self.assertEqual(got.list('x-forwarded-for'), [b'127.0.0.1'])
        self.assertEqual(got.all('x-forwarded-proto'), [b'http'])
        self.assertEqual(got.all('x-forwarded-host'), [b'test'])

    def test_x_forwarded_is_added(self):
        got = self.forwarded(host='site.example:8080')
        self.assertEqual(got.all('x-forwarded-for'), [b'127.0.0.1'])
        self.assertEqual(got.all('x-forwarded-proto'), [b'http'])
        self.assertEqual(got.all('x-forwarded-host'), [b'site.example:8080'])

    def test_max_forwards(self):
        for method in ('OPTIONS', 'TRACE'):
            for count, then in (('1', b'0'), ('10', b'9'), ('070', b'69')):
                with self.subTest(method, count=count):
                    self.shard.reset()
                    answer = self.open().ask(method, '/', [('Max-Forwards', count)])
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(
                        [
                            value.lstrip(b'0') or b'0'
                            for value in self.shard.only().all('max-forwards')
                        ],
                        [then],
                    )

    def test_max_forwards_at_its_end(self):
        """OPTIONS and TRACE with 0 are answered here."""
        for method, target in (('OPTIONS', '/'), ('OPTIONS', '*'), ('TRACE', '/')):
            with self.subTest(method, target=target):
                self.shard.reset()
                client = self.open()
                answer = client.ask(method, target, [('Max-Forwards', '0'), ('Cookie', 'secret=1')])
                self.assertIn(answer.status, (200, 204, 405, 501))
                self.assertNotIn(b'secret', answer.body)
                self.assertEqual(self.shard.heads, [])

    def test_max_forwards_means_nothing_to_other_methods(self):
        for method in ('GET', 'POST', 'DELETE'):
            self.shard.reset()
            answer = self.open().ask(method, '/', [('Max-Forwards', '0')])
            self.assertEqual(answer.status, 200)
            self.assertEqual(self.shard.only().all('max-forwards'), [b'0'])


class TrustedTest(http.HttpTestCase):
    """127.0.0.0/8 is in trusted_proxies: what it says about its clients is believed."""

    listener = {'trusted_proxies': ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8']}

    def forwarded(self, fields=(), **options):
        self.shard.reset()
        self.assertEqual(self.get('/', fields, **options).status, 200)
        return self.shard.only()

    def test_for_is_appended(self):
        for before, after in (
            (['1.2.3.4'], [b'1.2.3.4', b'127.0.0.1']),
            (['1.2.3.4, 10.0.0.1'], [b'1.2.3.4', b'10.0.0.1', b'127.0.0.1']),
            (['1.2.3.4', '5.6.7.8'], [b'1.2.3.4', b'5.6.7.8', b'127.0.0.1']),
            ([], [b'127.0.0.1']),
        ):
            with self.subTest(before):
                got = self.forwarded([('X-Forwarded-For', value) for value in before])
                self.assertEqual(got.list('x-forwarded-for'), after)

    def test_proto_and_host_are_kept(self):
        got = self.forwarded(
            [('X-Forwarded-Proto', 'https'), ('X-Forwarded-Host', 'front.example')]
        )
        self.assertEqual(got.list('x-forwarded-proto')[0], b'https')
        self.assertEqual(got.list('x-forwarded-host')[0], b'front.example')

    def test_proto_and_host_are_added(self):
        got = self.forwarded()
        self.assertEqual(got.all('x-forwarded-proto'), [b'http'])
        self.assertEqual(got.all('x-forwarded-host'), [b'test'])

    def test_a_hostile_connection_field_takes_nothing_away(self):
        got = self.forwarded(
            [
                ('Connection', 'X-Forwarded-For, x-forwarded-proto'),
                ('X-Forwarded-For', '1.2.3.4'),
                ('X-Forwarded-Proto', 'https'),
            ]
        )
        self.assertEqual(got.list('x-forwarded-for'), [b'1.2.3.4', b'127.0.0.1'])
        self.assertEqual(got.list('x-forwarded-proto')[0], b'https')


class ResponseFieldsTest(http.HttpTestCase):
    def answered(self, fields, target='/fields', **options):
        self.shard.reset()
        self.shard.on(target, reply(response(200, b'x', fields, **options)))
        answer = self.get(target)
        self.assertEqual((answer.status, answer.body), (200, b'x'))
        return answer

    def test_hop_by_hop_fields_are_removed(self):
        for name, value in HOP_BY_HOP_BACK:
            for connection in (None, name, 'keep-alive,' + name.lower()):
                with self.subTest(name, connection=connection):
                    fields = [(name, value), ('X-End', '1')]
                    if connection:
                        fields.insert(0, ('Connection', connection))
                    answer = self.answered(fields)
                    self.assertEqual(answer.all(name), [])
                    self.assertEqual(answer.all('x-end'), [b'1'])
                    self.assertNotIn(name.lower().encode(), answer.list('connection'))

    def test_fields_that_connection_names_are_removed(self):
        answer = self.answered(
            [('Connection', 'x-one, X-Two'), ('X-One', '1'), ('X-Two', '2'), ('X-Three', '3')]
        )
        self.assertEqual(
            [answer.all(name) for name in ('x-one', 'x-two', 'x-three')], [[], [], [b'3']]
        )

    def test_a_hostile_connection_field(self):
        answer = self.answered(
            [
                ('Connection', 'content-length, date, set-cookie2'),
                ('Date', 'Sun, 06 Nov 1994 08:49:37 GMT'),
            ]
        )
        self.assertEqual(answer.all('content-length'), [b'1'])
        self.assertEqual(answer.all('date'), [b'Sun, 06 Nov 1994 08:49:37 GMT'])

    def test_order_and_repetition(self):
        fields = [
            ('Set-Cookie', 'a=1; Path=/'),
            ('X', '1'),
            ('Set-Cookie', 'b=2, c'),
            ('x', '2'),
            ('Vary', 'a'),
            ('set-cookie', 'c=3'),
            ('Vary', 'b'),
            ('X-Empty', ''),
            ('X-Bytes', 'a\xe9b'),
        ]
        answer = self.answered(fields)
        wanted = [(name.encode(), value.encode('latin-1')) for name, value in fields]
        self.assertEqual([field for field in answer.fields if field in wanted], wanted)

    def test_names_keep_their_case(self):
        answer = self.answered([('x-lower', '1'), ('X-UPPER', '2')])
        self.assertIn((b'x-lower', b'1'), answer.fields)
        self.assertIn((b'X-UPPER', b'2'), answer.fields)

    def test_date_is_added_where_missing(self):
        answer = self.answered([])
        self.assertEqual(len(answer.all('date')), 1)
        self.assertRegex(answer.get('date'), DATE)
        from email.utils import parsedate_to_datetime

        stamp = parsedate_to_datetime(answer.get('date').decode()).timestamp()
        self.assertLess(abs(stamp - rt.time.time()), 5)

    def test_a_date_is_kept(self):
        for date in ('Sun, 06 Nov 1994 08:49:37 GMT', 'nonsense'):
            self.assertEqual(self.answered([('Date', date)]).all('date'), [date.encode()])

    def test_via(self):
        answer = self.answered([('Via', '1.0 fred')])
        self.assertEqual(answer.list('via')[0], b'1.0 fred')
        self.assertEqual(len(answer.list('via')), 2)
        self.assertRegex(answer.list('via')[1], VIA)
        self.assertRegex(self.answered([], version='1.0').list('via')[0], rb'\A1\.0 ' + PSEUDONYM)

    def test_the_connection_of_the_shard_is_its_own(self):
        """Connection: close of a shard closes that connection, not the client's."""
        self.shard.on(
            '/close', fake.reply_and_close(response(200, b'x', [('Connection', 'close')]))
        )
        client = self.open()
        for _ in range(3):
            answer = client.get('/close')
            self.assertEqual((answer.body, answer.closes()), (b'x', False))
        self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_server_is_not_ours_to_change(self):
        self.assertEqual(self.answered([('Server', 'x/1')]).all('server'), [b'x/1'])
        self.assertEqual(self.answered([]).all('server'), [])

    def test_no_debug_unasked(self):
        self.assertEqual(self.answered([]).all('x-ringway-shard'), [])
        self.assertEqual(
            self.answered([('X-Ringway-Shard', 'theirs')]).all('x-ringway-shard'), [b'theirs']
        )


class OwnAnswerTest(http.HttpTestCase):
    """The form of answers that are not a shard's."""

    routes = [{'match': {'path_prefix': '/only/'}, 'key': '{uri}'}]

    def test_no_route(self):
        client = self.open()
        for method in ('GET', 'POST', 'HEAD', 'DELETE', 'X'):
            with self.subTest(method):
                answer = client.ask(method, '/elsewhere', body=b'' if method == 'POST' else None)
                self.check_own_answer(answer, 404, method)
        self.assertFalse(answer.closes(), 'nothing is wrong with the connection')
        self.assertEqual(client.get('/only/x').body, b'a GET /only/x\n')

    def test_no_route_with_a_body(self):
        """The body is not taken for a request."""
        client = self.open()
        client.send(
            request('POST', '/elsewhere', body=request('GET', '/only/smuggled'))
            + request('GET', '/only/x')
        )
        answer = client.response()
        self.check_own_answer(answer, 404)
        if not answer.closes():
            self.assertEqual(client.response().body, b'a GET /only/x\n')
        self.assertEqual(
            [got.target for got in self.shard.heads], [] if answer.closes() else [b'/only/x']
        )

    def test_head_has_the_length_that_get_has(self):
        self.assertEqual(
            self.open().ask('HEAD', '/no').get('content-length'),
            self.get('/no').get('content-length'),
        )

    def test_connection_close_is_honoured_and_said(self):
        client = self.open()
        answer = client.get('/no', [('Connection', 'close')])
        self.assertTrue(answer.closes())
        client.expect_close()

    def test_to_http_1_0(self):
        client = self.open()
        answer = client.get('/no', version='1.0')
        self.check_own_answer(answer, 404)
        client.expect_close()

    def test_reasons_are_those_of_the_rfc(self):
        self.assertEqual(self.get('/no').reason, b'Not Found')
        self.assertEqual(self.exchange(b'x\r\n\r\n').reason, b'Bad Request')

    def test_what_the_client_sent_is_not_shown(self):
        """No reflected markup in the answer."""
        answer = self.get('/<script>alert(1)</script>')
        self.assertNotIn(b'<script', answer.body)
        self.assertIn(answer.status, (400, 404))


class LoopTest(http.HttpTestCase):
    """A pool whose shard is the listener itself."""

    def test_a_real_loop_ends(self):
        port = rt.free_port()
        proxy = self.start(
            {'self': '127.0.0.1:%d' % port}, listener={'bind': '127.0.0.1:%d' % port}
        )
        with http.Stopwatch() as watch:
            answer = self.get('/', proxy=proxy)
        self.assertEqual(answer.status, 508)
        self.assertLess(watch.seconds, 3)

    def test_two_proxies_in_a_row_are_no_loop(self):
        inner = self.start({'a': self.shard})
        outer = self.start({'inner': '127.0.0.1:%d' % inner.address()[1]})
        self.assertEqual(self.get('/deep', proxy=outer).body, b'a GET /deep\n')
        via = self.shard.only().list('via')
        self.assertEqual(len(via), 2)
        self.assertNotEqual(via[0], via[1])
        self.assertTrue(all(re.match(VIA, one) for one in via), via)


if __name__ == '__main__':
    rt.main()
