"""`ringway --route-url`, GET /route?url= and the running proxy say the same of a request."""
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt  # noqa: E402

SHARDS = ('red', 'green', 'blue')


class Origin(http.server.ThreadingHTTPServer):
    """A shard that answers every request with its name."""

    daemon_threads = True

    def __init__(self, name):
        super().__init__(('127.0.0.1', 0), OriginHandler)
        self.name = name
        self.thread = threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05})
        self.thread.start()

    def target(self):
        return '127.0.0.1:%d' % self.server_address[1]

    def stop(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class OriginHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = rt.PATIENCE

    def answer(self):
        body = self.server.name.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = do_PURGE = answer  # names that http.server asks for

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


ROUTES = [
    {'match': {'path_prefix': '/users/', 'method': 'PUT'}, 'key': '{path.2}', 'pool': 'web'},
    {'match': {'path_prefix': '/users/'}, 'key': ['{query.user}', 'id:{path.1-2}'],
     'key_missing': 'error', 'pool': 'web'},
    {'match': {'host': 'shop.test'}, 'key': '{host}{uri}', 'pool': 'web'},
    {'match': {'path_prefix': '/c'}, 'key': ['{cookie.room}', '{header.X-Room}'], 'pool': 'web'},
    {'match': {'path_prefix': '/n/'}, 'key': '{uri}', 'normalize': True, 'pool': 'web'},
    {'match': {'path_prefix': '/ip'}, 'key': '{client_ip}', 'pool': 'web'},
    {'match': {'path_prefix': '/f'}, 'key': '{fragment}', 'pool': 'web'},
]


class Request:
    """[url] in either form, what is asked besides, and what is expected."""

    def __init__(self, url, key=None, route=None, method='GET', headers=(), listener=0, status=200):
        self.url, self.key, self.route = url, key, route
        self.method, self.headers, self.listener = method, list(headers), listener
        self.status = status

    def word(self):
        return self.url if self.method == 'GET' else self.method + ' ' + self.url

    def host_and_target(self):
        match = re.match(r'http://([^/?#]+)(.*)\Z', self.url)
        host, target = match.groups() if match else ('localhost', self.url)
        return host, target if target.startswith('/') else '/' + target


KEYED = [
    Request('/users/7/cart', '7', 1, 'PUT'),
    Request('/users/7/cart', 'id:users/7', 2),
    Request('/users/7?user=anna', 'anna', 2, 'DELETE'),
    Request('/users/7?user=', 'id:users/7', 2),
    Request('http://Shop.Test:8080/x?a=1&b=2', 'shop.test/x?a=1&b=2', 3),
    Request('http://shop.test', 'shop.test/', 3),
    Request('http://shop.test?q', 'shop.test/?q', 3),
    Request('/x', 'shop.test/x', 3, headers=[('Host', 'SHOP.test')]),
    Request('/c', '9', 4, headers=[('Cookie', 'a=b; room=9')]),
    Request('/c', 'blue room', 4, 'PURGE', headers=[('x-room', 'blue room')]),
    Request('/n/%7Ea/./b/../c?x=%7E', '/n/~a/c?x=%7E', 5),
    Request('/x/../n/1', '/n/1', 5),
    Request('/ip', '127.0.0.1', 6),
    Request('/ip', '203.0.113.9', 6, headers=[('X-Forwarded-For', '1.1.1.1, 203.0.113.9')]),
    Request('/f?a=1#tab', 'tab', 7),
    Request('/anything?at=all', '/anything?at=all', 1, listener=1),
    Request('/users/7', '/users/7', 1, 'PUT', listener=1),
] + [Request('/users/%d' % number, '%d' % number, 1, 'PUT') for number in range(100, 130)]

NOT_KEYED = [
    (Request('/nowhere', status=404), None, 'no route: answered with 404'),
    (Request('/users/', route=2, status=400), 'web',
     'no key: answered with 400, by key_missing: error'),
    (Request('/a#b', listener=1, status=400), None, 'refused: answered with 400, '),
    (Request('/c', route=4, status=200), 'web', 'no key: any shard, by key_missing: random'),
]


class Explanations(rt.ProcessTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.origins = {}
        for name in SHARDS:
            cls.origins[name] = Origin(name)
            cls.addClassCleanup(cls.origins[name].stop)
        pool = rt.pool_config('web', {name: origin.target() for name, origin in cls.origins.items()},
                              protocol='http')
        binds = ['127.0.0.1:%d' % rt.free_port() for _ in range(2)]
        cls.config = rt.proxy_config([pool], [
            {'bind': binds[0], 'protocol': 'http', 'routes': ROUTES,
             'trusted_proxies': ['127.0.0.0/8']},
            {'bind': binds[1], 'protocol': 'http', 'pool': 'web'},
        ])
        cls.proxy = cls.class_ringway(cls.config)
        cls.proxy.wait_ready()

    def bind(self, request):
        return self.config['listeners'][request.listener]['bind']

    def explain_by_command(self, request):
        """(exit code, columns) of --route-url."""
        arguments = [rt.RINGWAY, '-c', self.proxy.config_path, '--listener', self.bind(request)]
        for field in request.headers:
            arguments += ['--header', '%s: %s' % field]
        result = subprocess.run(arguments + ['--route-url', request.word()], capture_output=True,
                                text=True, timeout=rt.PATIENCE, env=self.proxy.env, check=False)
        self.assertEqual(result.stderr, '')
        self.assertEqual(result.stdout.count('\n'), 1)
        columns = result.stdout.rstrip('\n').split('\t')
        self.assertEqual(len(columns), 6, columns)
        self.assertEqual(columns[0], request.word())
        return result.returncode, columns

    def explain_by_admin(self, request):
        """The document of GET /route."""
        arguments = [('url', request.url), ('method', request.method),
                     ('listener', self.bind(request))]
        arguments += [('header', '%s: %s' % field) for field in request.headers]
        query = urllib.parse.urlencode(arguments, quote_via=urllib.parse.quote, safe='')
        status, body = self.proxy.admin('/route?' + query)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def send(self, request):
        """(status, body) of the proxy's answer."""
        host, target = request.host_and_target()
        connection = http.client.HTTPConnection(*self.proxy.address(request.listener),
                                                timeout=rt.PATIENCE)
        try:
            connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
            if 'Host' not in dict(request.headers):
                connection.putheader('Host', host)
            for field in request.headers:
                connection.putheader(*field)
            connection.endheaders()
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def test_command_admin_and_proxy_agree(self):
        shards = set()
        for request in KEYED:
            with self.subTest(request.word(), listener=request.listener, headers=request.headers):
                code, columns = self.explain_by_command(request)
                shard = columns[3]
                shards.add(shard)
                self.assertEqual(code, 0)
                self.assertEqual(columns[1:], [
                    'web', request.key, shard, self.origins[shard].target(),
                    '%s route %d' % (self.bind(request), request.route)])
                document = self.explain_by_admin(request)
                self.assertEqual((document['listener'], document['pool'], document['key'],
                                  document['shard'], document['route']['number'],
                                  document['reason']),
                                 (self.bind(request), 'web', request.key, shard, request.route,
                                  'home'))
                self.assertEqual([replica['address'] for replica in document['replicas']],
                                 [self.origins[shard].target()])
                self.assertEqual(self.send(request), (200, shard))
        self.assertEqual(shards, set(SHARDS))

    def test_requests_without_a_certain_shard(self):
        for request, pool, reason in NOT_KEYED:
            with self.subTest(request.word()):
                code, columns = self.explain_by_command(request)
                self.assertEqual(code, 1)
                key = 'random' if request.status == 200 else '-'
                self.assertEqual(columns[1:5], [pool or '-', key, '-', '-'])
                where = self.bind(request)
                if request.route:
                    where += ' route %d' % request.route
                self.assertTrue(columns[5].startswith('%s: %s' % (where, reason)), columns[5])
                document = self.explain_by_admin(request)
                self.assertIsNone(document['shard'])
                self.assertEqual(document['pool'], pool)
                self.assertTrue(document['reason'].startswith(reason), document['reason'])
                self.assertEqual(self.send(request)[0], request.status)

    def test_keys_and_requests_go_to_the_same_shard(self):
        """--route of the key says what --route-url says of the request, with any client."""
        address = '198.51.100.7'
        columns = subprocess.run(
            [rt.RINGWAY, '-c', self.proxy.config_path, '--client', address, '--route-url', '/ip'],
            capture_output=True, text=True, timeout=rt.PATIENCE, env=self.proxy.env,
            check=True).stdout.split('\t')
        self.assertEqual(columns[2], address)
        self.assertEqual(self.proxy.route([address])[address], columns[3])

    def test_many_from_standard_input(self):
        words = ['/users/%d' % number for number in range(1000)]
        result = subprocess.run(
            [rt.RINGWAY, '-c', self.proxy.config_path, '--route-url', '-'],
            input=''.join(word + '\n' for word in words), capture_output=True, text=True,
            timeout=rt.PATIENCE, env=self.proxy.env, check=True)
        lines = [line.split('\t') for line in result.stdout.splitlines()]
        self.assertEqual([line[0] for line in lines], words)
        self.assertEqual([line[2] for line in lines], ['id:users/%d' % i for i in range(1000)])
        self.assertEqual({line[3] for line in lines}, set(SHARDS))

    def test_a_url_that_is_not_encoded_is_not_misread(self):
        status, body = self.proxy.admin('/route?url=/users/7?user=a&b=c')
        self.assertEqual(status, 400)
        self.assertIn('percent-encoded', json.loads(body)['error'])


if __name__ == '__main__':
    rt.main()
