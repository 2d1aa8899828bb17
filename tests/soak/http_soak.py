#!/usr/bin/python3
"""HTTP traffic through the proxy while its shards are killed, frozen and restarted.

Every request carries what its answer must repeat: its target, which is unique, and the checksum of
its body. Worker processes send batches of requests, often pipelined, on a few connections each; the
parent torments the shards. Ends with one summary line; exit code 0 when every answer belonged to
its request and came from its key's shard, or was a fair error of the proxy, the shards came back,
and the proxy stopped cleanly.

    http_soak.py --seconds 60 --workers 2 [--seed N] [--shards 4] [--clients 6] [--calm]

RINGWAY_BUILD_DIR chooses the build, as for the integration tests.
"""
import argparse
import asyncio
import collections
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_testing as http
import ringway_testing as rt
from fake_http_shard import chunks
from http_testing import request

N_KEYS = 80
N_REPLICAS = 2
FAIR = (502, 503, 504)
KINDS = ('length',) * 12 + ('chunked',) * 8 + ('hints', 'close', 'old', 'bye', 'stray', 'dribble')
BAD_KINDS = ('cut', 'cut_chunks', 'garbage', 'silent', 'early')
TARGET = re.compile(r'/k(\d+)/(\w+)\?(.*)')


# ---- a shard: a process of its own, so that it can be killed -------------------------------------


class ShardConnection:
    """Reads requests and answers each as its target asks: kind, size and wait are in the query."""

    def __init__(self, name, reader, writer):
        self.name = name
        self.reader = reader
        self.writer = writer

    async def body_crc(self, fields):
        crc = 0
        if b'transfer-encoding' in fields:
            while True:
                size = int(await self.reader.readline(), 16)
                data = await self.reader.readexactly(size + 2)
                crc = zlib.crc32(data[:-2], crc)
                if size == 0:
                    return crc
        left = int(fields.get(b'content-length', 0))
        while left > 0:
            data = await self.reader.read(min(left, 65536))
            if not data:
                raise EOFError()
            left -= len(data)
            crc = zlib.crc32(data, crc)
        return crc

    async def serve(self):
        while True:
            head = await self.reader.readuntil(b'\r\n\r\n')
            lines = head[:-4].split(b'\r\n')
            method, target, _ = lines[0].split(b' ')
            fields = dict(line.lower().split(b': ', 1) for line in lines[1:])
            options = dict(pair.split('=') for pair in target.decode().split('?', 1)[1].split('&'))
            kind = options['kind']
            if kind == 'tunnel':
                await self.echo()
                return
            crc = 0 if kind == 'early' else await self.body_crc(fields)
            await asyncio.sleep(int(options['wait']) / 1000)
            body = b'%s %s %s %08x\n' % (self.name.encode(), method, target, crc)
            body += b'x' * (int(options['size']) - len(body))
            if not await self.answer(kind, method, body):
                return

    async def answer(self, kind, method, body):
        """False when the connection ends with it."""
        if kind == 'silent':
            await self.reader.read(1)
            return False
        data = self.response(kind, method, body)
        if kind == 'dribble':
            for i in range(0, len(data), 1 + len(data) // 20):
                self.writer.write(data[i : i + 1 + len(data) // 20])
                await asyncio.sleep(0.001)
        else:
            self.writer.write(data)
        await self.writer.drain()
        return kind not in ('close', 'old', 'bye', 'early', 'garbage', 'cut', 'cut_chunks')

    async def echo(self):
        """A tunnel: every byte comes back."""
        self.writer.write(
            b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n'
        )
        while True:
            data = await self.reader.read(65536)
            if not data:
                return
            self.writer.write(data)
            await self.writer.drain()

    @staticmethod
    def response(kind, method, body):
        if method == b'HEAD':
            return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body)
        if kind == 'garbage':
            return b'HTTP/1.1 2OO OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body
        if kind in ('chunked', 'cut_chunks'):
            data = chunks(body, 1 + len(body) // 3)
            return b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + (
                data[:-7] if kind == 'cut_chunks' else data
            )
        if kind == 'cut':
            return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body[:-1]
        if kind == 'close':
            return b'HTTP/1.1 200 OK\r\n\r\n' + body
        if kind == 'old':
            return b'HTTP/1.0 200 OK\r\n\r\n' + body
        # Together with the response, so that nobody can take it for the answer to a later request.
        stray = (
            b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY'
            if kind == 'stray' and len(body) <= 1000
            else b''
        )
        hints = b'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n' if kind == 'hints' else b''
        fields = b'Connection: close\r\n' if kind in ('bye', 'early') else b''
        return (
            hints
            + b'HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n' % (fields, len(body))
            + body
            + stray
        )


def run_shard(name, port):
    """The main function of a shard process."""

    async def on_connection(reader, writer):
        try:
            await ShardConnection(name, reader, writer).serve()
        except (
            EOFError,
            OSError,
            ValueError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass
        finally:
            writer.close()

    async def serve():
        server = await asyncio.start_server(on_connection, '127.0.0.1', port, backlog=512)
        await server.serve_forever()

    asyncio.run(serve())


class Shard:
    """One replica: a process that can be killed, frozen and started again at its address."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.port = rt.free_port()
        self.start()

    def start(self):
        self.process = rt.Process(
            'shard',
            ['/usr/bin/python3', os.path.abspath(__file__), '--serve', self.name, str(self.port)],
            self.folder,
        )
        rt.wait_until(lambda: rt.can_connect(self.port), 'shard %s listens' % self.name)

    def target(self):
        return '127.0.0.1:%d' % self.port

    def stop(self):
        self.process.stop(signal.SIGKILL)


# ---- load ----------------------------------------------------------------------------------------


class Unfair(AssertionError):
    """An answer that cannot be excused."""


class Checker:
    """One client that knows what each answer must be."""

    def __init__(self, name, address, homes, rng):
        self.name = name
        self.address = address
        self.homes = homes
        self.rng = rng
        self.client = None
        self.number = 0
        self.counts = collections.Counter()
        self.slowest = 0.0

    def make(self, n_in_batch):
        """(method, target, crc, bytes) of a request."""
        rng = self.rng
        self.number += 1
        kind = rng.choice(BAD_KINDS if rng.random() < 0.02 else KINDS)
        size = (
            rng.choice((0, 100, 1000, 20000))
            if n_in_batch > 1
            else rng.choice((0, 1000, 70000, 400000))
        )
        target = '/k%d/%s?n=%d&kind=%s&size=%d&wait=%d' % (
            rng.randrange(N_KEYS),
            self.name,
            self.number,
            kind,
            size,
            rng.choice((0, 0, 0, 0, 1, 5, 30)),
        )
        method = rng.choice(('GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PURGE'))
        body = None
        if method in ('POST', 'PUT') or rng.random() < 0.1:
            body = rng.randbytes(
                rng.choice((0, 10, 3000)) if n_in_batch > 1 else rng.choice((1, 3000, 300000))
            )
        old = rng.random() < 0.03
        fields = [('Connection', 'keep-alive' if old else 'close')] if rng.random() < 0.02 else []
        raw = request(
            method,
            target,
            fields,
            body=body,
            chunked=not old and rng.random() < 0.5,
            version='1.0' if old else '1.1',
        )
        return method, target, 0 if kind == 'early' else zlib.crc32(body or b''), raw

    def drop(self, rudely=False):
        if self.client is not None and rudely:
            self.client.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)
            )
        if self.client is not None:
            self.client.close()
        self.client = None

    def tunnel(self):
        """An upgrade, and bytes that come back until somebody ends it."""
        rng, data = self.rng, self.rng.randbytes(self.rng.choice((1, 5000, 300000)))
        target = '/k%d/%s?n=0&kind=tunnel&size=0&wait=0' % (rng.randrange(N_KEYS), self.name)
        with http.HttpClient(self.address, timeout=30) as client:
            client.send(request('GET', target, [('Connection', 'upgrade'), ('Upgrade', 'echo')]))
            if client.final_head().status != 101:
                self.counts['no_tunnel'] += 1
                return
            back = bytearray(client.buffer)
            try:
                for start in range(0, len(data), 50000):
                    client.sock.sendall(data[start : start + 50000])
                    if rng.random() < 0.5:
                        back += client.sock.recv(100000)
                if rng.random() < 0.2:
                    return
                client.shutdown_write()
                while True:
                    piece = client.sock.recv(100000)
                    if not piece:
                        break
                    back += piece
            except (ConnectionError, TimeoutError):
                self.counts['tunnel_lost'] += 1
            if not data.startswith(bytes(back)):
                raise Unfair('%s: a tunnel brought other bytes back' % target)
            self.counts['tunnel' if len(back) == len(data) else 'tunnel_cut'] += 1

    def step(self):
        """A batch of requests and their answers."""
        if self.rng.random() < 0.03:
            self.tunnel()
            return
        if self.client is None:
            self.client = http.HttpClient(self.address, timeout=30)
            self.counts['connections'] += 1
        count = self.rng.choice((1, 1, 1, 2, 5, 20))
        batch = [self.make(count) for _ in range(count)]
        began = time.monotonic()
        try:
            self.client.send(b''.join(raw for _, _, _, raw in batch))
        except OSError:
            self.counts['unsent'] += 1  # an answer may be there all the same
        if self.rng.random() < 0.02:
            self.counts['abandoned'] += 1
            self.drop(rudely=True)
            return
        for method, target, crc, _ in batch:
            if not self.answer(method, target, crc):
                break
        self.slowest = max(self.slowest, time.monotonic() - began)
        if self.client is not None and self.rng.random() < 0.02:
            self.drop()

    def answer(self, method, target, crc):
        """Check the next answer; False when the connection has ended with it."""
        try:
            answer = self.client.response(method)
        except http.Truncated:
            self.counts['cut'] += 1
            self.drop()
            return False
        except AssertionError as error:
            if 'connection closed' in str(error):
                self.counts['closed'] += 1
                self.drop()
                return False
            raise Unfair('%s %s: %s' % (method, target, error)) from error
        self.counts['requests'] += 1
        self.check(answer, method, target, crc)
        if answer.closes():
            self.drop()
            return False
        return True

    def check(self, answer, method, target, crc):
        if answer.status in FAIR:
            self.counts[str(answer.status)] += 1
            return
        key, _, query = TARGET.match(target).groups()
        kind = re.search(r'kind=(\w+)', query).group(1)
        if kind in ('cut', 'cut_chunks', 'garbage', 'silent') and method != 'HEAD':
            raise Unfair('%s %s: a whole answer: %s' % (method, target, answer))
        size = int(re.search(r'size=(\d+)', query).group(1))
        shard = self.homes['/k%s' % key]
        if answer.status != 200:
            raise Unfair('%s %s: %s' % (method, target, answer))
        self.counts['ok'] += 1
        if answer.get('x-ringway-shard') != shard.encode():
            raise Unfair(
                '%s %s: shard %s, not %s' % (method, target, answer.get('x-ringway-shard'), shard)
            )
        if method == 'HEAD':
            return
        line = ('%s %s %s %08x\n' % (shard, method, target, crc)).encode()
        if not answer.body.startswith(line) or answer.size != max(size, len(line)):
            raise Unfair('%s %s: body %s' % (method, target, rt.show(answer.body)))


def work(options, worker, address, homes, deadline, results):
    """One process: [options.clients] checkers in turn, until [deadline]."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    rng = random.Random('%d/%d' % (options.seed, worker))
    checkers = [
        Checker('w%dc%d' % (worker, i), address, homes, rng) for i in range(options.clients)
    ]
    failure = None
    try:
        while time.monotonic() < deadline:
            rng.choice(checkers).step()
    except (AssertionError, OSError) as error:
        failure = repr(error)
    for checker in checkers:
        checker.drop()
    counts = sum((checker.counts for checker in checkers), collections.Counter())
    results.put((failure, dict(counts), max(checker.slowest for checker in checkers)))


def torment(rng, shards, log):
    """One fault on one replica, and its end."""
    shard = rng.choice(shards)
    kind = rng.choice(('kill', 'kill', 'freeze', 'blink'))
    log('%s %s' % (kind, shard.name))
    if kind == 'kill':
        shard.stop()
        time.sleep(rng.choice((0.02, 0.3, 1.0)))
        shard.start()
    else:
        for pause in (0.02,) * 5 if kind == 'blink' else (rng.choice((0.1, 0.5, 1.5)),):
            shard.process.kill(signal.SIGSTOP)
            time.sleep(pause)
            shard.process.kill(signal.SIGCONT)
            time.sleep(0.02)


def build(options, folder):
    """The shards, each with replicas, and the proxy."""
    groups = {
        's%d' % i: [Shard('s%d' % i, folder) for _ in range(N_REPLICAS)]
        for i in range(options.shards)
    }
    pool = http.pool(
        {name: [shard.target() for shard in group] for name, group in groups.items()},
        connections=16,
        timeouts={'connect': '250ms', 'response': '400ms', 'keep_alive': '500ms'},
        health={'eject_after': 3, 'retry_after': '200ms'},
    )
    routes = [{'match': {'path_prefix': '/'}, 'key': '/{path.1}', 'debug': True, 'upgrade': True}]
    return [shard for group in groups.values() for shard in group], rt.Ringway(
        http.config([pool], routes), folder
    )


def all_shards_serve(proxy, homes, n_shards):
    """Every shard answers again, its replicas both."""
    for index in range(n_shards):
        key = next(key for key, shard in homes.items() if shard == 's%d' % index)

        def served():
            with http.HttpClient(proxy.address()) as client:
                statuses = [
                    client.get(key + '/end?n=0&kind=length&size=0&wait=0').status for _ in range(5)
                ]
            return statuses == [200] * 5

        rt.wait_until(served, 'shard s%d serves again' % index, 20, 0.1)


def drive(options, proxy, shards, homes, rng, failures, counts):
    """Load and torment until the time is over; the slowest batch and the number of faults."""
    results = multiprocessing.Queue()
    deadline = time.monotonic() + options.seconds
    workers = [
        multiprocessing.Process(
            target=work, daemon=True, args=(options, i, proxy.address(), homes, deadline, results)
        )
        for i in range(options.workers)
    ]
    slowest, n_faults = 0.0, 0
    try:
        for worker in workers:
            worker.start()
        while time.monotonic() < deadline and proxy.process.alive() and results.empty():
            time.sleep(rng.uniform(0.1, 0.8))
            if not options.calm:
                torment(rng, shards, lambda text: options.verbose and print(text, flush=True))
                n_faults += 1
        for _ in workers:
            failure, some, slow = results.get(timeout=90)
            if failure:
                failures.append(failure)
            counts.update(some)
            slowest = max(slowest, slow)
    finally:
        for worker in workers:
            worker.join(5)
            if worker.is_alive():
                worker.kill()
    return slowest, n_faults


def soak(options, folder):
    rng = random.Random(options.seed)
    shards, proxy = build(options, folder)
    failures, counts, slowest, n_faults = [], collections.Counter(), 0.0, 0
    try:
        homes = proxy.route(['/k%d' % i for i in range(N_KEYS)])
        slowest, n_faults = drive(options, proxy, shards, homes, rng, failures, counts)
        if not proxy.process.alive():
            failures.append('the proxy died:\n' + proxy.process.log_tail(100))
        else:
            all_shards_serve(proxy, homes, options.shards)
    except Exception as error:
        failures.append(repr(error))
    finally:
        try:
            proxy.stop()
        except AssertionError as error:
            failures.append(str(error))
        for shard in shards:
            shard.stop()
    return failures, counts, slowest, n_faults


def main():
    if sys.argv[1:2] == ['--serve']:
        run_shard(sys.argv[2], int(sys.argv[3]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--seconds', type=float, default=30)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--workers', type=int, default=2, help='load processes')
    parser.add_argument('--clients', type=int, default=6, help='connections per load process')
    parser.add_argument('--shards', type=int, default=4)
    parser.add_argument('--calm', action='store_true', help='no faults')
    parser.add_argument('--verbose', action='store_true', help='print each fault')
    options = parser.parse_args()
    print(
        'http_soak: %.0f s, seed %d, %s' % (options.seconds, options.seed, rt.RINGWAY), flush=True
    )
    folder = tempfile.mkdtemp(prefix='ringway-soak-')
    os.chmod(folder, 0o777)
    began = time.monotonic()
    try:
        failures, counts, slowest, n_faults = soak(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for failure in failures:
        print('FAILURE', failure, flush=True)
    seconds = time.monotonic() - began
    if not failures and counts['ok'] < counts['requests'] // 2:
        failures.append('fewer than half of the requests were served')
        print('FAILURE', failures[-1])
    print(
        'http_soak: %s seed=%d seconds=%.0f requests=%d per_second=%.0f faults=%d '
        'slowest_batch=%.2fs %s'
        % (
            'FAILED' if failures else 'ok',
            options.seed,
            seconds,
            counts['requests'],
            counts['requests'] / max(seconds, 1),
            n_faults,
            slowest,
            json.dumps(counts, sort_keys=True),
        )
    )
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
