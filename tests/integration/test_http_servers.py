"""Real servers as shards: nginx, Node.js, Python's http.server in HTTP/1.0 and 1.1.

What comes through the proxy is compared with what the server sends directly; then a gigabyte each
way, with the proxy's memory watched.
"""
import hashlib
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_servers
import http_testing as http
import ringway_testing as rt
from http_testing import request

DATA = random.Random(8).randbytes(200000)
FILES = {'file': DATA, 'small': b'small\n', 'empty': b'', 'page.html': b'<p>hello</p>\n'}
OURS = {b'via', b'date', b'connection', b'keep-alive', b'transfer-encoding', b'content-length'}


class ServersTest(rt.ProcessTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.class_folder
        cls.servers = {
            'nginx': http_servers.Nginx(folder, FILES),
            'node': http_servers.Node(folder),
            'python10': http_servers.PythonServer(folder, FILES, '1.0'),
            'python11': http_servers.PythonServer(folder, FILES, '1.1'),
        }
        for server in cls.servers.values():
            cls.addClassCleanup(server.stop)
        pools = [
            http.pool({name: server.target()}, name=name + '-pool', timeouts={'keep_alive': '2s'})
            for name, server in cls.servers.items()
        ]
        routes = [
            {'match': {'host': name + '.test'}, 'key': '{uri}', 'pool': name + '-pool'}
            for name in cls.servers
        ]
        cls.proxy = cls.class_ringway(http.config(pools, routes, workers=1))

    def both(self, name, raw, method='GET'):
        """The server's own response to [raw], and the one that comes through."""
        responses = []
        for address in (self.servers[name].port, self.proxy.address()):
            with http.HttpClient(address) as client:
                client.send(raw)
                responses.append(
                    client.response(method)
                    if address != self.servers[name].port
                    else self.lenient_response(client, method)
                )
        return responses

    @staticmethod
    def lenient_response(client, method):
        """Of a server that may say HTTP/1.0: only the version is changed before it is read."""
        while b'\r\n' not in client.buffer:
            if not client.fill():
                break
        if client.buffer.startswith(b'HTTP/1.0'):
            client.buffer[:8] = b'HTTP/1.1'
        return client.response(method)

    def same(self, name, raw, method='GET'):
        direct, through = self.both(name, raw, method)
        with self.subTest(name, raw=raw):
            self.assertEqual((through.status, through.reason), (direct.status, direct.reason))
            self.assertEqual(through.body, direct.body)
            for fields in (direct.fields, through.fields):
                self.assertTrue(fields)
            kept = [
                [
                    (field.lower(), value)
                    for field, value in response.fields
                    if field.lower() not in OURS
                ]
                for response in (direct, through)
            ]
            self.assertEqual(kept[0], kept[1])
            if direct.get('content-length') is not None:
                self.assertEqual(through.all('content-length'), direct.all('content-length'))
            self.assertEqual(len(through.all('date')), 1)
        return through

    def request(self, name, target, method='GET', **options):
        return request(method, target, host=name + '.test', **options)

    def test_the_same_comes_through(self):
        for name in ('nginx', 'python10', 'python11'):
            for target in (
                '/static/file',
                '/static/small',
                '/static/empty',
                '/static/page.html',
                '/static/missing',
                '/static',
                '/',
                '/static/',
            ):
                for method in ('GET', 'HEAD'):
                    self.same(name, self.request(name, target, method), method)
            self.same(name, self.request(name, '/static/small', 'BREW'), 'BREW')
        for target in (
            '/hello',
            '/length?size=70000',
            '/chunked?size=70000',
            '/missing',
            '/events',
        ):
            self.same('node', self.request('node', target))
        self.same('nginx', self.request('nginx', '/redirect'))
        self.assertEqual(
            self.same(
                'nginx', self.request('nginx', '/static/file', fields=[('Range', 'bytes=5-9')])
            ).body,
            DATA[5:10],
        )

    def test_uploads(self):
        for chunked in (False, True):
            raw = request('POST', '/count?hash', host='node.test', body=DATA, chunked=chunked)
            direct, through = self.both('node', raw)
            self.assertEqual(json.loads(through.body)['sha1'], hashlib.sha1(DATA).hexdigest())
            self.assertEqual(through.body, direct.body)

    def test_trailers(self):
        direct, through = self.both(
            'node', request('GET', '/trailers', [('TE', 'trailers')], host='node.test')
        )
        self.assertEqual(through.trailers, direct.trailers)
        self.assertEqual(through.trailers, [(b'X-Sum', b'42')])

    def test_early_hints(self):
        direct, through = self.both('node', request('GET', '/hints', host='node.test'))
        self.assertEqual(
            [one.status for one in through.interim], [one.status for one in direct.interim]
        )
        self.assertEqual(through.body, b'hinted')

    def test_connections_of_each_are_kept_as_it_wants(self):
        """Many requests one after the other: no failure at the ends of idle connections."""
        with http.HttpClient(self.proxy.address()) as client:
            for i in range(40):
                for name in self.servers:
                    target = '/hello?%d' % i if name == 'node' else '/static/small?%d' % i
                    client.send(self.request(name, target))
                    answer = client.response()
                    self.assertEqual(
                        (answer.status, answer.body),
                        (200, b'hello from node\n' if name == 'node' else b'small\n'),
                    )


class GigabyteTest(rt.ProcessTestCase):
    """Large transfers: the proxy's memory does not grow with them."""

    LIMIT_KB = 20 * 1024

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.size = 64 << 20 if rt.is_sanitized() else 1 << 30
        cls.node = http_servers.Node(cls.class_folder)
        cls.addClassCleanup(cls.node.stop)
        cls.proxy = cls.class_ringway(http.config([http.pool({'node': cls.node.target()})]))
        cls.url = 'http://127.0.0.1:%d' % cls.proxy.address()[1]

    def curl(self, *args):
        done = subprocess.run(
            ['curl', '-sS', '--fail', '--max-time', '120', *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=130,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-500:])
        return done.stdout

    def transfer(self, run):
        before = http.memory_kb(self.proxy.process.pid)
        run()
        if not rt.is_sanitized():
            self.assertLess(
                http.memory_kb(self.proxy.process.pid, 'VmHWM') - before, self.LIMIT_KB, 'kB'
            )

    def download(self, path):
        out = self.curl(
            '-o',
            '/dev/null',
            '-w',
            '%{size_download}',
            '%s/%s?size=%d' % (self.url, path, self.size),
        )
        self.assertEqual(int(out), self.size)

    def upload(self, *args):
        path = os.path.join(self.folder, 'zeros')
        with open(path, 'wb') as file:
            file.truncate(self.size)
        out = self.curl('-T', path, *args, self.url + '/count')
        self.assertEqual(json.loads(out)['size'], self.size)

    def test_download_with_a_length(self):
        self.transfer(lambda: self.download('length'))

    def test_download_in_chunks(self):
        self.transfer(lambda: self.download('chunked'))

    def test_upload_with_a_length(self):
        self.transfer(self.upload)

    def test_upload_in_chunks(self):
        self.transfer(lambda: self.upload('-H', 'Transfer-Encoding: chunked'))


if __name__ == '__main__':
    rt.main()
