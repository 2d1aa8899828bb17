"""Real clients: curl, Python's http.client, Node.js, ab, wrk and h2load, in front of real servers.

Each body is compared with what the server is known to send; each tool must report no failure.
"""
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_servers
import http_testing as testing
import ringway_testing as rt

DATA = random.Random(7).randbytes(300000)


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise AssertionError('%s is missing: see deploy/local/packages.sh' % name)
    return path


class RealClientTestCase(rt.ProcessTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = http_servers.Node(cls.class_folder)
        cls.addClassCleanup(cls.node.stop)
        cls.nginx = http_servers.Nginx(cls.class_folder, {'file': DATA, 'small': b'small\n'})
        cls.addClassCleanup(cls.nginx.stop)
        config = testing.config(
            [
                testing.pool({'node': cls.node.target()}),
                testing.pool({'nginx': cls.nginx.target()}, name='static'),
            ],
            [
                {'match': {'path_prefix': '/static/'}, 'key': '{uri}', 'pool': 'static'},
                {'match': {'path_prefix': '/'}, 'key': '{uri}', 'upgrade': True},
            ],
        )
        cls.proxy = cls.class_ringway(config)
        cls.port = cls.proxy.address()[1]

    def url(self, path):
        return 'http://127.0.0.1:%d%s' % (self.port, path)

    def run_tool(self, name, *args, stdin=None, timeout=60):
        """Standard output of [name], which must succeed."""
        done = subprocess.run(
            [tool(name)] + list(args),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
        )
        self.assertEqual(done.returncode, 0, (args, done.stderr[-500:], done.stdout[-500:]))
        return done.stdout


class CurlTest(RealClientTestCase):
    def curl(self, path, *args, **options):
        return self.run_tool(
            'curl', '-sS', '--fail', '--max-time', '20', *args, self.url(path), **options
        )

    def test_downloads(self):
        for version in ('--http1.1', '--http1.0'):
            with self.subTest(version):
                self.assertEqual(self.curl('/static/file', version), DATA)
                self.assertEqual(self.curl('/hello', version), b'hello from node\n')
                self.assertEqual(len(self.curl('/chunked?size=1000000', version)), 1000000)
                self.assertEqual(len(self.curl('/length?size=1000000', version)), 1000000)

    def test_head_and_ranges(self):
        head = self.curl('/static/file', '-I')
        self.assertIn(b'\r\nContent-Length: 300000\r\n', head)
        self.assertEqual(self.curl('/static/file', '-r', '1000-1999'), DATA[1000:2000])
        self.assertEqual(self.curl('/static/file', '-r', '-5'), DATA[-5:])

    def test_uploads(self):
        sha1 = hashlib.sha1(DATA).hexdigest()
        for args in (
            ('--data-binary', '@-'),
            ('-T', '-'),
            ('-T', '-', '-H', 'Transfer-Encoding:', '-H', 'Content-Length: %d' % len(DATA)),
            ('--data-binary', '@-', '-H', 'Expect: 100-continue', '--expect100-timeout', '10'),
            ('-T', '-', '-H', 'Expect: 100-continue', '--expect100-timeout', '10'),
            ('-T', '-', '-H', 'Expect:'),
            ('--http1.0', '--data-binary', '@-'),
        ):
            with self.subTest(args):
                got = json.loads(self.curl('/count?hash', *args, stdin=DATA))
                self.assertEqual((got['size'], got['sha1']), (len(DATA), sha1))

    def test_the_wait_for_100_is_short(self):
        """100 comes through: curl does not wait for its own timeout."""
        out = self.curl(
            '/count',
            '--data-binary',
            '@-',
            '-H',
            'Expect: 100-continue',
            '--expect100-timeout',
            '15',
            '-w',
            '%{time_total}',
            stdin=DATA,
        )
        self.assertLess(float(re.search(rb'[0-9.]+\Z', out).group()), 10)

    def test_an_echo(self):
        self.assertEqual(self.curl('/echo', '-T', '-', stdin=DATA), DATA)

    def test_one_connection_for_many(self):
        out = self.run_tool(
            'curl',
            '-sS',
            '--fail',
            '--max-time',
            '20',
            '-w',
            '%{num_connects}\n',
            *['-o/dev/null'] * 20,
            *[self.url('/hello?%d' % i) for i in range(20)]
        )
        self.assertEqual(out.split(), [b'1'] + [b'0'] * 19)

    def test_conditional(self):
        head = self.curl('/static/small', '-I')
        etag = re.search(rb'(?i)\r\nETag: ([^\r]+)', head).group(1).decode()
        out = self.curl('/static/small', '-H', 'If-None-Match: ' + etag, '-w', '%{http_code}')
        self.assertEqual(out, b'304')

    def test_as_a_proxy(self):
        """curl -x sends absolute-form."""
        out = self.run_tool(
            'curl', '-sS', '--fail', '-x', self.url(''), 'http://any.example/fields?x'
        )
        got = json.loads(out)
        self.assertEqual(got['url'], '/fields?x')
        fields = [name.lower() for name in got['raw'][::2]]
        self.assertEqual(got['raw'][fields.index('host') * 2 + 1], 'any.example')
        self.assertNotIn('proxy-connection', fields)

    def test_trailers(self):
        out = self.curl('/trailers', '--raw', '-H', 'TE: trailers')
        self.assertIn(b'\r\n0\r\nX-Sum: 42\r\n\r\n', out)


class PythonTest(RealClientTestCase):
    def test_kept_alive(self):
        client = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        self.addCleanup(client.close)
        for i in range(20):
            client.request('GET', '/fields?%d' % i)
            self.assertEqual(json.loads(client.getresponse().read())['url'], '/fields?%d' % i)
        client.request('HEAD', '/static/file')
        response = client.getresponse()
        self.assertEqual((response.read(), response.getheader('Content-Length')), (b'', '300000'))
        client.request('GET', '/static/missing')
        response = client.getresponse()
        self.assertEqual(
            (response.status, len(response.read())),
            (404, int(response.getheader('Content-Length'))),
        )

    def test_bodies(self):
        client = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        self.addCleanup(client.close)
        sha1 = hashlib.sha1(DATA).hexdigest()
        client.request('POST', '/count?hash', body=DATA)
        self.assertEqual(json.loads(client.getresponse().read())['sha1'], sha1)
        pieces = (DATA[i : i + 7000] for i in range(0, len(DATA), 7000))
        client.request(
            'POST',
            '/count?hash',
            body=pieces,
            encode_chunked=True,
            headers={'Transfer-Encoding': 'chunked'},
        )
        self.assertEqual(json.loads(client.getresponse().read())['sha1'], sha1)
        client.request('POST', '/echo', body=DATA)
        self.assertEqual(client.getresponse().read(), DATA)


class NodeTest(RealClientTestCase):
    def test_requests_bodies_and_websockets(self):
        script = os.path.join(rt.SOURCE_DIR, 'tests', 'support', 'http_node_client.js')
        out = self.run_tool('node', script, str(self.port))
        self.assertRegex(out, rb'\Aok [0-9]+\n\Z')


class LoadToolsTest(RealClientTestCase):
    """Tools that count failures themselves."""

    def n_requests(self):
        return 1000 if rt.is_sanitized() else 4000

    def test_ab(self):
        for args in (['-k'], []):
            for path in ('/static/small', '/static/file', '/hello'):
                with self.subTest(args, path=path):
                    count = self.n_requests() // 4
                    out = self.run_tool(
                        'ab', '-q', '-n', str(count), '-c', '20', *args, self.url(path)
                    ).decode()
                    self.assertRegex(out, r'Complete requests: +%d\n' % count)
                    self.assertRegex(out, r'Failed requests: +0\n')
                    self.assertNotIn('Non-2xx', out)
                    if args:
                        self.assertRegex(
                            out,
                            r'Keep-Alive requests: +%d\n' % count
                            if path != '/hello'
                            else r'Keep-Alive',
                        )

    def test_ab_uploads(self):
        body = os.path.join(self.folder, 'body')
        with open(body, 'wb') as file:
            file.write(DATA)
        out = self.run_tool(
            'ab', '-q', '-k', '-n', '100', '-c', '10', '-p', body, '-T', 'a/b', self.url('/count')
        ).decode()
        self.assertRegex(out, r'Complete requests: +100\n')
        self.assertRegex(out, r'Failed requests: +0\n')
        self.assertNotIn('Non-2xx', out)

    def test_wrk(self):
        for path in ('/static/small', '/static/file'):
            out = self.run_tool(
                'wrk', '-t', '1', '-c', '20', '-d', '1s', '--timeout', '10', self.url(path)
            ).decode()
            self.assertNotIn('Socket errors', out)
            self.assertNotIn('Non-2xx', out)
            self.assertGreater(int(re.search(r'(\d+) requests in', out).group(1)), 100)

    def test_memory_after_many_requests(self):
        """The tenth thousand costs no memory that the first has not."""

        def run(count):
            self.run_tool('h2load', '--h1', '-n', str(count), '-c', '30', self.url('/static/file'))
            self.run_tool('ab', '-q', '-n', str(count // 4), '-c', '10', self.url('/static/small'))
            return testing.memory_kb(self.proxy.process.pid)

        before = run(self.n_requests())
        after = run(2 * self.n_requests())
        if not rt.is_sanitized():
            self.assertLess(after - before, 512, 'kB')

    def test_h2load(self):
        """Pipelining too: -m with --h1 keeps that many requests open on a connection."""
        count = self.n_requests()
        for streams in ('1', '8'):
            out = self.run_tool(
                'h2load',
                '--h1',
                '-n',
                str(count),
                '-c',
                '10',
                '-m',
                streams,
                self.url('/static/small'),
            ).decode()
            self.assertIn(
                '%d total, %d started, %d done, %d succeeded, 0 failed, 0 errored, 0 timeout'
                % ((count,) * 4),
                out,
            )
            self.assertIn('status codes: %d 2xx' % count, out)


if __name__ == '__main__':
    rt.main()
