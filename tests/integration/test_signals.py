"""A process from start to end: binding, exit codes, signals, draining, log files."""
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt  # noqa: E402


def milliseconds(seconds):
    return '%dms' % int(seconds * 1000)


class SignalTestCase(rt.ProcessTestCase):

    def start(self, delay=0.0, timeout=5.0, shard=None, **options):
        """A proxy in front of one shard, ready."""
        where = shard or self.memcached().target()
        config = rt.proxy_config([rt.pool_config('main', {'s0': where},
                                                 timeouts={'connect': '2s', 'request': '60s'})],
                                 drain={'delay': milliseconds(delay),
                                        'timeout': milliseconds(timeout)}, **options)
        proxy = self.ringway(config)
        proxy.wait_ready()
        return proxy

    def run_once(self, config):
        """Start a proxy that is expected to fail: (exit code, what it wrote)."""
        path = os.path.join(self.folder, 'once.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            rt.json.dump(config, file)
        done = subprocess.run([rt.RINGWAY, '-c', path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=rt.PATIENCE, check=False)
        return done.returncode, done.stdout.decode()

    def wait_log(self, proxy, pattern):
        rt.wait_until(lambda: re.search(pattern, proxy.process.log()), 'the log says %r' % pattern)


class Start(SignalTestCase):

    def test_the_log_says_what_runs_where(self):
        proxy = self.start()
        port = proxy.address()[1]
        for line in (rb'ringway \d+\.\d+\.\d+', rb'pool main: 1 shards, 1 replicas',
                     rb'listening on memcached://127\.0\.0\.1:%d\n' % port, rb'admin on http://127'):
            self.wait_log(proxy, line)

    def test_ready_at_once(self):
        config = rt.proxy_config([rt.pool_config('main', {'s0': self.memcached().target()})])
        path = os.path.join(self.folder, 'fast.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            rt.json.dump(config, file)
        best = 60.0
        for _ in range(3):
            begin = time.monotonic()
            process = rt.Process('ringway', [rt.RINGWAY, '-c', path], self.folder)
            self.addCleanup(process.stop, signal.SIGKILL)
            admin = rt.parse_bind(config['admin']['bind'])
            rt.wait_until(lambda: rt.can_connect(admin), 'the admin API listens', interval=0.001)
            with rt.Client(admin) as client:
                rt.wait_until(lambda: self.is_ready(client), 'it is ready', interval=0.001)
            best = min(best, time.monotonic() - begin)
            self.assertEqual(process.stop(), 0)
        # 20 ms is the goal; starting the launcher and a loaded machine come on top of it.
        self.assertLess(best, 2.0)

    @staticmethod
    def is_ready(client):
        client.send(b'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n')
        status = client.expect_re(rb'HTTP/1.1 (\d+) .*?\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n')
        client.take(int(status.group(2)))
        return status.group(1) == b'200'

    def test_port_0_is_one_port_for_all_workers(self):
        shard = self.memcached()
        config = rt.proxy_config([rt.pool_config('main', {'s0': shard.target()})],
                                 listeners=[{'bind': '127.0.0.1:0', 'pool': 'main'}], workers=4)
        path = os.path.join(self.folder, 'zero.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            rt.json.dump(config, file)
        process = rt.Process('ringway', [rt.RINGWAY, '-c', path], self.folder)
        self.addCleanup(process.stop, signal.SIGKILL)
        said = rt.wait_until(lambda: re.search(rb'memcached://127\.0\.0\.1:(\d+)', process.log()),
                             'it says its port')
        port = int(said.group(1))
        self.assertGreater(port, 0)
        for _ in range(40):  # connections spread over the workers' sockets
            with rt.Client(port) as client:
                client.ask(b'mn\r\n', b'MN\r\n')
        self.assertEqual(process.stop(), 0)

    def test_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(('::1', 0))
        except OSError:
            self.skipTest('no IPv6 here')
        port = rt.free_port()
        proxy = self.start(listeners=[{'bind': '[::1]:%d' % port, 'pool': 'main'},
                                      {'bind': '127.0.0.1:%d' % port, 'pool': 'main'}])
        self.client(('::1', port)).ask(b'mn\r\n', b'MN\r\n')
        self.client(('127.0.0.1', port)).ask(b'mn\r\n', b'MN\r\n')
        self.wait_log(proxy, rb'listening on memcached://\[::1\]:%d\n' % port)

    def test_a_host_name_is_resolved(self):
        port = rt.free_port()
        proxy = self.start(listeners=[{'bind': 'localhost:%d' % port, 'pool': 'main'}])
        self.wait_log(proxy, rb'listening on memcached://(127\.0\.0\.1|\[::1\]):%d\n' % port)
        rt.wait_until(lambda: rt.can_connect(('localhost', port)), 'it listens')


class CannotStart(SignalTestCase):

    def config(self, **listener):
        return rt.proxy_config([rt.pool_config('main', {'s0': '127.0.0.1:1'})],
                               listeners=[dict({'pool': 'main'}, **listener)])

    def assert_cannot_bind(self, config, address, why):
        code, output = self.run_once(config)
        self.assertEqual(code, 2, output)
        self.assertRegex(output, 'cannot bind %s: %s\n' % (re.escape(address), why))
        self.assertEqual(len([line for line in output.splitlines() if ' error ' in line]), 1, output)

    def test_a_bad_configuration_is_1(self):
        config = self.config(bind='127.0.0.1:0')
        config['nonsense'] = 1
        code, output = self.run_once(config)
        self.assertEqual(code, 1)
        self.assertIn('nonsense', output)

    def test_a_port_in_use(self):
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            bind = '127.0.0.1:%d' % other.getsockname()[1]
            self.assert_cannot_bind(self.config(bind=bind), bind, 'address in use')

    def test_a_port_that_another_proxy_shares_with_its_workers(self):
        proxy = self.start()
        bind = proxy.config['listeners'][0]['bind']
        self.assert_cannot_bind(self.config(bind=bind), bind, 'address in use')
        self.client(proxy).ask(b'mn\r\n', b'MN\r\n')

    def test_the_admin_port_in_use(self):
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            config = self.config(bind='127.0.0.1:0')
            config['admin']['bind'] = '127.0.0.1:%d' % other.getsockname()[1]
            self.assert_cannot_bind(config, config['admin']['bind'], 'address in use')

    def test_addresses_that_are_not_ours(self):
        self.assert_cannot_bind(self.config(bind='192.0.2.1:1'), '192.0.2.1:1', '.+')
        self.assert_cannot_bind(self.config(bind='no-such-host.invalid:1'),
                                'no-such-host.invalid:1', '.+')

    def test_a_unix_socket_that_cannot_be(self):
        self.assert_cannot_bind(self.config(bind='unix:/nonexistent/r.sock'),
                                'unix:/nonexistent/r.sock', 'No such file or directory')
        path = os.path.join(self.folder, 'file')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('precious')
        self.assert_cannot_bind(self.config(bind='unix:' + path), 'unix:' + path,
                                'the file exists and is not a socket')
        with open(path, encoding='utf-8') as file:
            self.assertEqual(file.read(), 'precious')

    def test_nothing_stays_behind(self):
        path = os.path.join(self.folder, 'r.sock')
        config = self.config(bind='unix:' + path)
        config['listeners'].append({'bind': '192.0.2.1:1', 'pool': 'main'})
        code, output = self.run_once(config)
        self.assertEqual(code, 2, output)
        self.assertFalse(os.path.exists(path))

    def test_a_log_that_cannot_be_opened(self):
        config = self.config(bind='127.0.0.1:0')
        config['log'] = {'file': '/nonexistent/log'}
        code, output = self.run_once(config)
        self.assertEqual((code, output),
                         (2, 'cannot open log file /nonexistent/log: No such file or directory\n'))


class UnixSockets(SignalTestCase):

    def start_unix(self, path, **options):
        return self.start(listeners=[dict({'bind': 'unix:' + path, 'pool': 'main'}, **options)])

    def test_mode_and_removal(self):
        path = os.path.join(self.folder, 'r.sock')
        proxy = self.start_unix(path, mode='0600')
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        for _ in range(10):
            with rt.Client(path) as client:
                client.ask(b'mn\r\n', b'MN\r\n')
        self.assertEqual(proxy.process.stop(), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_stale_socket_is_replaced_and_a_live_one_is_not(self):
        path = os.path.join(self.folder, 'r.sock')
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        proxy = self.start_unix(path)
        with rt.Client(path) as client:
            client.ask(b'mn\r\n', b'MN\r\n')
        config = rt.proxy_config([rt.pool_config('main', {'s0': '127.0.0.1:1'})],
                                 listeners=[{'bind': 'unix:' + path, 'pool': 'main'}])
        code, output = self.run_once(config)
        self.assertEqual(code, 2)
        self.assertIn('cannot bind unix:%s: address in use\n' % path, output)
        with rt.Client(path) as client:
            client.ask(b'mn\r\n', b'MN\r\n')
        self.assertTrue(proxy.process.alive())

    def test_a_successors_socket_is_not_removed(self):
        path = os.path.join(self.folder, 'r.sock')
        proxy = self.start_unix(path)
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(path)
            self.assertEqual(proxy.process.stop(), 0)
            self.assertTrue(os.path.exists(path))


class Draining(SignalTestCase):

    def hanging(self, **options):
        """A proxy, and a client whose request its frozen shard does not answer."""
        shard = self.memcached()
        proxy = self.start(shard=shard.target(), **options)
        client = self.client(proxy)
        client.ask(b'get a\r\n', b'END\r\n')
        shard.freeze()
        rt.wait_until(lambda: self.is_stopped(shard.process.pid), 'the shard is frozen')
        client.send(b'get a\r\n')
        rt.wait_until(lambda: proxy.metric('ringway_requests_open') == 1, 'the request is open')
        return proxy, client, shard

    @staticmethod
    def is_stopped(pid):
        """Whether every thread has stopped, which is a while after the signal."""
        states = []
        for thread in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/stat' % (pid, thread), encoding='utf-8') as file:
                states.append(file.read().rpartition(')')[2].split()[0])
        return set(states) == {'T'}

    def test_idle_it_stops_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            proxy = self.start()
            self.client(proxy).ask(b'mn\r\n', b'MN\r\n')
            begin = time.monotonic()
            self.assertEqual(proxy.process.stop(number), 0)
            self.assertLess(time.monotonic() - begin, 4.0)  # not the drain timeout

    def test_it_keeps_serving_during_the_delay(self):
        proxy = self.start(delay=1.5)
        client = self.client(proxy)
        begin = time.monotonic()
        proxy.process.kill(signal.SIGTERM)
        rt.wait_until(lambda: proxy.admin('/readyz') == (503, b'draining\n'), 'it is not ready')
        self.assertEqual(proxy.admin('/livez')[0], 200)
        self.assertEqual(proxy.metric('ringway_draining'), 1)
        client.ask(b'set a 0 0 1\r\nx\r\n', b'STORED\r\n')
        self.client(proxy).ask(b'get a\r\n', b'VALUE a 0 1\r\nx\r\nEND\r\n')
        self.assertEqual(proxy.process.wait(), 0)
        self.assertGreaterEqual(time.monotonic() - begin, 1.4)
        client.expect_close()

    def test_an_open_request_is_finished(self):
        proxy, client, shard = self.hanging(timeout=30.0)
        proxy.process.kill(signal.SIGTERM)
        rt.wait_until(lambda: not rt.can_connect(proxy.address()), 'the listener is closed')
        self.assertTrue(proxy.process.alive())
        shard.thaw()
        client.expect(b'END\r\n')
        client.expect_close()
        self.assertEqual(proxy.process.wait(), 0)

    def test_the_deadline_with_open_requests_is_3(self):
        proxy, _, shard = self.hanging(timeout=0.4)
        proxy.allowed_exits = {3}
        begin = time.monotonic()
        proxy.process.kill(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(), 3)
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)
        self.assertIn(b'drain deadline passed with 1 requests open', proxy.process.log())
        shard.thaw()

    def test_a_second_signal_stops_at_once(self):
        proxy, _, shard = self.hanging(timeout=60.0)
        proxy.allowed_exits = {3}
        proxy.process.kill(signal.SIGTERM)
        self.wait_log(proxy, rb'SIGTERM: draining')
        proxy.process.kill(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(5), 3)
        shard.thaw()

    def test_a_second_signal_without_requests_is_0(self):
        proxy = self.start(delay=60.0)
        client = self.client(proxy)
        client.ask(b'mn\r\n', b'MN\r\n')
        proxy.process.kill(signal.SIGINT)
        self.wait_log(proxy, rb'SIGINT: draining')
        proxy.process.kill(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(5), 0)

    def test_post_drain_does_not_stop(self):
        proxy = self.start(timeout=0.3)
        client = self.client(proxy)
        client.ask(b'mn\r\n', b'MN\r\n')
        self.assertEqual(proxy.admin('/drain', 'POST'), (200, b'draining\n'))
        self.assertEqual(proxy.admin('/readyz'), (503, b'draining\n'))
        client.expect_close()
        rt.wait_until(lambda: not rt.can_connect(proxy.address()), 'the listener is closed')
        time.sleep(0.5)  # beyond the drain timeout
        self.assertTrue(proxy.process.alive())
        self.assertEqual(proxy.admin('/drain', 'POST')[0], 200)
        self.assertEqual(proxy.admin('/livez')[0], 200)
        proxy.process.kill(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(5), 0)


class OtherSignals(SignalTestCase):

    def test_hangup_only_says_something(self):
        proxy = self.start()
        client = self.client(proxy)
        proxy.process.kill(signal.SIGHUP)
        self.wait_log(proxy, rb'SIGHUP: this version cannot reload')
        client.ask(b'mn\r\n', b'MN\r\n')

    def test_the_log_is_reopened(self):
        path = os.path.join(self.folder, 'ringway.log')
        proxy = self.start(log={'file': path, 'format': 'json'})
        os.rename(path, path + '.1')
        proxy.process.kill(signal.SIGUSR1)
        rt.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 'a new log')
        with open(path, encoding='utf-8') as file:
            for line in file:
                self.assertIn('message', rt.json.loads(line))
        with open(path + '.1', encoding='utf-8') as file:
            self.assertIn('listening on', file.read())

    def test_a_client_that_vanishes_does_not_kill(self):
        proxy = self.start()
        for _ in range(20):
            client = rt.Client(proxy.address())
            client.send(b'get a\r\n' * 100)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            client.close()
        self.client(proxy).ask(b'mn\r\n', b'MN\r\n')


class Limits(SignalTestCase):

    def test_too_few_descriptors_are_told(self):
        config = rt.proxy_config([rt.pool_config('main', {'s0': self.memcached().target()})])
        path = os.path.join(self.folder, 'limits.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            rt.json.dump(config, file)
        process = rt.Process('ringway', ['prlimit', '--nofile=200:1000', rt.RINGWAY, '-c', path],
                             self.folder)
        self.addCleanup(process.stop, signal.SIGKILL)
        rt.wait_until(lambda: b'admin on' in process.log(), 'it runs')
        self.assertRegex(process.log(), rb'max_clients 10000 is lowered to \d{3}: the limit of open '
                         rb'files is 1000, and the rest needs \d+\n')
        self.assertEqual(process.stop(), 0)


if __name__ == '__main__':
    rt.main()
