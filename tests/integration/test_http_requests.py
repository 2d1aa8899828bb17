"""Request lines, Host and fields: what is forwarded, how, and what is refused.

RFC 9112 sections 2, 3 and 5. Every refusal is an answer of the proxy's own and the end of the
connection, and no byte of the request reaches a shard.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_testing as http
import ringway_testing as rt
from http_testing import request

FOLLOWER = b'GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n'


class RequestTestCase(http.HttpTestCase):
    def refused(self, raw, status):
        """One answer with [status], a close, nothing at the shard; alone and with more behind."""
        for what, data in (('alone', raw), ('with a request behind', raw + FOLLOWER)):
            with self.subTest(raw[:200], what=what):
                self.shard.reset()
                client = self.open()
                client.send(data)
                method = 'HEAD' if raw.startswith(b'HEAD ') else 'GET'
                answer = client.response(method)
                self.check_own_answer(answer, status, method)
                self.assertTrue(answer.closes(), answer)
                client.expect_close()
                client.close()
                self.assertEqual(self.shard.bytes_received(), [])

    def accepted(self, raw, method='GET'):
        """A 200 of the shard; returns the request as the shard got it."""
        self.shard.reset()
        answer = self.exchange(raw, method)
        self.assertEqual(answer.status, 200, (raw, answer))
        self.shard.check()
        return self.shard.only()


class RequestLineTest(RequestTestCase):
    def test_the_line_is_written_anew(self):
        got = self.accepted(b'GET /a/b?c=d&e HTTP/1.1\r\nHost: test\r\n\r\n')
        self.assertTrue(got.head.startswith(b'GET /a/b?c=d&e HTTP/1.1\r\n'), got.head)

    def test_path_and_query_are_unchanged(self):
        for target in (
            '/',
            '//',
            '/a//b',
            '/./a/../b',
            '/%2e%2E/%41%zz',
            '/?',
            '/??',
            '/?a=b?c',
            '/a;b=c',
            '/a:b@c',
            "/!$&'()*+,;=-._~",
            '/a/',
            '/a?%00',
            '/%',
            '/a?b%',
        ):
            with self.subTest(target):
                got = self.accepted(request('GET', target))
                self.assertEqual(got.target, target.encode())

    def test_methods_are_forwarded(self):
        for method in (
            'GET',
            'PUT',
            'POST',
            'DELETE',
            'PATCH',
            'OPTIONS',
            'TRACE',
            'PROPFIND',
            'X',
            "A!#$%&'*+-.^_`|~9z",
            'M' * 32,
        ):
            with self.subTest(method):
                self.assertEqual(self.accepted(request(method, '/')).method, method.encode())
        self.assertEqual(self.accepted(request('HEAD', '/'), 'HEAD').method, b'HEAD')

    def test_methods_are_case_sensitive(self):
        """`head` is not HEAD: its response has a body."""
        answer = self.exchange(request('head', '/lower'))
        self.assertEqual(answer.body, b'a head /lower\n')
        self.assertEqual(self.exchange(request('get', '/lower')).body, b'a get /lower\n')

    def test_methods_that_are_too_long_or_none(self):
        self.refused(request('M' * 33, '/'), 501)
        self.refused(request('M' * 500, '/'), 501)
        for method in ('G(T', 'G@T', 'GE/T', 'GET:', '"GET"', 'G\x7fT', 'G\xe9T', 'G\x00T', ''):
            self.refused(request(method, '/'), 400)

    def test_versions(self):
        for version in (b'HTTP/1.2', b'HTTP/1.9'):
            with self.subTest(version):
                got = self.accepted(b'GET / %s\r\nHost: test\r\n\r\n' % version)
                self.assertTrue(got.head.startswith(b'GET / HTTP/1.1\r\n'))
                self.assertRegex(got.list('via')[-1], rb'\A1\.[129] ')
        got = self.accepted(b'GET / HTTP/1.0\r\nHost: test\r\n\r\n')
        self.assertTrue(got.head.startswith(b'GET / HTTP/1.1\r\n'), 'our own version')
        for version in (b'HTTP/2.0', b'HTTP/0.9', b'HTTP/3.0', b'HTTP/9.9'):
            self.refused(b'GET / %s\r\nHost: test\r\n\r\n' % version, 505)

    def test_what_is_no_version(self):
        for version in (
            b'HTTP/1',
            b'HTTP/1.',
            b'HTTP/.1',
            b'HTTP/1.10',
            b'HTTP/11',
            b'HTTP/01.1',
            b'HTTP/1.1x',
            b'HTTP/1,1',
            b'http/1.1',
            b'HTTP /1.1',
            b'HTTP/ 1.1',
            b'HTTP/1. 1',
            b'HTTPS/1.1',
            b'HTTP/1.a',
            b'HTTP/+1.1',
            b'HTTP/-1.1',
            b'HTP/1.1',
            b'/1.1',
            b'HTTP/1.1/',
            b'HTTP\\1.1',
            b'x',
        ):
            self.refused(b'GET / %s\r\nHost: test\r\n\r\n' % version, (400, 505))

    def test_the_preface_of_http_2(self):
        self.refused(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', (400, 505))

    def test_white_space_in_the_line(self):
        for line in (
            b'GET  / HTTP/1.1',
            b'GET /  HTTP/1.1',
            b'GET\t/ HTTP/1.1',
            b'GET /\tHTTP/1.1',
            b'GET / HTTP/1.1 ',
            b'GET / HTTP/1.1\t',
            b' GET / HTTP/1.1',
            b'\tGET / HTTP/1.1',
            b'GET /a b HTTP/1.1',
            b'GET /\x0bHTTP/1.1',
            b'GET / \x0cHTTP/1.1',
            b'GET\xa0/ HTTP/1.1',
            b'GET /',
            b'GET',
            b'GET ',
            b'GET  HTTP/1.1',
            b'/ HTTP/1.1',
        ):
            self.refused(line + b'\r\nHost: test\r\n\r\n', (400, 501))

    def test_bytes_that_no_target_has(self):
        for byte in (b'\0', b'\x01', b'\x1f', b'\x7f', b'\r', b'\n'):
            self.refused(b'GET /a%sb HTTP/1.1\r\nHost: test\r\n\r\n' % byte, 400)

    def test_targets_of_no_form(self):
        for target in (
            'a',
            'a/b',
            '*',
            '?a',
            '*a',
            'test',
            '://test/',
            'http:/test/',
            'http//test/',
        ):
            self.refused(request('GET', target), 400)

    def test_one_empty_line_before_the_request_is_ignored(self):
        self.assertEqual(self.accepted(b'\r\n' + request('GET', '/after')).target, b'/after')
        self.refused(b'\r\n\r\n' + request('GET', '/'), 400)
        self.refused(b'\n' + request('GET', '/'), 400)
        self.refused(b'\r' + request('GET', '/'), 400)
        client = self.open()
        client.send(request('GET', '/1') + b'\r\n' + request('GET', '/2'))
        self.assertEqual(client.response().body, b'a GET /1\n')
        self.assertEqual(client.response().body, b'a GET /2\n')

    def test_fragments(self):
        for target in ('/#', '/a#b', '/a?b#c', '/a#b#c', 'http://test/#x'):
            self.refused(request('GET', target), 400)

    def test_asterisk_is_for_options(self):
        self.assertEqual(self.accepted(request('OPTIONS', '*')).target, b'*')
        for method in ('GET', 'POST', 'HEAD', 'TRACE', 'options'):
            self.refused(request(method, '*'), 400)

    def test_connect(self):
        for raw in (
            request('CONNECT', 'example.com:443', host='example.com:443'),
            b'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n',
        ):
            with self.subTest(raw):
                answer = self.exchange(raw)
                self.check_own_answer(answer, 405)
                self.assertEqual(self.shard.bytes_received(), [])
        self.refused(request('CONNECT', '/'), (400, 405))

    def test_octets_that_are_no_characters(self):
        """Bytes beyond ASCII are kept as they are in values, and refused in the line."""
        got = self.accepted(b'GET / HTTP/1.1\r\nHost: test\r\nX: \xff\xfe\xc3\xa9\x80\r\n\r\n')
        self.assertEqual(got.get('x'), b'\xff\xfe\xc3\xa9\x80')
        self.refused(b'GET / HTTP/1.1\r\nHost: test\r\nX\xe9: 1\r\n\r\n', 400)


class AbsoluteFormTest(RequestTestCase):
    def test_it_goes_on_in_origin_form(self):
        for target, path in (
            ('http://test/a?b', '/a?b'),
            ('HTTP://test/', '/'),
            ('http://test', '/'),
            ('http://test?q=1', '/?q=1'),
            ('http://test//x', '//x'),
        ):
            with self.subTest(target):
                got = self.accepted(request('GET', target))
                self.assertEqual(got.target, path.encode())
                self.assertEqual(got.all('host'), [b'test'])

    def test_its_authority_replaces_host(self):
        got = self.accepted(request('GET', 'http://real.test:8080/x', host='other'))
        self.assertEqual(got.all('host'), [b'real.test:8080'])
        self.assertEqual(got.all('x-forwarded-host'), [b'real.test:8080'])
        self.assertNotIn(b'other', got.head)

    def test_host_is_needed_all_the_same(self):
        self.refused(b'GET http://test/ HTTP/1.1\r\n\r\n', 400)
        self.refused(b'GET http://test/ HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n', 400)
        self.refused(b'GET http://test/ HTTP/1.1\r\nHost: a b\r\n\r\n', 400)

    def test_in_http_1_0(self):
        got = self.accepted(b'GET http://test/old HTTP/1.0\r\n\r\n')
        self.assertEqual((got.target, got.all('host')), (b'/old', [b'test']))

    def test_options_of_a_server(self):
        """An empty path with OPTIONS means the server as a whole. RFC 9112 3.2.4"""
        self.assertEqual(self.accepted(request('OPTIONS', 'http://test')).target, b'*')
        self.assertEqual(self.accepted(request('OPTIONS', 'http://test/')).target, b'/')

    def test_user_information_is_refused(self):
        for authority in ('user@test', 'user:password@test', '@test', 'a@b@test', 'user@test:80'):
            self.refused(request('GET', 'http://%s/' % authority), 400)

    def test_authorities_that_are_none(self):
        for authority in ('', ':80', 'te st', 'test:port', 'test:80:80', '[::1', '::1]', '[::1]x'):
            self.refused(request('GET', 'http://%s/' % authority), 400)


class HostTest(RequestTestCase):
    def test_missing_in_1_1(self):
        self.refused(b'GET / HTTP/1.1\r\n\r\n', 400)
        self.refused(b'GET / HTTP/1.2\r\nX: y\r\n\r\n', 400)
        self.refused(b'GET / HTTP/1.1\r\nHosts: test\r\n\r\n', 400)

    def test_repeated(self):
        self.refused(b'GET / HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n', 400)
        self.refused(b'GET / HTTP/1.1\r\nHost: test\r\nX: y\r\nHOST: evil\r\n\r\n', 400)
        self.refused(b'GET / HTTP/1.0\r\nHost: test\r\nHost: evil\r\n\r\n', 400)

    def test_invalid(self):
        for host in (
            'a b',
            'a/b',
            'a?b',
            'a#b',
            'user@a',
            'a\\b',
            'a:b',
            'a:80:80',
            '[::1',
            '[::1]x',
            'a:-1',
            '<a>',
            'a"b',
            'http://a',
        ):
            self.refused(request('GET', '/', host=host), 400)

    def test_valid_ones_are_forwarded(self):
        for host in (
            'test',
            'TEST',
            'a.b-c.example',
            'test:80',
            'test:',
            '127.0.0.1',
            '127.0.0.1:8080',
            '[::1]',
            '[::1]:8080',
            'a_b',
            '%41',
            'x~y',
        ):
            with self.subTest(host):
                self.assertEqual(
                    self.accepted(request('GET', '/', host=host)).all('host'), [host.encode()]
                )

    def test_http_1_0_without_host(self):
        """The shard gets a Host all the same, because it is asked in HTTP/1.1."""
        got = self.accepted(b'GET /old HTTP/1.0\r\n\r\n')
        self.assertEqual(len(got.all('host')), 1)

    def test_an_empty_one_is_valid(self):
        self.assertEqual(self.accepted(b'GET / HTTP/1.1\r\nHost:\r\n\r\n').all('host'), [b''])


class FieldTest(RequestTestCase):
    def with_line(self, line):
        return b'GET / HTTP/1.1\r\nHost: test\r\n' + line + b'\r\nX-After: 1\r\n\r\n'

    def test_names_that_are_none(self):
        for line in (
            b'Name : v',
            b'Name\t: v',
            b': v',
            b'Na me: v',
            b'Na\tme: v',
            b'Name',
            b'Na(me: v',
            b'Na/me: v',
            b'[name]: v',
            b'"name": v',
            b'na\0me: v',
            b'na\x7fme: v',
            b'na,me: v',
            b'n\xc3\xa4me: v',
            b'na@me: v',
            b'=',
            b'na=me',
        ):
            self.refused(self.with_line(line), 400)

    def test_names_that_are_tokens(self):
        for name in (b'a', b"!#$%&'*+-.^_`|~09", b'X_Y', b'X' * 200):
            with self.subTest(name):
                self.assertEqual(
                    self.accepted(self.with_line(name + b': v')).get(name.decode()), b'v'
                )

    def test_space_before_the_first_field(self):
        for white in (b' ', b'\t', b'  \t'):
            self.refused(b'GET / HTTP/1.1\r\n' + white + b'Host: test\r\n\r\n', 400)
            self.refused(b'GET / HTTP/1.1\r\n' + white + b'\r\nHost: test\r\n\r\n', 400)

    def test_folded_lines(self):
        for fold in (
            b'X: a\r\n b',
            b'X: a\r\n\tb',
            b'X:\r\n a',
            b'X: a\r\n \r\nY: b',
            b'X: a\r\n  b\r\n c',
        ):
            self.refused(self.with_line(fold), 400)

    def test_bytes_that_no_value_has(self):
        for value in (
            b'a\0b',
            b'\0',
            b'a\rb',
            b'a\nb',
            b'a\r\rb',
            b'a\n',
            b'a\r',
            b'\ra',
            b'a\x01b',
            b'a\x0bb',
            b'a\x1fb',
            b'a\x7fb',
            b'a\x08',
        ):
            self.refused(self.with_line(b'X: ' + value), 400)

    def test_line_ends(self):
        """CRLF only: a bare LF or CR anywhere in a head is refused."""
        good = b'GET / HTTP/1.1\r\nHost: test\r\nX: y\r\n\r\n'
        for i in range(good.count(b'\r\n')):
            parts = good.split(b'\r\n')
            for end in (b'\n', b'\r', b'\r\r\n', b'\n\r', b' \n', b'\r\0\n'):
                raw = b'\r\n'.join(parts[: i + 1]) + end + b'\r\n'.join(parts[i + 1 :])
                self.refused(raw + b'\r\n\r\n', 400)

    def test_white_space_around_values(self):
        for raw, value in (
            (b' a', b'a'),
            (b'a', b'a'),
            (b'\ta\t', b'a'),
            (b'   a b  ', b'a b'),
            (b'', b''),
            (b'  \t ', b''),
            (b'a\tb', b'a\tb'),
            (b' a  b ', b'a  b'),
        ):
            with self.subTest(raw):
                got = self.accepted(self.with_line(b'X-Value:' + raw))
                self.assertEqual(got.get('x-value'), value)
                self.assertIn(b'X-Value: %s\r\n' % value, got.head)

    def test_unknown_fields_in_their_order(self):
        fields = [
            ('B', '1'),
            ('a', '2'),
            ('B', '3'),
            ('Cookie', 'x=1'),
            ('b', '4'),
            ('Accept', 'a, b'),
            ('Cookie', 'y=2'),
            ('X-Empty', ''),
            ('Authorization', 'Basic eA=='),
            ('Range', 'bytes=0-1'),
            ('If-None-Match', '"x"'),
            ('Cache-Control', 'no-cache'),
            ('Accept', 'c'),
        ]
        got = self.accepted(request('GET', '/', fields))
        have = [(name.decode(), value.decode()) for name, value in got.fields]
        self.assertEqual([field for field in have if field in fields], fields)

    def test_many_fields(self):
        fields = [('X-%d' % i, str(i)) for i in range(100)]
        got = self.accepted(request('GET', '/', fields))
        for name, value in fields:
            self.assertEqual(got.get(name), value.encode())
        self.refused(request('GET', '/', [('X-%d' % i, '') for i in range(1000)]), 431)

    def test_byte_by_byte_and_split(self):
        raw = b'\r\nPOST /split?x HTTP/1.1\r\nHost: test\r\nX: y \r\nContent-Length: 3\r\n\r\nabc'
        client = self.open()
        client.send_bytewise(raw)
        self.assertEqual(client.response().body, b'a POST /split?x\nabc')
        for offset in range(1, len(raw)):
            client.send_split(raw, offset)
            self.assertEqual(client.response().body, b'a POST /split?x\nabc')
        for got in self.shard.requests:
            self.assertEqual((got.get('x'), bytes(got.body)), (b'y', b'abc'))


class RefusedForms(RequestTestCase):
    """Answers to what is refused honour HEAD, and come however the request comes."""

    def test_head(self):
        for raw, status in (
            (b'HEAD /#x HTTP/1.1\r\nHost: test\r\n\r\n', 400),
            (b'HEAD / HTTP/1.1\r\nHost: test\r\nHost: x\r\n\r\n', 400),
            (b'HEAD / HTTP/2.0\r\nHost: test\r\n\r\n', 505),
        ):
            with self.subTest(raw):
                client = self.open()
                client.send(raw)
                answer = client.final_head()
                self.assertEqual(answer.status, status)
                self.assertIsNotNone(answer.get('content-length'))
                rest = client.read_to_end()
                self.assertIn(rest, (b'',), 'HEAD has no body')

    def test_a_bad_line_is_refused_before_the_head_is_complete(self):
        client = self.open()
        client.send(b'GET / HTTP/1.1\nHost: test\r\n')
        self.check_own_answer(client.response(), 400)
        client.expect_close()

    def test_byte_by_byte(self):
        client = self.open()
        for byte in b'GET /a HTTP/1.1\r\nHost : test\r\n\r\n':
            try:
                client.send(bytes([byte]))
            except OSError:
                break
        self.check_own_answer(client.response(), 400)

    def test_tls_by_mistake(self):
        """A TLS client gets a plain 400 and a close."""
        client = self.open()
        client.send(bytes.fromhex('16030100c8010000c40303') + bytes(range(100)) + b'\n\r\n\r\n')
        self.assertEqual(client.response().status, 400)
        client.expect_close()
        self.assertEqual(self.shard.bytes_received(), [])


class FragmentKeyTest(RequestTestCase):
    """A listener with a route whose key uses {fragment}: it may come, and is not forwarded."""

    routes = [
        {'match': {'path_prefix': '/f'}, 'key': ['{fragment}', '{path}']},
        {'match': {'path_prefix': '/'}, 'key': '{uri}'},
    ]

    def test_it_is_not_forwarded(self):
        for target, sent in (
            ('/f#x', '/f'),
            ('/f?a=b#x/y?z', '/f?a=b'),
            ('/f#', '/f'),
            ('/other#x', '/other'),
            ('http://test/f#x', '/f'),
        ):
            with self.subTest(target):
                got = self.accepted(request('GET', target))
                self.assertEqual(got.target, sent.encode())

    def test_the_bytes_of_a_fragment_are_checked(self):
        for byte in (b'\0', b'\r', b'\n', b'\x01', b'\x7f'):
            self.refused(b'GET /f#a%sb HTTP/1.1\r\nHost: test\r\n\r\n' % byte, 400)


if __name__ == '__main__':
    rt.main()
