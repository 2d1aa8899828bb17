"""ringway-bench load: real memcached, nginx and proxies, and what goes wrong."""
import csv
import io
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_servers
import ringway_testing as rt
from bench_loading import (Running, Server, answer_each_read, bench, dav_nginx, errors, http_config,
                           load, row)


class ProxyLoadTest(rt.ProcessTestCase):
    """Against a proxy with three shards that work."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shards = {name: cls.class_memcached() for name in ('a', 'b', 'c')}
        pool = rt.pool_config('main', {name: shard.target() for name, shard in cls.shards.items()})
        cls.proxy = cls.class_ringway(rt.proxy_config([pool]))
        cls.proxy.wait_ready()
        cls.target = 'memcached://127.0.0.1:%d' % cls.proxy.address()[1]

    def setUp(self):
        super().setUp()
        for shard in self.shards.values():
            shard.flush()

    def test_closed_loop_after_a_fill(self):
        report = load(self.target, '--fill', '--keys', 2000, '--duration', 1, '--warmup', 0.2)
        totals = report['totals'][0]
        self.assertEqual(totals['misses'], 0)
        self.assertEqual(totals['errors'], 0)
        self.assertEqual(totals['hit_percent'], 100)
        self.assertEqual(totals['hits'], row(report, 'get')['answered'])
        self.assertEqual(row(report, 'all')['answered'],
                         row(report, 'get')['answered'] + row(report, 'set')['answered'])
        self.assertGreater(row(report, 'set')['answered'], 0)
        self.assertAlmostEqual(totals['seconds'], 1, delta=0.3)
        self.assertEqual(sum(self.items(shard) for shard in self.shards.values()), 2000)

    @staticmethod
    def items(shard):
        stats = {}
        shard.direct().send(b'stats\r\n')
        while True:
            line = shard.direct().line()
            if line.strip() == b'END':
                return int(stats[b'curr_items'])
            _, name, value = line.split()
            stats[name] = value

    def test_without_a_fill_gets_miss(self):
        report = load(self.target, '--keys', 2000, '--ratio', '1:0', '--duration', 0.5, '--warmup',
                      0)
        self.assertEqual(report['totals'][0]['hits'], 0)
        self.assertGreater(report['totals'][0]['misses'], 100)
        self.assertEqual(row(report, 'set')['answered'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_percentiles_rise(self):
        everything = row(load(self.target, '--keys', 500, '--duration', 0.5, '--warmup', 0), 'all')
        values = [everything[name] for name in ('p50_us', 'p90_us', 'p99_us', 'p99_9_us', 'max_us')]
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[0], 0)

    def test_open_loop_sends_what_was_asked_for(self):
        """Every request of the schedule is sent and counted."""
        for extra in ([], ['--threads', 2]):
            with self.subTest(extra):
                report = load(self.target, '--keys', 500, '--rate', 500, '--duration', 2,
                              '--warmup', 0.5, *extra)
                self.assertAlmostEqual(row(report, 'all')['answered'], 1000, delta=3)
                self.assertEqual(report['totals'][0]['errors'], 0)

    def test_poisson_arrivals(self):
        report = load(self.target, '--keys', 500, '--rate', 500, '--poisson', '--duration', 2,
                      '--warmup', 0)
        self.assertAlmostEqual(row(report, 'all')['answered'], 1000, delta=150)
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_pipelining_and_threads(self):
        report = load(self.target, '--fill', '--keys', 500, '--pipeline', 16, '--threads', 2,
                      '--connections', 7, '--duration', 0.5, '--warmup', 0)
        self.assertEqual(report['totals'][0]['misses'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_multiget_of_the_etc_mix(self):
        """Keys and values of all sizes, many in a get, chosen by Zipf's distribution."""
        report = load(self.target, '--fill', '--keys', 3000, '--etc', '--mget', 20, '--zipf', 0.99,
                      '--duration', 1, '--warmup', 0)
        self.assertEqual(report['totals'][0]['hits'], 20 * row(report, 'get')['answered'])
        self.assertEqual(report['totals'][0]['misses'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_large_values(self):
        report = load(self.target, '--fill', '--keys', 20, '--value-size', 500000, '--ratio', '1:1',
                      '--connections', 4, '--duration', 0.5, '--warmup', 0)
        self.assertEqual(report['totals'][0]['misses'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_empty_values(self):
        report = load(self.target, '--fill', '--keys', 100, '--value-size', 0, '--mget', 5,
                      '--duration', 0.3)
        self.assertEqual(report['totals'][0]['misses'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_spread_over_the_shards(self):
        """What the proxy counted while it ran, and not before."""
        load(self.target, '--fill', '--keys', 2000, '--duration', 0.3, '--warmup', 0)
        report = load(self.target, '--keys', 2000, '--ratio', '1:0', '--rate', 1000, '--duration',
                      1, '--warmup', 0, '--admin', self.proxy.config['admin']['bind'])
        shards = {shard['shard']: shard for shard in report['shards']}
        self.assertEqual(sorted(shards), ['a', 'b', 'c'])
        answered = row(report, 'get')['answered']
        self.assertEqual(sum(shard['requests'] for shard in shards.values()), answered)
        self.assertEqual(sum(shard['keys'] for shard in shards.values()), answered)
        most = max(shard['requests'] for shard in shards.values())
        self.assertAlmostEqual(report['spread'][0]['max_by_mean'], most / (answered / 3), places=6)
        for name, shard in shards.items():
            self.assertAlmostEqual(shard['ring_percent'], 100 * self.proxy.metric(
                'ringway_shard_ring_share_ratio', shard=name), places=4)
            self.assertAlmostEqual(shard['share_percent'], shard['ring_percent'], delta=8)

    def test_values_of_other_keys_are_errors(self):
        """The right key, the right size, other bytes; and another size."""
        load(self.target, '--fill', '--keys', 100, '--duration', 0.1, '--warmup', 0)
        client = self.client(self.proxy)
        client.ask(b'set bench:.................000000007 0 0 100\r\n%s\r\n' % (b'x' * 100),
                   b'STORED\r\n')
        client.ask(b'set bench:.................000000008 0 0 3\r\nabc\r\n', b'STORED\r\n')
        report = load(self.target, '--keys', 100, '--ratio', '1:0', '--duration', 0.5, '--warmup',
                      0, expect=2)
        self.assertEqual(list(errors(report)), ['wrong-value'])
        self.assertAlmostEqual(errors(report)['wrong-value'] / row(report, 'get')['answered'], 0.02,
                               delta=0.01)
        self.assertEqual({text['text'] for text in report['error_texts']},
                         {'a value with other bytes', 'a value of another size'})
        report = load(self.target, '--keys', 100, '--ratio', '1:0', '--duration', 0.3, '--warmup',
                      0, '--no-verify')
        self.assertEqual(report['totals'][0]['errors'], 0)

    def test_libmemcached(self):
        code, _, err = bench('load', '--target', self.target, '--client', 'libmemcached',
                             '--duration', 0.1)
        if code == 1 and 'without libmemcached' in err:
            self.skipTest('built without libmemcached')
        report = load(self.target, '--fill', '--keys', 500, '--client', 'libmemcached', '--mget', 5,
                      '--connections', 5, '--duration', 0.5, '--warmup', 0)
        self.assertEqual(report['totals'][0]['misses'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)
        self.assertEqual(report['totals'][0]['hits'], 5 * row(report, 'get')['answered'])
        report = load(self.target, '--keys', 500, '--client', 'libmemcached', '--rate', 200,
                      '--connections', 5, '--duration', 1, '--warmup', 0)
        self.assertAlmostEqual(row(report, 'all')['answered'], 200, delta=5)

    def test_a_shard_that_dies(self):
        """Its keys are error answers from then on; the run ends in its time."""
        victim, other = self.memcached(), self.memcached()
        proxy = self.ringway(rt.proxy_config([rt.pool_config('main', {'a': victim.target(),
                                                                      'b': other.target()})]))
        target = 'memcached://127.0.0.1:%d' % proxy.address()[1]
        running = Running(['load', '--target', target, '--json', '--keys', 1000, '--duration', 3,
                           '--warmup', 0, '--rate', 2000, '--timeout', 2])
        time.sleep(1)
        victim.stop()
        began = time.monotonic()
        code, report, _ = running.json()
        self.assertEqual(code, 2)
        self.assertLess(time.monotonic() - began, 10)
        self.assertGreater(errors(report).get('error-reply', 0), 100)
        self.assertLess(errors(report)['error-reply'], row(report, 'all')['answered'] * 0.6)
        self.assertLessEqual(set(errors(report)), {'error-reply', 'timeout'})
        self.assertTrue(any(text['text'].startswith('SERVER_ERROR') for text in report['error_texts']), report)
        self.assertAlmostEqual(row(report, 'all')['answered'] + errors(report).get('timeout', 0),
                               6000, delta=20)

    def test_reports(self):
        """CSV has the rows of JSON, SVG is XML with both charts, text names the percentiles."""
        svg = os.path.join(self.folder, 'load.svg')
        options = ['load', '--target', self.target, '--keys', 100, '--duration', 1.2, '--warmup', 0]
        code, out, err = bench(*options, '--csv', '--svg', svg, '--progress')
        self.assertEqual(code, 0, err)
        first = list(csv.DictReader(io.StringIO(out.split('\n\n')[0])))
        self.assertEqual([line['requests'] for line in first], ['get', 'set', 'all'])
        self.assertGreater(float(first[0]['p99_us']), 0)
        self.assertRegex(err, r'load +1 s +\d+ req/s +[\d.]+ % hits +0 errors')
        drawing = xml.etree.ElementTree.parse(svg).getroot()
        text = ' '.join(drawing.itertext())
        self.assertIn('Latency by percentile', text)
        self.assertIn('Throughput over time', text)
        code, out, err = bench(*options)
        self.assertEqual(code, 0)
        self.assertIn('p99.9', out)
        self.assertEqual(err, '')

    def test_interrupted(self):
        """SIGINT ends it with a report of what there is."""
        running = Running(['load', '--target', self.target, '--json', '--keys', 100, '--duration',
                           60])
        time.sleep(2.5)
        running.popen.send_signal(signal.SIGINT)
        code, report, _ = running.json()
        self.assertEqual(code, 0)
        self.assertGreater(row(report, 'all')['answered'], 100)
        self.assertIn('It was interrupted.', report['notes'])


class ServerLoadTest(rt.ProcessTestCase):
    """Against servers by themselves, most of which misbehave."""

    def stalled(self, *options):
        """The report of a run of 3 s in the middle of which the server stops for one."""
        server = self.memcached()
        running = Running(['load', '--target', 'memcached://' + server.target(), '--json', '--keys',
                           100, '--fill',
                           '--connections', 4, '--duration', 3, '--warmup', 0] + list(options))
        time.sleep(1)
        server.freeze()
        time.sleep(1)
        server.thaw()
        code, report, err = running.json()
        self.assertEqual(code, 0, (err, report))
        return row(report, 'all')

    def test_a_stall_is_not_omitted(self):
        """A third of the requests were due while the server stood still: the open loop says so."""
        latencies = self.stalled('--rate', 1000)
        self.assertAlmostEqual(latencies['answered'], 3000, delta=5)
        self.assertGreater(latencies['p90_us'], 300000)
        self.assertGreater(latencies['max_us'], 700000)

    def test_a_stall_in_a_closed_loop(self):
        """Only the requests that were open are late."""
        latencies = self.stalled()
        self.assertGreater(latencies['max_us'], 700000)
        self.assertLess(latencies['p99_us'], 300000)

    def test_unix_socket(self):
        server = self.memcached(address=os.path.join(self.folder, 'm.sock'))
        report = load('memcached://unix:' + server.address, '--fill', '--keys', 100, '--duration',
                      0.3, '--warmup', 0)
        self.assertEqual(report['totals'][0]['misses'], 0)

    def test_refused(self):
        port = rt.free_port()
        for target in ('memcached://127.0.0.1:%d', 'http://127.0.0.1:%d',
                       'memcached://localhost:%d'):
            code, out, err = bench('load', '--target', target % port, '--duration', 1)
            self.assertEqual((code, out), (2, ''))
            self.assertRegex(err,
                             r'^ringway-bench load: cannot connect to .*: Connection refused\n$')

    def test_unknown_host(self):
        code, _, err = bench('load', '--target', 'memcached://host.invalid:11211')
        self.assertEqual(code, 2)
        self.assertIn('cannot find host.invalid', err)

    def test_a_server_of_another_protocol(self):
        """It ends long before its time."""
        server = Server(self,
                        answer_each_read(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
        began = time.monotonic()
        report = load('memcached://127.0.0.1:%d' % server.port, '--duration', 30, expect=2)
        self.assertLess(time.monotonic() - began, 15)
        self.assertGreater(errors(report)['protocol'], 0)
        self.assertIn('HTTP/1.1 400 Bad Request', report['error_texts'][0]['text'])

    def test_memcached_asked_for_http(self):
        server = Server(self, answer_each_read(b'ERROR\r\n'))
        report = load('http://127.0.0.1:%d' % server.port, '--duration', 30, expect=2)
        self.assertGreater(errors(report)['protocol'], 0)

    def test_a_key_that_was_not_asked_for(self):
        server = Server(self, answer_each_read(b'VALUE other 0 1\r\nx\r\nEND\r\n'))
        report = load('memcached://127.0.0.1:%d' % server.port, '--ratio', '1:0', '--duration', 3,
                      expect=2)
        self.assertGreater(errors(report)['protocol'], 0)
        self.assertIn('not asked for', report['error_texts'][0]['text'])

    def test_more_answers_than_requests(self):
        server = Server(self, answer_each_read(b'END\r\nEND\r\n'))
        report = load('memcached://127.0.0.1:%d' % server.port, '--ratio', '1:0', '--duration', 0.5,
                      expect=2)
        self.assertGreater(errors(report)['protocol'], 0)

    def test_no_answer(self):
        """Each request times out; the run is as long as it was to be, and one time-out."""
        server = Server(self, lambda sock: sock.recv(1) and time.sleep(60))
        began = time.monotonic()
        report = load('memcached://127.0.0.1:%d' % server.port, '--connections', 3, '--duration', 1,
                      '--warmup', 0, '--timeout', 0.4, expect=2)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(list(errors(report)), ['timeout'])
        self.assertIn(errors(report)['timeout'], range(3, 13))
        began = time.monotonic()
        report = load('memcached://127.0.0.1:%d' % server.port, '--connections', 3, '--duration', 1,
                      '--warmup', 0, '--timeout', 0.4, '--rate', 100, expect=2)
        self.assertLess(time.monotonic() - began, 10)
        self.assertGreater(errors(report)['not-sent'], 50)
        self.assertEqual(errors(report)['not-sent'] + errors(report)['timeout'], 100)

    def test_a_fill_that_is_not_answered(self):
        """It gives up by itself."""
        server = Server(self, lambda sock: sock.recv(1) and time.sleep(60))
        began = time.monotonic()
        code, _, err = bench('load', '--target', 'memcached://127.0.0.1:%d' % server.port, '--fill',
                             '--timeout', 0.3, '--duration', 0.5)
        self.assertEqual(code, 2)
        self.assertIn('100000 of 100000 keys could not be stored: no answer in time', err)
        self.assertLess(time.monotonic() - began, 20)

    def test_a_server_that_comes_back(self):
        """Lost requests and refused connections are counted; then it goes on."""
        server = self.memcached()
        running = Running(['load', '--target', 'memcached://' + server.target(), '--json', '--keys',
                           100,
                           '--duration', 5, '--warmup', 0, '--connections', 5, '--rate', 500, '--timeout', 10])
        time.sleep(1)
        server.stop()
        time.sleep(0.5)
        server.start()
        code, report, _ = running.json()
        self.assertEqual(code, 2)
        self.assertGreater(errors(report)['connect'], 0)
        self.assertEqual(set(errors(report)) - {'connect', 'lost'}, set())
        self.assertAlmostEqual(row(report, 'all')['answered'], 2500, delta=20)

    def test_wrong_options(self):
        server = self.memcached()
        target = 'memcached://' + server.target()
        for argv, text in (
                ([], '--target is missing'),
                (['--target', 'gopher://127.0.0.1:70'], 'no protocol that is known'),
                (['--target', 'memcached://127.0.0.1'], 'no port'),
                (['--target', target, '--key-size', 10], '--key-size: found 10'),
                (['--target', target, '--key-size', 251], '--key-size: found 251'),
                (['--target', target, '--value-size', 'big'], '--value-size'),
                (['--target', target, '--ratio', '0:0'], 'GETS:SETS'),
                (['--target', target, '--client', 'telnet'], 'sockets or libmemcached'),
                (['--target', target, '--mget', 5, '--keys', 4], '--mget may not be above --keys'),
                (['--target', target, '--poisson'], '--poisson needs --rate'),
                (['--target', 'http://127.0.0.1:1', '--mget', 2], 'are for memcached'),
                (['--target', 'http://127.0.0.1:1', '--pipeline', 2],
                 '--pipeline is for memcached')):
            with self.subTest(argv):
                code, out, err = bench('load', *argv)
                self.assertEqual((code, out), (1, ''))
                self.assertIn(text, err)

    def test_no_metrics(self):
        server = self.memcached()
        code, out, err = bench('load', '--target', 'memcached://' + server.target(), '--admin',
                               '127.0.0.1:%d' % rt.free_port(), '--duration', 0.1)
        self.assertEqual((code, out), (2, ''))
        self.assertIn('cannot read the metrics of', err)


class HttpLoadTest(rt.ProcessTestCase):
    def test_fill_and_get(self):
        """PUT and GET through a proxy; each body is that of its key; requests of each shard."""
        servers = {name: dav_nginx(self) for name in ('a', 'b')}
        proxy = self.ringway(http_config({name: server.target() for name,
                                          server in servers.items()}))
        target = 'http://127.0.0.1:%d/store' % proxy.address()[1]
        report = load(target, '--fill', '--keys', 300, '--ratio', '10:1', '--value-size', 3000,
                      '--connections', 8,
                      '--duration', 1, '--warmup', 0, '--admin', proxy.config['admin']['bind'])
        self.assertEqual(report['totals'][0]['misses'], 0)
        self.assertEqual(report['totals'][0]['errors'], 0)
        self.assertGreater(row(report, 'set')['answered'], 0)
        # What was open when the time was over is the proxy's count, and not ours.
        self.assertAlmostEqual(sum(shard['requests'] for shard in report['shards']),
                               row(report, 'all')['answered'], delta=8)
        self.assertNotIn('Values were not compared.', report.get('notes', []))

    def test_missing_files_are_misses(self):
        """Of a server that closes after each response, too."""
        for server in (http_servers.PythonServer(self.folder, {}, '1.0'), dav_nginx(self)):
            self.addCleanup(server.stop)
            report = load('http://' + server.target(), '--rate', 200, '--duration', 1, '--warmup',
                          0, '--connections', 4)
            self.assertEqual(report['totals'][0]['misses'], row(report, 'get')['answered'])
            self.assertAlmostEqual(row(report, 'get')['answered'], 200, delta=3)
            self.assertEqual(report['totals'][0]['errors'], 0)

    def test_the_stub(self):
        stub = subprocess.Popen([os.path.join(rt.BUILD_DIR, 'bench', 'ringway-bench-http-stub'),
                                 '--ports',
                                 str(rt.free_port())], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(stub.stdout.close)
        self.addCleanup(stub.wait, rt.PATIENCE)
        self.addCleanup(stub.kill)
        port = int(stub.args[2])
        rt.wait_until(lambda: rt.can_connect(port), 'the stub listens')
        report = load('http://127.0.0.1:%d/4096' % port, '--duration', 0.5, '--warmup', 0)
        self.assertEqual(report['totals'][0]['hit_percent'], 100)
        self.assertEqual(report['totals'][0]['errors'], 0)
        self.assertIn('Values were not compared.', report['notes'])

    def test_statuses_and_bodies(self):
        """5xx are error answers; chunked and unframed bodies are read to their ends."""
        value = b'x' * 10
        for answer, kinds in (
                (b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n', {'error-reply'}),
                (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n%s\r\n0\r\nA: b\r\n\r\n' % value, set()),
                (b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n%s' % value, set()),
                (b'HTTP/1.1 204 No Content\r\n\r\n', set()),
                (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', {'protocol'})):
            with self.subTest(answer):
                server = Server(self, answer_each_read(answer))
                report = load('http://127.0.0.1:%d' % server.port, '--duration', 0.3, '--warmup', 0,
                              '--connections', 2, expect=2 if kinds else 0)
                self.assertEqual(set(errors(report)), kinds, report)
        server = Server(self,
                        lambda sock: sock.recv(65536) and (sock.sendall(b'HTTP/1.1 200 OK\r\n\r\nabc'),
                                                                 sock.close()))
        report = load('http://127.0.0.1:%d' % server.port, '--duration', 0.3, '--warmup', 0,
                      '--connections', 2)
        self.assertGreater(report['totals'][0]['hits'], 5)

    def test_a_body_of_another_key(self):
        server = Server(self, answer_each_read(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'
                                               + b'x' * 100))
        report = load('http://127.0.0.1:%d' % server.port, '--ratio', '1:1', '--duration', 0.3,
                      '--warmup', 0, expect=2)
        self.assertEqual(set(errors(report)), {'wrong-value'})


if __name__ == '__main__':
    rt.main()
