"""Connections on both sides: how long they live, who may use them, and what their ends mean.

RFC 9112 section 9.
"""
import os
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import reply, response
from http_testing import request


class ClientSideTest(http.HttpTestCase):
    def test_kept_alive(self):
        client = self.open()
        for i in range(50):
            answer = client.get('/%d' % i)
            self.assertEqual((answer.body, answer.closes()), (b'a GET /%d\n' % i, False))
        self.assertTrue(client.is_open())

    def test_connection_close_of_the_client(self):
        for value in ('close', 'Close', 'x, close', 'close, keep-alive'):
            client = self.open()
            answer = client.get('/', [('Connection', value)])
            self.assertTrue(answer.closes(), answer)
            client.expect_close()

    def test_close_behind_a_pipeline(self):
        """What follows a request that says close is not answered."""
        client = self.open()
        client.send(
            request('GET', '/1')
            + request('GET', '/2', [('Connection', 'close')])
            + request('GET', '/3')
        )
        self.assertEqual(client.response().body, b'a GET /1\n')
        self.assertEqual(client.response().body, b'a GET /2\n')
        self.assertEqual(client.read_to_end(), b'')
        self.assertEqual([got.target for got in self.shard.requests], [b'/1', b'/2'])

    def test_http_1_0(self):
        client = self.open()
        self.assertEqual(client.get('/', version='1.0').body, b'a GET /\n')
        client.expect_close()
        client = self.open()
        self.assertEqual(client.get('/', [('Connection', 'close')], version='1.0').status, 200)
        client.expect_close()

    def test_after_a_refusal_nothing_more_is_read(self):
        client = self.open()
        client.send(request('GET', '/1') + b'GARBAGE\r\n\r\n' + request('GET', '/2'))
        self.assertEqual(client.response().body, b'a GET /1\n')
        self.check_own_answer(client.response(), 400)
        self.assertEqual(client.read_to_end(), b'')
        self.assertEqual([got.target for got in self.shard.requests], [b'/1'])

    def test_lingering_close(self):
        """The answer is not lost to a reset although the client goes on sending."""
        for _ in range(20):
            client = self.open()
            client.send(b'GARBAGE\r\n\r\n')
            for _ in range(20):
                try:
                    client.send(b'x' * 30000)
                except OSError:
                    break
            self.assertEqual(client.response().status, 400)

    def test_lingering_ends(self):
        """A client that goes on for ever is closed all the same."""
        client = self.open()
        client.send(b'GARBAGE\r\n\r\n')
        self.assertEqual(client.response().status, 400)
        deadline = time.monotonic() + 12
        with self.assertRaises(OSError):
            while time.monotonic() < deadline:
                client.send(b'x' * 1000)
                time.sleep(0.02)

    def test_many_clients(self):
        clients = [self.open() for _ in range(300)]
        for i, client in enumerate(clients):
            client.send(request('GET', '/%d' % i))
        for i, client in enumerate(clients):
            self.assertEqual(client.response().body, b'a GET /%d\n' % i)

    def test_a_unix_socket(self):
        path = os.path.join(self.folder, 'proxy.sock')
        shard = self.fake('u', address=os.path.join(self.folder, 'shard.sock'))
        proxy = self.start({'u': shard}, listener={'bind': 'unix:' + path})
        client = self.open(proxy)
        for i in range(3):
            self.assertEqual(client.get('/%d' % i).body, b'u GET /%d\n' % i)
        self.assertEqual(len(shard.connections), 1)


class PipeliningTest(http.HttpTestCase):
    n_shards = 4

    def test_in_order(self):
        """Shards of different speed, one request after the other."""
        for i, shard in enumerate(self.shards):
            shard.on('/', fake.delayed(0.003 * (3 - i)))
        client = self.open()
        client.send(b''.join(request('GET', '/%d' % i) for i in range(60)))
        for i in range(60):
            answer = client.response()
            self.assertTrue(answer.body.endswith(b' GET /%d\n' % i), answer)
        self.assertTrue(all(shard.requests for shard in self.shards))

    def test_one_at_a_time(self):
        """The second request reaches no shard before the first is answered."""
        release = threading.Event()
        self.addCleanup(release.set)
        for shard in self.shards:
            shard.on('/first', fake.after(release))
        client = self.open()
        client.send(
            request('GET', '/first') + b''.join(request('GET', '/then%d' % i) for i in range(8))
        )
        rt.wait_until(lambda: any(shard.heads for shard in self.shards), 'the first request')
        time.sleep(0.1)
        self.assertEqual(sum(len(shard.heads) for shard in self.shards), 1)
        release.set()
        self.assertTrue(client.response().body.endswith(b' GET /first\n'))
        for i in range(8):
            self.assertTrue(client.response().body.endswith(b' GET /then%d\n' % i))

    def test_with_bodies(self):
        client = self.open()
        raw = b''
        for i in range(30):
            raw += request('POST', '/%d' % i, body=b'body%d' % i * 50, chunked=i % 2 == 0)
        client.send(raw)
        for i in range(30):
            self.assertTrue(
                client.response().body.endswith(b' POST /%d\n' % i + b'body%d' % i * 50)
            )

    def test_split_anywhere(self):
        raw = (
            request('GET', '/1')
            + request('POST', '/2', body=b'ab')
            + request('HEAD', '/3')
            + request('POST', '/4', body=b'cd', chunked=True)
            + request('GET', '/5')
        )
        client = self.open()
        for offset in range(1, len(raw), 3):
            client.send_split(raw, offset)
            for i, method in enumerate(('GET', 'POST', 'HEAD', 'POST', 'GET'), 1):
                answer = client.response(method)
                self.assertEqual(answer.status, 200)
                if method != 'HEAD':
                    self.assertIn(b' %s /%d\n' % (method.encode(), i), answer.body)

    def test_a_client_that_does_not_read(self):
        """It stops its own requests: few of 2000 large answers are fetched for it."""
        for shard in self.shards:
            shard.on('/', reply(response(200, b'x' * 100000)))
        before = self.memory()
        client = self.open()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw = request('GET', '/big') * 2000
        sender = threading.Thread(target=lambda: client.sock.sendall(raw), daemon=True)
        sender.start()
        time.sleep(0.5)
        n_asked = sum(len(shard.heads) for shard in self.shards)
        self.assertLess(n_asked, 300)
        if not rt.is_sanitized():
            self.assertLess(self.memory() - before, 4096, 'kB')
        for _ in range(300):
            self.assertEqual(client.response().size, 100000)


class HalfCloseTest(http.HttpTestCase):
    def test_it_gets_its_answer(self):
        self.shard.on('/slow', fake.delayed(0.1))
        for raw, bodies in (
            (request('GET', '/slow'), [b'a GET /slow\n']),
            (request('POST', '/slow', body=b'x'), [b'a POST /slow\nx']),
            (
                request('GET', '/slow') + request('GET', '/2') + request('GET', '/slow'),
                [b'a GET /slow\n', b'a GET /2\n', b'a GET /slow\n'],
            ),
        ):
            with self.subTest(raw):
                client = self.open()
                client.send(raw)
                client.shutdown_write()
                for body in bodies:
                    self.assertEqual(client.response().body, body)
                client.expect_close()

    def test_a_large_answer(self):
        self.shard.on('/large', fake.stream(4 << 20))
        client = self.open()
        client.send(request('GET', '/large'))
        client.shutdown_write()
        time.sleep(0.1)
        self.assertEqual(client.response().crc, fake.stream_crc(4 << 20))
        client.expect_close()

    def test_without_a_request(self):
        client = self.open()
        client.shutdown_write()
        self.assertEqual(client.read_to_end(), b'')

    def test_a_shard_that_half_closes(self):
        """Its end of the stream after a complete response ends that connection only."""

        def action(connection, got):
            connection.send(response(200, b'x'))
            connection.sock.shutdown(socket.SHUT_WR)

        self.shard.on('/half', action)
        client = self.open()
        for _ in range(5):
            self.assertEqual(client.get('/half').body, b'x')
        self.assertEqual(client.get('/next').body, b'a GET /next\n')


class GoneClientTest(http.HttpTestCase):
    """A client that went away cancels its exchange with the shard."""

    def leave(self, client, how):
        if how == 'reset':
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()

    def test_while_the_shard_thinks(self):
        """A reset is seen at once. A plain close looks like a half-close for a while."""
        self.shard.on('/hang', fake.hang)
        client = self.open()
        client.send(request('GET', '/hang'))
        self.shard.wait_heads(1)
        self.leave(client, 'reset')
        rt.wait_until(self.shard.heads[0].connection.ended.is_set, 'the shard is told', 5)
        self.assertTrue(self.shard.heads[0].connection.closed_by_proxy)

    def test_within_the_response(self):
        for how in ('close', 'reset'):
            with self.subTest(how):
                self.shard.reset()
                self.shard.on('/large', fake.stream(1 << 30))
                client = self.open()
                client.send(request('GET', '/large'))
                client.take(100000)
                self.leave(client, how)
                rt.wait_until(self.shard.heads[0].connection.ended.is_set, 'the shard is told', 5)
                self.assertLess(self.shard.heads[0].connection.body_sent, 64 << 20)

    def test_within_the_upload(self):
        for how in ('close', 'reset'):
            with self.subTest(how):
                self.shard.reset()
                client = self.open()
                client.send(request('POST', '/up', [('Content-Length', '100000')]) + b'x' * 1000)
                self.shard.wait_heads(1)
                self.leave(client, how)
                rt.wait_until(self.shard.heads[0].connection.ended.is_set, 'the shard is told', 5)
                self.assertEqual(self.shard.requests, [])

    def test_the_connection_to_the_shard_is_not_used_again(self):
        """The late answer of a cancelled exchange goes to nobody."""
        release = threading.Event()
        self.addCleanup(release.set)
        self.shard.on('/hang', fake.after(release, fake.normal), times=1)
        client = self.open()
        client.send(request('GET', '/hang'))
        self.shard.wait_heads(1)
        self.leave(client, 'reset')
        time.sleep(0.05)
        other = self.open()
        other.send(request('GET', '/next'))
        release.set()
        self.assertEqual(other.response().body, b'a GET /next\n')

    def test_many(self):
        """Clients that come and go: nothing is left behind."""
        self.shard.on('/hang', fake.hang)
        self.get('/first')
        rt.wait_until(lambda: self.proxy.metric('ringway_clients') == 0, 'the first client is gone')
        n_open = self.n_descriptors()
        for _ in range(5):
            clients = [self.open() for _ in range(40)]
            for client in clients:
                client.send(request('GET', '/hang'))
            for client in clients:
                self.leave(client, 'reset')
        rt.wait_until(
            lambda: all(got.connection.ended.is_set() for got in list(self.shard.heads)),
            'the shard is told',
        )
        self.assertEqual(self.get('/next').body, b'a GET /next\n')
        rt.wait_until(lambda: self.proxy.metric('ringway_clients') == 0, 'no clients are left')
        rt.wait_until(
            lambda: self.proxy.metric('ringway_requests_open') == 0, 'no requests are left'
        )
        rt.wait_until(lambda: self.n_descriptors() <= n_open + 1, 'no descriptors are left', 5)

    def n_descriptors(self):
        """Open descriptors of the proxy, without those of its idle connections to the shard."""
        return len(os.listdir('/proc/%d/fd' % self.proxy.process.pid)) - len(
            self.shard.open_connections()
        )


class UpstreamTest(http.HttpTestCase):
    """Connections to shards: reused last in, first out; bounded; closed when idle for long."""

    pool_options = {
        'connections': 3,
        'health': {'eject_after': 0},
        'timeouts': {'keep_alive': '30s'},
    }

    def setUp(self):
        super().setUp()
        self.shard.hang_up()
        time.sleep(0.02)

    def at_once(self, count, proxy=None, target='/together', shard=None):
        """[count] requests that are all at the shard before one is answered."""
        shard = shard or self.shard
        release = threading.Event()
        self.addCleanup(release.set)
        shard.on(target, fake.after(release))
        clients = [self.open(proxy) for _ in range(count)]
        before = len(shard.heads)
        for client in clients:
            client.send(request('GET', target))
        shard.wait_heads(before + count)
        release.set()
        for client in clients:
            self.assertEqual(client.response().status, 200)
        return clients

    def test_reuse(self):
        for _ in range(10):
            self.get('/')  # a client connection each
        client = self.open()
        for _ in range(10):
            client.get('/')
        self.assertEqual(len(self.shard.connections), 1)
        self.assertEqual(self.shard.connections[0].n_requests, 20)

    def test_last_in_first_out(self):
        self.at_once(3)
        last = self.get('/x') and self.shard.heads[-1].connection
        for _ in range(10):
            self.get('/x')
            self.assertIs(self.shard.heads[-1].connection, last)

    def test_idle_ones_are_bounded(self):
        self.at_once(8)
        self.assertEqual(len(self.shard.connections), 8)
        rt.wait_until(lambda: len(self.shard.open_connections()) == 3, '3 are kept')
        time.sleep(0.05)
        self.assertEqual(len(self.shard.open_connections()), 3)

    def test_none_are_kept(self):
        shard = self.fake()
        proxy = self.start({'x': shard}, pool_options={'connections': 0})
        for _ in range(3):
            self.assertEqual(self.get('/', proxy=proxy).status, 200)
        self.assertEqual(len({got.connection for got in shard.requests}), 3)
        rt.wait_until(lambda: not shard.open_connections(), 'they are closed')

    def test_idle_ones_expire(self):
        shard = self.fake()
        proxy = self.start(
            {'x': shard}, pool_options={'connections': 8, 'timeouts': {'keep_alive': '200ms'}}
        )
        self.get('/', proxy=proxy)
        self.get('/', proxy=proxy)
        self.assertEqual(len(shard.connections), 1)
        rt.wait_until(lambda: not shard.open_connections(), 'it is closed', 3)
        self.assertTrue(shard.connections[0].closed_by_proxy)
        self.assertEqual(self.get('/', proxy=proxy).status, 200)
        self.assertEqual(len(shard.connections), 2)

    def test_one_that_the_shard_closed_is_not_used(self):
        for close in (fake.close, fake.reset):
            for _ in range(10):
                self.shard.on(
                    '/last',
                    lambda connection, got: (fake.normal(connection, got), close(connection, got)),
                )
                self.assertEqual(self.get('/last').status, 200)
                self.shard.rules = []
                time.sleep(0.01)
                self.assertEqual(self.open().ask('POST', '/post', body=b'x').status, 200)

    def test_all_of_them_are_bounded(self):
        """max_connections: at the bound the answer is an immediate 503."""
        shard = self.fake()
        proxy = self.start({'x': shard}, pool_options={'connections': 2, 'max_connections': 2})
        release = threading.Event()
        self.addCleanup(release.set)
        shard.on('/hold', fake.after(release))
        clients = [self.open(proxy) for _ in range(2)]
        for client in clients:
            client.send(request('GET', '/hold'))
        shard.wait_heads(2)
        third = self.open(proxy)
        with http.Stopwatch() as watch:
            self.check_own_answer(third.get('/third'), 503)
        self.assertLess(watch.seconds, 1)
        release.set()
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.assertEqual(third.get('/third').body, b'x GET /third\n')
        self.assertEqual(len(shard.connections), 2)

    def test_connection_close_of_the_shard(self):
        self.shard.on('/', reply(response(200, b'x', [('Connection', 'close')])))
        for _ in range(3):
            self.get('/')
        self.assertEqual(len({got.connection for got in self.shard.requests}), 3)
        rt.wait_until(lambda: not self.shard.open_connections(), 'they are closed')


class SpinTest(http.HttpTestCase):
    """Whatever state its connections are in, a proxy that has nothing to do uses no processor."""

    routes = [{'match': {'path_prefix': '/'}, 'key': '{uri}', 'upgrade': True}]
    options = {'drain': {'timeout': '1s'}}
    UPGRADE = [('Connection', 'upgrade'), ('Upgrade', 'x')]
    SWITCH = b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'

    def cpu_seconds(self):
        with open(
            '/proc/%d/stat' % self.proxy.process.pid, encoding='ascii', errors='replace'
        ) as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def states(self):
        """(name, what is sent, what the shard does, what the client does then)"""
        half_close = lambda client: client.shutdown_write()
        nothing = lambda client: None
        half_closed_by_shard = lambda connection, got: (
            connection.send(self.SWITCH),
            connection.sock.shutdown(socket.SHUT_WR),
            fake.hang(connection, got),
        )
        yield 'hang', request('GET', '/hang'), fake.hang, nothing
        yield 'half-close', request('GET', '/half'), fake.hang, half_close
        yield 'half-close and more', request('GET', '/more') * 3, fake.hang, half_close
        yield 'half a body', request(
            'POST', '/body', [('Content-Length', 100)]
        ) + b'x', fake.hang, nothing
        yield 'half a chunk', request(
            'POST', '/chunk', [('Transfer-Encoding', 'chunked')]
        ) + b'5\r\nh', fake.hang, nothing
        yield 'half a head', b'GET / HTTP', fake.hang, nothing
        yield 'half a response', request('GET', '/rest'), fake.reply_and_hang(
            b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx'
        ), nothing
        yield 'half a response, half-closed', request('GET', '/resth'), fake.reply_and_hang(
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx'
        ), half_close
        yield 'tunnel', request('GET', '/tunnel', self.UPGRADE), fake.reply_and_hang(
            self.SWITCH
        ), nothing
        yield 'tunnel, half-closed', request('GET', '/tunnelh', self.UPGRADE), fake.reply_and_hang(
            self.SWITCH
        ), half_close
        yield 'tunnel, half-closed by the shard', request(
            'GET', '/tunnels', self.UPGRADE
        ), half_closed_by_shard, nothing
        yield 'large response unread', request('GET', '/large'), fake.stream(1 << 30), nothing
        yield 'refused', b'GARBAGE /garbage\r\n\r\n', fake.hang, nothing
        yield 'early answer', request(
            'POST', '/early', [('Content-Length', 1 << 20)]
        ) + b'x', fake.early(fake.reply_and_hang(response(200, b'x'))), nothing
        yield 'pipeline', request('GET', '/hang') + request(
            'GET', '/next'
        ) * 2000, fake.hang, nothing

    def test_all_states_at_once(self):
        clients = []
        for name, raw, action, then in self.states():
            target = raw.split(b' ')[1]
            self.shard.on(lambda got, target=target: got.target == target, action)
            for _ in range(3):
                client = self.open()
                client.send(raw)
                then(client)
                clients.append(client)
        blocked = self.open()  # an upload that the shard does not take
        self.shard.on('/blocked', fake.early(fake.after(threading.Event())))
        blocked.send(request('PUT', '/blocked', [('Content-Length', 1 << 30)]))
        blocked.sock.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            while True:
                blocked.sock.send(b'x' * 65536)
        time.sleep(0.3)
        before = self.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.cpu_seconds() - before, 0.2)
        self.assertEqual(self.get('/fine').body, b'a GET /fine\n')
        self.shard.reset()
        self.shard.hang_up()
        for client in clients + [blocked]:
            client.close()


class DrainTest(http.HttpTestCase):
    def test_what_runs_is_completed(self):
        shard = self.fake()
        proxy = self.start({'x': shard}, drain={'timeout': '5s'})
        release = threading.Event()
        self.addCleanup(release.set)
        shard.on('/slow', fake.after(release))
        busy, idle, pipelined = self.open(proxy), self.open(proxy), self.open(proxy)
        self.assertEqual(idle.get('/').status, 200)
        busy.send(request('GET', '/slow'))
        pipelined.send(request('GET', '/slow') + request('GET', '/then'))
        shard.wait_heads(3)
        proxy.process.kill(signal.SIGTERM)
        idle.expect_close()
        release.set()
        answer = busy.response()
        self.assertEqual(answer.body, b'x GET /slow\n')
        self.assertTrue(answer.closes(), answer)
        busy.expect_close()
        self.assertEqual(pipelined.response().body, b'x GET /slow\n')
        pipelined.read_to_end()
        self.assertEqual(proxy.process.wait(10), 0)

    def test_a_tunnel_does_not_hold_it_up_for_ever(self):
        shard = self.fake()
        shard.on('/', fake.reply_and_hang(SpinTest.SWITCH))
        proxy = self.start({'x': shard}, SpinTest.routes, drain={'timeout': '300ms'})
        client = self.open(proxy)
        client.send(request('GET', '/', SpinTest.UPGRADE))
        self.assertEqual(client.final_head().status, 101)
        proxy.process.kill(signal.SIGTERM)
        client.read_to_end()
        self.assertIn(proxy.process.wait(10), (0, 3))
        proxy.allowed_exits = {0, 3}


if __name__ == '__main__':
    rt.main()
