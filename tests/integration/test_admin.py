"""The admin API of a running proxy: what it answers, and that no client can hurt it."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt  # noqa: E402

MAX_CONNECTIONS = 64
TIMEOUT = 10.0  # of an idle or slow admin client


class AdminTestCase(rt.ProcessTestCase):
    """One proxy with two real shards, one of them with a replica that nobody runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shards = [cls.class_memcached(), cls.class_memcached()]
        cls.dead = '127.0.0.1:%d' % rt.free_port()
        pool = rt.pool_config('main', {'s0': cls.shards[0].target(), 's1': cls.shards[1].target()})
        down = rt.pool_config('down', {'gone': cls.dead})
        config = rt.proxy_config([pool, down])
        config['listeners'].append({'bind': '127.0.0.1:%d' % rt.free_port(),
                                    'protocol': 'memcached', 'pool': 'down'})
        cls.proxy = cls.class_ringway(config)
        cls.proxy.wait_ready()
        cls.admin = rt.parse_bind(config['admin']['bind'])

    def raw(self):
        return self.client(self.admin)

    def get_json(self, path):
        status, body = self.proxy.admin(path)
        self.assertEqual(status, 200, body)
        return json.loads(body)


class Documents(AdminTestCase):

    def test_probes(self):
        self.assertEqual(self.proxy.admin('/livez'), (200, b'ok\n'))
        self.assertEqual(self.proxy.admin('/readyz'), (200, b'ok\n'))

    def test_head_is_get_without_body(self):
        connection = http.client.HTTPConnection(*self.admin, timeout=rt.PATIENCE)
        self.addCleanup(connection.close)
        for path in ('/livez', '/readyz', '/metrics', '/pools', '/config'):
            connection.request('HEAD', path)
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            self.assertGreater(int(response.getheader('Content-Length')), 0)
            self.assertEqual(response.read(), b'')

    def test_headers_of_every_answer(self):
        connection = http.client.HTTPConnection(*self.admin, timeout=rt.PATIENCE)
        self.addCleanup(connection.close)
        for path, kind in (('/livez', 'text/plain; charset=utf-8'), ('/pools', 'application/json'),
                           ('/metrics', 'text/plain; version=0.0.4; charset=utf-8'),
                           ('/nothing', 'text/plain; charset=utf-8')):
            connection.request('GET', path)
            response = connection.getresponse()
            body = response.read()
            self.assertEqual(response.getheader('Content-Type'), kind)
            self.assertEqual(response.getheader('Cache-Control'), 'no-store')
            self.assertEqual(int(response.getheader('Content-Length')), len(body))

    def test_unknown_paths_and_methods(self):
        status, body = self.proxy.admin('/nothing')
        self.assertEqual(status, 404)
        for path in ('/livez', '/metrics', '/drain'):
            self.assertIn(path.encode(), body)
        self.assertEqual(self.proxy.admin('/livez', 'DELETE')[0], 405)
        self.assertEqual(self.proxy.admin('/drain')[0], 405)
        with self.raw() as client:
            client.send(b'PUT /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
            client.expect_re(rb'HTTP/1.1 405 .*?\r\nAllow: GET, HEAD\r\n')

    def test_topz(self):
        topz = self.get_json('/topz')
        self.assertEqual(topz['pid'], self.proxy.process.pid)
        self.assertGreater(topz['uptime_seconds'], 0)
        self.assertGreaterEqual(len(topz['threads']), 3)
        self.assertGreater(topz['memory']['resident_bytes'], 500000)
        self.assertGreater(topz['descriptors']['open'], 5)
        self.assertEqual(len(topz['workers']), 2)
        for worker in topz['workers']:
            self.assertLess(worker['loop_lag_seconds'], 5)

    def test_config_is_a_configuration(self):
        config = self.get_json('/config')
        self.assertEqual(config['drain']['timeout'], '2s')
        self.assertEqual([pool['name'] for pool in config['pools']], ['main', 'down'])
        path = os.path.join(self.folder, 'again.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(config, file)
        check = subprocess.run([rt.RINGWAY, '-c', path, '--check'], stdout=subprocess.PIPE,
                                  timeout=rt.PATIENCE, check=False)
        self.assertEqual((check.returncode, check.stdout), (0, b'configuration ok\n'))

    def test_route_is_what_the_command_line_says(self):
        keys = ['key-%d' % i for i in range(50)] + ['a b', 'ü', '50%', 'x+y']
        routes = self.proxy.route(keys, 'main')
        for key in keys:
            quoted = ''.join('%%%02X' % byte for byte in key.encode())
            route = self.get_json('/route?pool=main&key=' + quoted)
            self.assertEqual((route['key'], route['shard'], route['why']), (key, routes[key], 'home'))
        self.assertEqual(self.get_json('/route?pool=main&key=x+y')['key'], 'x+y')
        self.assertEqual(self.proxy.admin('/route?pool=nothing&key=a')[0], 404)
        self.assertEqual(self.proxy.admin('/route?pool=main')[0], 400)
        self.assertEqual(self.proxy.admin('/route?pool=main&key=%4')[0], 400)


class Figures(AdminTestCase):

    def traffic(self):
        """The figures that the next test moves."""
        return [self.proxy.metric(name, pool='main', **labels) or 0 for name, labels in (
            ('ringway_requests_total', {'command': 'set', 'outcome': 'ok'}),
            ('ringway_requests_total', {'command': 'get', 'outcome': 'hit'}),
            ('ringway_requests_total', {'command': 'get', 'outcome': 'miss'}),
            ('ringway_shard_keys_total', {'result': 'hit'}),
            ('ringway_shard_keys_total', {'result': 'miss'}),
            ('ringway_shard_requests_total', {'shard': 's1', 'command': 'set'}),
            ('ringway_request_duration_seconds_count', {'command': 'get'}))]

    def test_traffic_is_counted(self):
        before = self.traffic()
        client = self.client(self.proxy)
        key = self.proxy.keys_on('s1', 1)[0]
        client.ask(b'set %s 0 0 3\r\nabc\r\n' % key, b'STORED\r\n')
        client.ask(b'get %s\r\n' % key, b'VALUE %s 0 3\r\nabc\r\nEND\r\n' % key)
        client.ask(b'get %s-missing\r\n' % key, b'END\r\n')
        moved = [now - then for now, then in zip(self.traffic(), before)]
        self.assertEqual(moved, [1, 1, 1, 1, 1, 1, 2])
        metric = self.proxy.metric
        self.assertGreater(metric('ringway_client_received_bytes_total'), 30)
        self.assertGreater(metric('ringway_shard_sent_bytes_total', shard='s1'), 20)
        self.assertGreaterEqual(metric('ringway_clients'), 1)
        self.assertGreaterEqual(metric('ringway_replica_connects_total', shard='s1'), 1)
        self.assertEqual(metric('ringway_replica_up', shard='s1'), 1)
        pools = self.get_json('/pools')['pools']
        self.assertGreaterEqual(pools[0]['requests'], 3)
        self.assertAlmostEqual(sum(shard['ring_share'] for shard in pools[0]['shards']), 1.0, 6)

    def test_a_shard_that_is_down_is_seen_and_does_not_unready(self):
        client = self.client(self.proxy.address(1))
        for _ in range(5):
            client.send(b'get a\r\n')
            client.expect_re(rb'SERVER_ERROR [^\n]*\r\n')
        rt.wait_until(lambda: self.proxy.metric('ringway_replica_connect_failures_total',
                                                shard='gone') >= 1, 'the failure is counted')
        self.assertEqual(self.proxy.metric('ringway_replica_up', shard='gone'), 0)
        self.assertEqual(self.proxy.admin('/readyz')[0], 200)
        replica = self.get_json('/pools')['pools'][1]['shards'][0]['replicas'][0]
        self.assertEqual(replica['address'], self.dead)
        self.assertIn(replica['state'], ('connecting', 'backoff', 'ejected'))
        self.assertGreaterEqual(replica['connect_failures'], 1)

    def test_exposition_is_well_formed(self):
        text = self.proxy.admin('/metrics')[1].decode()
        self.assertTrue(text.endswith('\n'))
        sample = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)*\})? [0-9.e+-]+$')
        for line in text.splitlines():
            self.assertTrue(line.startswith(('# HELP ', '# TYPE ')) or sample.match(line), line)
        names = [line.split()[2] for line in text.splitlines() if line.startswith('# TYPE ')]
        self.assertEqual(len(names), len(set(names)))
        source = os.path.join(rt.SOURCE_DIR, 'proxy', 'control', 'metrics.def')
        with open(source, encoding='utf-8') as file:
            self.assertEqual(names, re.findall(r'^METRIC\("(\w+)"', file.read(), re.M))

    def test_counters_of_a_scrape_never_fall(self):
        client = self.client(self.proxy)
        last = {}
        for i in range(20):
            client.ask(b'set never-fall %d 0 1\r\nx\r\n' % i, b'STORED\r\n')
            for line in self.proxy.admin('/metrics')[1].decode().splitlines():
                name, _, value = line.rpartition(' ')
                if '_total' in name and not line.startswith('#'):
                    self.assertGreaterEqual(float(value), last.get(name, 0), name)
                    last[name] = float(value)


OK = rb'HTTP/1.1 200 OK\r\n(?:[^\n]+\r\n)*Content-Length: 3\r\n(?:[^\n]+\r\n)*\r\nok\n'


class Connections(AdminTestCase):

    def test_pipelined_requests_are_answered_in_order(self):
        with self.raw() as client:
            client.send(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n' * 50 +
                        b'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n' +
                        b'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
            for _ in range(50):
                client.expect_re(OK)
            client.expect_re(rb'HTTP/1.1 404 .*?\r\n\r\nnot found[^\n]*\n')
            client.expect_re(OK)
            client.expect_close()

    def test_requests_byte_by_byte(self):
        with self.raw() as client:
            for _ in range(2):
                client.send_bytewise(b'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n'
                                     b'abcdGET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
                client.expect_re(rb'HTTP/1.1 405 .*?\r\n\r\nmethod not allowed\n')
                client.expect_re(OK)

    def test_http_1_0_closes_unless_asked(self):
        with self.raw() as client:
            client.send(b'GET /livez HTTP/1.0\r\n\r\n')
            client.expect_re(OK)
            client.expect_close()
        with self.raw() as client:
            for _ in range(2):
                client.send(b'GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
                client.expect_re(OK)

    def test_half_closed_clients_get_their_answers(self):
        with self.raw() as client:
            client.send(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n' * 3)
            client.shutdown_write()
            for _ in range(3):
                client.expect_re(OK)
            client.expect_close()

    def test_bad_requests_are_the_last(self):
        good = b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'
        for request, status in (
                (b'GET /livez HTTP/1.1\nHost: x\n\n', 400),
                (b'GET /livez HTTP/1.1\r\n\r\n', 400),
                (b'GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400),
                (b'GET /livez HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n', 400),
                (b'get a\r\n', 400),
                (b'\x16\x03\x01\x02\x00\n', 400),
                (b'GET /livez HTTP/2.0\r\nHost: x\r\n\r\n', 505),
                (b'POST /drain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 501),
                (b'POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', 413),
                (b'GET /' + b'a' * 9000, 414),
                (b'GET / HTTP/1.1\r\nHost: x\r\nX: ' + b'a' * 9000, 431),
                (b'GET / HTTP/1.1\r\nHost: x\r\n' + b'X: a\r\n' * 128 + b'\r\n', 431)):
            with self.subTest(request[:60]), self.raw() as client:
                client.send(good + request + good)
                client.expect_re(OK)
                client.expect_re(rb'HTTP/1.1 %d [^\n]*\r\n(?:[^\n]+\r\n)*Connection: close\r\n'
                                 rb'(?:[^\n]+\r\n)*\r\n[^\n]+\n' % status)
                client.shutdown_write()
                client.expect_close()
        self.assertEqual(self.proxy.admin('/readyz')[0], 200)

    def test_a_body_that_waits_to_be_asked_for(self):
        with self.raw() as client:
            client.send(b'POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n'
                        b'Expect: 100-continue\r\n\r\n')
            client.expect_re(rb'HTTP/1.1 417 .*?\r\n\r\n[^\n]+\n')
            client.expect_close()

    def test_a_large_refused_body_does_not_lose_the_answer(self):
        with self.raw() as client:
            client.sock.sendall(b'POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n')
            client.sock.sendall(b'x' * 3000000)
            client.expect_re(rb'HTTP/1.1 413 .*?\r\n\r\n[^\n]+\n')

    def test_connections_are_bounded(self):
        clients = [self.raw() for _ in range(MAX_CONNECTIONS)]
        for client in clients:
            client.send(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
            client.expect_re(OK)
        with self.raw() as refused:
            refused.expect_close()
        clients.pop().close()
        rt.wait_until(lambda: self.proxy.admin('/livez')[0] == 200, 'a place is free again')
        for client in clients:
            client.send(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
            client.expect_re(OK)
            client.close()

    def test_slow_and_idle_clients_are_closed(self):
        begin = time.monotonic()
        idle, half, kept, drip = self.raw(), self.raw(), self.raw(), self.raw()
        half.send(b'GET /livez HTTP/1.1\r\nHo')
        kept.send(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
        kept.expect_re(OK)
        for _ in range(10):  # a byte now and then does not keep it open
            drip.sock.sendall(b'G')
            time.sleep(0.5)
        for client in (idle, half, kept, drip):
            client.expect_close()
        self.assertGreater(time.monotonic() - begin, TIMEOUT - 1)

    def test_a_client_that_does_not_read_holds_up_nobody(self):
        client = self.raw()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sock.setblocking(False)
        try:
            for _ in range(2000):
                client.sock.send(b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
        except BlockingIOError:
            pass
        self.assertEqual(self.proxy.admin('/livez')[0], 200)


class UnixSocket(rt.ProcessTestCase):

    def test_admin_on_a_unix_socket(self):
        shard = self.memcached()
        config = rt.proxy_config([rt.pool_config('main', {'s0': shard.target()})])
        path = os.path.join(self.folder, 'admin.sock')
        config['admin'] = {'bind': 'unix:' + path}
        proxy = self.ringway(config)
        with rt.Client(path) as client:
            client.send(b'GET /livez HTTP/1.1\r\nHost:\r\n\r\n')
            client.expect_re(OK)
        proxy.process.stop()
        self.assertFalse(os.path.exists(path))


if __name__ == '__main__':
    rt.main()
