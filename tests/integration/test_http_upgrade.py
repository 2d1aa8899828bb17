"""Upgrades: a tunnel after 101 and only then, where the route allows it. RFC 9110 section 7.8."""
import os
import random
import socket
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import reply, response
from http_testing import request

ASK = [
    ('Connection', 'Upgrade'),
    ('Upgrade', 'websocket'),
    ('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='),
    ('Sec-WebSocket-Version', '13'),
]
SWITCH = (
    b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
)


def echo(connection, request):
    """101, then every byte comes back until the other side has nothing more."""
    connection.send(SWITCH)
    while True:
        if connection.buffer:
            data = bytes(connection.buffer)
            connection.buffer.clear()
            connection.send(data)
        elif not connection.fill():
            connection.close()
            return


class UpgradeTest(http.HttpTestCase):
    routes = [
        {'match': {'path_prefix': '/ws'}, 'key': '{uri}', 'upgrade': True},
        {'match': {'path_prefix': '/plain'}, 'key': '{uri}', 'upgrade': False},
        {'match': {'path_prefix': '/'}, 'key': '{uri}'},
    ]

    def tunnel(self, target='/ws', action=echo, behind=b''):
        self.shard.on(lambda got: got.target == target.encode(), action)
        client = self.open()
        client.send(request('GET', target, ASK) + behind)
        answer = client.final_head()
        self.assertEqual(answer.status, 101, answer)
        return client, answer

    def test_both_ways(self):
        client, answer = self.tunnel()
        self.assertEqual([option.lower() for option in answer.list('connection')], [b'upgrade'])
        self.assertEqual(answer.all('upgrade'), [b'websocket'])
        self.assertEqual(answer.all('sec-websocket-accept'), [b's3pPLMBiTxaQ9kYGzzhZRbK+xOo='])
        self.assertEqual(answer.all('content-length') + answer.all('transfer-encoding'), [])
        got = self.shard.heads[0]
        self.assertEqual([option.lower() for option in got.list('connection')], [b'upgrade'])
        self.assertEqual(got.all('upgrade'), [b'websocket'])
        self.assertEqual(got.all('sec-websocket-version'), [b'13'])
        for data in (b'hello', b'\0\xff\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'x' * 100000):
            client.send(data)
            self.assertEqual(client.take(len(data)), data)
        client.close()
        rt.wait_until(got.connection.ended.is_set, 'the shard is told')

    def test_other_connection_options_are_taken_out(self):
        self.shard.on('/ws', echo)
        client = self.open()
        client.send(
            request(
                'GET',
                '/ws',
                [
                    ('Connection', 'keep-alive, Upgrade, X-Hop'),
                    ('Upgrade', 'websocket'),
                    ('X-Hop', '1'),
                    ('Keep-Alive', 'timeout=1'),
                ],
            )
        )
        self.assertEqual(client.final_head().status, 101)
        got = self.shard.heads[0]
        self.assertEqual((got.all('x-hop'), got.all('keep-alive')), ([], []))
        self.assertEqual([option.lower() for option in got.list('connection')], [b'upgrade'])

    def test_data_right_behind_the_head(self):
        """Of the client: it belongs to the tunnel. Of the shard: it is not lost."""
        client, _ = self.tunnel(behind=b'early data')
        self.assertEqual(client.take(10), b'early data')
        greeting = b'greeting' * 1000
        client, _ = self.tunnel(
            '/ws/greet',
            lambda connection, got: (
                connection.send(SWITCH + greeting),
                connection.fill(),
                connection.send(b'end'),
                connection.close(),
            ),
        )
        self.assertEqual(client.take(len(greeting)), greeting)
        client.send(b'x')
        self.assertEqual(client.read_to_end(), b'end')

    def test_data_of_the_client_waits_for_101(self):
        """Before it, the shard gets nothing but the request."""
        release = threading.Event()
        self.addCleanup(release.set)
        self.shard.on('/ws', fake.after(release, echo))
        client = self.open()
        client.send(request('GET', '/ws', ASK) + b'early data')
        self.shard.wait_heads(1)
        time.sleep(0.05)
        self.assertNotIn(b'early data', bytes(self.shard.heads[0].connection.received))
        release.set()
        self.assertEqual(client.final_head().status, 101)
        self.assertEqual(client.take(10), b'early data')

    def test_interim_responses_before_101(self):
        client, answer = self.tunnel(
            action=lambda connection, got: (
                connection.send(b'HTTP/1.1 103 Early Hints\r\n\r\n'),
                echo(connection, got),
            )
        )
        self.assertEqual([one.status for one in answer.interim], [103])
        client.send(b'x')
        self.assertEqual(client.take(1), b'x')

    def test_a_route_that_does_not_allow_it(self):
        """The fields are dropped, the request goes on as a plain one."""
        for target in ('/plain', '/neither'):
            self.shard.reset()
            client = self.open()
            answer = client.get(target, ASK)
            self.assertEqual(answer.body, b'a GET %s\n' % target.encode())
            got = self.shard.only()
            self.assertEqual((got.all('upgrade'), got.all('connection')), ([], []))
            self.assertEqual(client.get('/next').body, b'a GET /next\n')

    def test_101_where_it_was_not_allowed(self):
        self.shard.on('/plain', reply(SWITCH + b'EVIL'))
        client = self.open()
        answer = client.get('/plain', ASK)
        self.check_own_answer(answer, 502)
        self.assertNotIn(b'EVIL', client.read_to_end() if answer.closes() else b'')

    def test_101_without_a_wish(self):
        self.shard.on('/ws', reply(SWITCH + b'EVIL'))
        answer = self.get('/ws')
        self.check_own_answer(answer, 502)

    def test_a_shard_that_declines(self):
        """Any other status is a plain response, and what follows is the next request."""
        for status in (200, 400, 426):
            self.shard.reset()
            self.shard.on(
                '/ws',
                reply(
                    response(status, b'no', [('Upgrade', 'websocket'), ('Connection', 'upgrade')])
                ),
            )
            client = self.open()
            client.send(request('GET', '/ws', ASK) + request('GET', '/next'))
            answer = client.response()
            self.assertEqual((answer.status, answer.body), (status, b'no'))
            self.assertEqual(client.response().body, b'a GET /next\n')

    def test_upgrade_that_connection_does_not_name(self):
        """It is no wish for this hop."""
        self.assertEqual(self.get('/ws', [('Upgrade', 'websocket')]).status, 200)
        self.assertEqual(self.shard.only().all('upgrade'), [])

    def test_in_http_1_0(self):
        self.assertEqual(self.get('/ws', ASK, version='1.0').status, 200)
        self.assertEqual(self.shard.only().all('upgrade'), [])

    def test_with_a_body(self):
        """The body belongs to the request, what follows to the tunnel."""
        self.shard.on('/ws', echo)
        client = self.open()
        client.send(request('POST', '/ws', ASK, body=b'body') + b'tunnel')
        answer = client.final_head()
        if answer.status == 101:
            self.assertEqual(client.take(6), b'tunnel')
            self.assertEqual(bytes(self.shard.requests[0].body), b'body')
        else:
            self.assertGreaterEqual(answer.status, 400)

    def test_half_close_of_the_client(self):
        """The shard sees the end, and what it still sends arrives."""
        seen = threading.Event()

        def action(connection, got):
            connection.send(SWITCH)
            while connection.fill():
                pass
            seen.set()
            connection.send(b'last words ' + bytes(connection.buffer))
            connection.close()

        client, _ = self.tunnel(action=action)
        client.send(b'question')
        client.shutdown_write()
        self.assertTrue(seen.wait(5), 'the end is passed on')
        self.assertEqual(client.read_to_end(), b'last words question')

    def test_half_close_of_the_shard(self):
        heard = []

        def action(connection, got):
            connection.send(SWITCH + b'bye')
            connection.sock.shutdown(socket.SHUT_WR)
            while connection.fill():
                pass
            heard.append(bytes(connection.buffer))

        client, _ = self.tunnel(action=action)
        self.assertEqual(client.read_to_end(), b'bye')
        try:
            client.send(b'still here')
            client.shutdown_write()
        except OSError:
            pass
        rt.wait_until(lambda: heard, 'the other direction ends')
        self.assertIn(heard[0], (b'still here', b''))

    def test_pending_data_is_flushed_at_the_close(self):
        data = random.Random(4).randbytes(1 << 20) * 4

        def action(connection, got):
            connection.send(SWITCH)
            connection.send(data)
            connection.close()

        client, _ = self.tunnel(action=action)
        time.sleep(0.3)  # the shard is gone long before we read
        received = client.read_to_end()
        self.assertEqual((len(received), zlib.crc32(received)), (len(data), zlib.crc32(data)))

    def test_pending_data_of_the_client_is_flushed(self):
        data = random.Random(5).randbytes(1 << 20) * 4
        heard = []

        def action(connection, got):
            connection.send(SWITCH)
            time.sleep(0.3)
            while connection.fill():
                pass
            heard.append(bytes(connection.buffer))

        client, _ = self.tunnel(action=action)
        client.send(data)
        client.shutdown_write()
        rt.wait_until(lambda: heard, 'the end is passed on')
        self.assertEqual((len(heard[0]), zlib.crc32(heard[0])), (len(data), zlib.crc32(data)))

    def test_backpressure(self):
        """32 MiB around while the client reads late: memory stays bounded, nothing is lost."""
        client, _ = self.tunnel()
        data = random.Random(6).randbytes(1 << 20) * 32
        before = self.memory()
        sender = threading.Thread(target=client.sock.sendall, args=(data,), daemon=True)
        sender.start()
        time.sleep(0.5)
        if not rt.is_sanitized():
            self.assertLess(self.memory() - before, 4096, 'kB')
        received = client.take(len(data))
        sender.join(10)
        self.assertEqual(zlib.crc32(received), zlib.crc32(data))

    def test_a_reset_ends_both_sides(self):
        client, _ = self.tunnel(
            action=lambda connection, got: (
                connection.send(SWITCH),
                connection.fill(),
                connection.reset(),
            )
        )
        client.send(b'x')
        self.assertEqual(client.read_to_end(), b'')
        client, _ = self.tunnel('/ws/2')
        connection = self.shard.heads[-1].connection
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        client.close()
        rt.wait_until(connection.ended.is_set, 'the shard is told')

    def test_a_tunnel_hurts_nobody(self):
        """Its connection is its own; others are served meanwhile."""
        tunnels = [self.tunnel('/ws/%d' % i)[0] for i in range(20)]
        for _ in range(20):
            self.assertEqual(self.get('/next').body, b'a GET /next\n')
        for i, client in enumerate(tunnels):
            client.send(b'%d' % i)
        for i, client in enumerate(tunnels):
            self.assertEqual(client.take(len(b'%d' % i)), b'%d' % i)


class TunnelTimersTest(http.HttpTestCase):
    """The timers of requests end with 101."""

    routes = [{'match': {'path_prefix': '/'}, 'key': '{uri}', 'upgrade': True}]
    pool_options = {
        'timeouts': {'response': '300ms', 'keep_alive': '200ms'},
        'health': {'eject_after': 0},
    }
    options = {'timeouts': {'header': '300ms', 'body': '5s'}}

    def test_a_quiet_tunnel_stays(self):
        self.shard.on('/', echo)
        client = self.open()
        client.send(request('GET', '/', ASK))
        self.assertEqual(client.final_head().status, 101)
        time.sleep(0.8)
        client.send(b'still there?')
        self.assertEqual(client.take(12), b'still there?')


if __name__ == '__main__':
    rt.main()
