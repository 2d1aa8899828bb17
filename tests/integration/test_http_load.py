"""Bounded loads (balance_factor), and what metrics and the access log say of HTTP requests."""
import json
import os
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import response
from http_testing import request


class BalanceTest(http.HttpTestCase):
    def hot(self, count, **pool_options):
        """[count] requests for one URI, all open at the same time: how many each shard has."""
        shards = [self.fake('s%d' % i) for i in range(4)]
        proxy = self.start({shard.name: shard for shard in shards}, pool_options=pool_options)
        release = threading.Event()
        self.addCleanup(release.set)
        for shard in shards:
            shard.on('/hot', fake.after(release))
        clients = [self.open(proxy) for _ in range(count)]
        for client in clients:
            client.send(request('GET', '/hot'))
        rt.wait_until(
            lambda: sum(len(shard.heads) for shard in shards) == count,
            'all requests are at the shards',
        )
        release.set()
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.home = proxy.route(['/hot'])['/hot']
        self.proxy_used, self.shards_used = proxy, shards
        return {shard.name: len(shard.heads) for shard in shards}

    def test_a_hot_uri_spreads(self):
        loads = self.hot(40, balance_factor=125)
        self.assertLessEqual(max(loads.values()), 15, loads)
        self.assertGreaterEqual(sum(1 for n in loads.values() if n), 4, loads)
        self.assertGreater(self.proxy_used.metric('ringway_pool_overloaded_total', pool='web'), 0)

    def test_a_looser_bound(self):
        """200 percent: no shard has more than twice the mean, and fewer shards are needed."""
        loads = self.hot(40, balance_factor=200)
        self.assertLessEqual(max(loads.values()), 22, loads)
        self.assertGreaterEqual(loads[self.home], 15, loads)

    def test_without_it_a_key_stays(self):
        loads = self.hot(40)
        self.assertEqual(loads[self.home], 40, loads)

    def test_calm_traffic_stays_at_home(self):
        """One request at a time is never too much."""
        shards = [self.fake('s%d' % i) for i in range(4)]
        proxy = self.start(
            {shard.name: shard for shard in shards}, pool_options={'balance_factor': 125}
        )
        targets = ['/%d' % i for i in range(100)]
        homes = proxy.route(targets)
        for target in targets:
            self.assertEqual(self.get(target, proxy=proxy).get('x-shard').decode(), homes[target])
        self.assertEqual(proxy.metric('ringway_pool_overloaded_total', pool='web'), 0)

    def test_afterwards_it_goes_home(self):
        self.hot(40, balance_factor=125)
        for shard in self.shards_used:
            shard.reset()
        for _ in range(10):
            self.assertEqual(
                self.get('/hot', proxy=self.proxy_used).get('x-shard').decode(), self.home
            )


class MetricsTest(http.HttpTestCase):
    routes = [{'match': {'path_prefix': '/x'}, 'key': '{uri}', 'upgrade': True}]
    pool_options = {'timeouts': {'response': '300ms'}, 'health': {'eject_after': 0}}

    def counted(self, name, wanted, **labels):
        """[name] grows by [wanted] while the block runs."""
        proxy = self.proxy

        class Block:
            def __enter__(self):
                self.before = proxy.metric(name, **labels) or 0

            def __exit__(self, kind, *_):
                if kind is None:
                    rt.wait_until(
                        lambda: (proxy.metric(name, **labels) or 0) == self.before + wanted,
                        '%s %s grows by %s from %s, now %s'
                        % (name, labels, wanted, self.before, proxy.metric(name, **labels)),
                        5,
                    )

        return Block()

    def test_requests_by_result(self):
        for status, result in ((200, '2xx'), (302, '3xx'), (404, '4xx'), (500, '5xx')):
            with self.subTest(status):
                self.shard.reset()
                self.shard.on('/x', fake.reply(response(status, b'x')))
                with self.counted(
                    'ringway_http_requests_total', 3, pool='web', method='GET', result=result
                ):
                    with self.counted(
                        'ringway_shard_http_requests_total', 3, pool='web', shard='a', result=result
                    ):
                        for _ in range(3):
                            self.get('/x')
        with self.counted(
            'ringway_http_requests_total', 1, pool='web', method='POST', result='4xx'
        ):
            self.shard.reset()
            self.shard.on('/x', fake.reply(response(409, b'x')))
            self.open().ask('POST', '/x', body=b'y')

    def test_other_methods(self):
        with self.counted('ringway_http_requests_total', 2, pool='web', method='OTHER'):
            client = self.open()
            client.ask('PROPFIND', '/x')
            client.ask('BREW', '/x')

    def test_own_answers(self):
        for raw, status in (
            (request('GET', '/elsewhere'), 404),
            (b'GET  / HTTP/1.1\r\n\r\n', 400),
            (request('CONNECT', 'a:1', host='a:1'), 405),
            (b'GET /x HTTP/3.0\r\nHost: test\r\n\r\n', 505),
        ):
            with self.subTest(status):
                with self.counted('ringway_http_answers_total', 1, status=str(status)):
                    self.exchange(raw)

    def test_a_bad_shard(self):
        self.shard.on('/x', fake.reply(b'garbage\r\n\r\n'))
        with self.counted('ringway_http_answers_total', 1, status='502'):
            with self.counted(
                'ringway_http_requests_total', 1, pool='web', method='GET', result='5xx'
            ):
                self.assertEqual(self.get('/x').status, 502)
        self.shard.reset()
        self.shard.on('/x', fake.hang)
        with self.counted('ringway_http_answers_total', 1, status='504'):
            self.assertEqual(self.get('/x').status, 504)

    def test_cut_and_cancelled(self):
        self.shard.on(
            '/x/cut', fake.reply_and_close(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx')
        )
        with self.counted('ringway_http_requests_total', 1, pool='web', result='cut'):
            client = self.open()
            client.send(request('GET', '/x/cut'))
            with self.assertRaises(http.Truncated):
                client.response()
        self.shard.on('/x/large', fake.stream(1 << 30))
        with self.counted('ringway_http_requests_total', 1, pool='web', result='cancelled'):
            client = self.open()
            client.send(request('GET', '/x/large'))
            client.take(1000)
            client.close()

    def test_tunnels(self):
        self.shard.on(
            '/x',
            fake.reply_and_hang(
                b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n' b'Upgrade: t\r\n\r\n'
            ),
        )
        client = self.open()
        client.send(request('GET', '/x', [('Connection', 'upgrade'), ('Upgrade', 't')]))
        self.assertEqual(client.final_head().status, 101)
        rt.wait_until(
            lambda: self.proxy.metric('ringway_http_tunnels') == 1, 'the tunnel is counted'
        )
        client.close()
        rt.wait_until(lambda: self.proxy.metric('ringway_http_tunnels') == 0, 'its end too')

    def test_bytes_and_latency(self):
        with self.counted('ringway_http_request_duration_seconds_count', 5, pool='web'):
            self.shard.on('/x', fake.reply(response(200, b'z' * 100000)))
            received = self.proxy.metric(
                'ringway_shard_received_bytes_total', pool='web', shard='a'
            )
            sent = self.proxy.metric('ringway_client_sent_bytes_total')
            for _ in range(5):
                self.get('/x')
        self.assertGreater(
            self.proxy.metric('ringway_shard_received_bytes_total', pool='web', shard='a'),
            received + 500000,
        )
        self.assertGreater(self.proxy.metric('ringway_client_sent_bytes_total'), sent + 500000)

    def test_pools_document(self):
        status, body = self.proxy.admin('/pools')
        self.assertEqual(status, 200)
        self.assertIn('web', [pool['name'] for pool in json.loads(body)['pools']])


class AccessLogTest(http.HttpTestCase):
    routes = [{'match': {'path_prefix': '/x'}, 'key': '{path}'}]
    FIELDS = (
        'client',
        'method',
        'host',
        'target',
        'key',
        'pool',
        'shard',
        'replica',
        'status',
        'result',
        'bytes_received',
        'bytes_sent',
        'upstream_us',
        'duration_us',
        'retries',
    )

    def start_logging(self, **log):
        self.log_path = os.path.join(self.folder, 'access.log')
        return self.start(
            {'a': self.shard},
            self.routes,
            pool_options={'health': {'eject_after': 0}},
            log=dict({'access': 'all', 'format': 'json', 'file': self.log_path}, **log),
        )

    def lines(self, count, event='access'):
        def read():
            with open(self.log_path, encoding='utf-8') as log:
                lines = [json.loads(line) for line in log if line.startswith('{')]
            lines = [line for line in lines if line.get('event') == event]
            return lines if len(lines) >= count else None

        return rt.wait_until(read, '%d lines of the access log' % count)

    def test_a_line_a_request(self):
        proxy = self.start_logging()
        client = self.open(proxy)
        client.get('/x/1?q', host='site.example')
        client.ask('POST', '/x/2', body=b'y' * 1000)
        client.get('/elsewhere')
        lines = self.lines(3)
        self.assertEqual(len(lines), 3)
        for line in lines:
            self.assertLessEqual(set(self.FIELDS), set(line), line)
        first, second, third = lines
        self.assertEqual(
            (
                first['method'],
                first['target'],
                first['host'],
                first['key'],
                first['pool'],
                first['shard'],
                first['replica'],
                first['status'],
                first['result'],
                first['retries'],
            ),
            (
                'GET',
                '/x/1?q',
                'site.example',
                '/x/1',
                'web',
                'a',
                self.shard.target(),
                200,
                '2xx',
                0,
            ),
        )
        self.assertTrue(first['client'].startswith('127.0.0.1'), first)
        self.assertEqual(first['bytes_sent'], len(b'a GET /x/1?q\n'))
        self.assertEqual(
            (second['method'], second['bytes_received'], second['bytes_sent']),
            ('POST', 1000, 1000 + len(b'a POST /x/2\n')),
        )
        self.assertGreater(second['upstream_us'], 0)
        self.assertGreaterEqual(second['duration_us'], second['upstream_us'])
        self.assertEqual((third['status'], third['pool'], third['shard']), (404, '-', '-'))

    def test_failures(self):
        proxy = self.start_logging(access='errors')
        self.shard.on('/x/bad', fake.reply(b'garbage\r\n\r\n'))
        self.shard.on(
            '/x/cut', fake.reply_and_close(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx')
        )
        self.shard.on('/x/500', fake.reply(response(500, b'x')))
        self.get('/x/fine', proxy=proxy)
        self.get('/x/bad', proxy=proxy)
        client = self.open(proxy)
        client.send(request('GET', '/x/cut'))
        with self.assertRaises(http.Truncated):
            client.response()
        self.get('/x/500', proxy=proxy)
        lines = self.lines(3)
        self.assertEqual(
            [(line['target'], line['result']) for line in lines],
            [('/x/bad', '5xx'), ('/x/cut', 'cut'), ('/x/500', '5xx')],
        )

    def test_a_retry_is_noted(self):
        proxy = self.start_logging()
        self.get('/x/warm', proxy=proxy)
        self.shard.on('/x/lost', fake.close, times=1)
        self.assertEqual(self.get('/x/lost', proxy=proxy).status, 200)
        self.assertEqual([line['retries'] for line in self.lines(2)], [0, 1])

    def test_one_line_whatever_comes(self):
        """No request can write a line of its own into the log."""
        proxy = self.start_logging(format='text')
        client = self.open(proxy)
        client.get('/x/%0a%0dX"\'\\', [('X', '"')])
        client.send(b'GET /x/\xff\xfe"{} HTTP/1.1\r\nHost: test\r\n\r\n')
        client.fill(1)

        def read():
            with open(self.log_path, 'rb') as log:
                return [line for line in log if b' access ' in line] or None

        for line in rt.wait_until(read, 'lines of the access log'):
            self.assertRegex(line, rb'\A[ -~]+\n\Z')
            self.assertTrue(re.search(rb' target="', line), line)


if __name__ == '__main__':
    rt.main()
