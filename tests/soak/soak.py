#!/usr/bin/python3
"""Mixed load through the proxy while its shards are killed, frozen and restarted.

Each worker process drives a few no-mix-up checkers (tests/support/mixup.py) with pipelined batches;
the parent torments the shards. Ends with one summary line; exit code 0 when every reply was right
for its request or a fair SERVER_ERROR, the shards came back, and the proxy stopped cleanly.

    soak.py --seconds 60 --workers 2 [--seed N] [--shards 4] [--clients 4] [--calm]

RINGWAY_BUILD_DIR chooses the build, as for the integration tests.
"""
import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import mixup
import ringway_testing as rt

N_KEYS = 60


def client_name(worker, client):
    return 'w%dc%d' % (worker, client)


def work(options, worker, address, routes, deadline, results):
    """One process: [options.clients] checkers in turn, until [deadline]."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    rng = random.Random('%d/%d' % (options.seed, worker))
    checkers = [
        mixup.Checker(
            address,
            client_name(worker, i),
            options.seed,
            routes,
            N_KEYS,
            batches=(1, 5, 40, 150, 400),
        )
        for i in range(options.clients)
    ]
    failure = None
    checker = None
    try:
        while time.monotonic() < deadline:
            checker = rng.choice(checkers)
            checker.step()
            if rng.random() < 0.01:
                checker.finish()  # and a new connection next time
        for checker in checkers:
            checker.finish()
    except AssertionError as error:
        failure = str(error)
    except OSError as error:
        failure = '%s: %r' % (checker.name, error)
    counts = sum((checker.counts for checker in checkers), type(checkers[0].counts)())
    results.put((failure, dict(counts), max(checker.slowest for checker in checkers)))


def torment(rng, shards, log):
    """One fault on one shard, and its end."""
    index = rng.randrange(len(shards))
    shard = shards[index]
    kind = rng.choice(('kill', 'kill', 'freeze', 'blink', 'flush'))
    log('%s s%d' % (kind, index))
    if kind == 'kill':
        shard.stop()
        time.sleep(rng.choice((0.02, 0.3, 1.5)))
        shard.start()
    elif kind == 'freeze':
        shard.freeze()
        time.sleep(rng.choice((0.1, 0.6, 2.0)))
        shard.thaw()
    elif kind == 'blink':
        for _ in range(5):
            shard.freeze()
            time.sleep(0.02)
            shard.thaw()
            time.sleep(0.02)
    else:
        shard.flush()


def build(options, folder):
    """The shards and the proxy."""
    shards = [
        rt.Memcached(folder, os.path.join(folder, 's%d.sock' % i) if i == 0 else None)
        for i in range(options.shards)
    ]
    pool = rt.pool_config(
        'main',
        {'s%d' % i: shard.target() for i, shard in enumerate(shards)},
        connections=options.connections,
        timeouts={'connect': '250ms', 'request': '300ms'},
        health={'eject_after': 3, 'retry_after': '200ms'},
    )
    try:
        return shards, rt.Ringway(rt.proxy_config([pool]), folder)
    except BaseException:
        for shard in shards:
            shard.stop()
        raise


def all_shards_serve(proxy, routes, n_shards):
    """Every shard answers again."""
    with rt.Client(proxy.address()) as client:
        for index in range(n_shards):
            key = next(key for key, shard in routes.items() if shard == 's%d' % index)

            def stored():
                client.send(b'set %s 0 0 1\r\nx\r\n' % key)
                return client.line() == b'STORED\r\n'

            rt.wait_until(stored, 'shard s%d serves again' % index, 20, 0.1)


def soak(options, folder):
    rng = random.Random(options.seed)
    shards, proxy = build(options, folder)
    failures, counts, slowest, n_faults = [], {}, 0.0, 0
    workers = []
    try:
        names = [
            key
            for worker in range(options.workers)
            for client in range(options.clients)
            for key in mixup.all_keys(client_name(worker, client), N_KEYS)
        ]
        routes = {key.encode(): shard for key, shard in proxy.route(names).items()}
        results = multiprocessing.Queue()
        deadline = time.monotonic() + options.seconds
        workers = [
            multiprocessing.Process(
                target=work,
                daemon=True,
                args=(options, i, proxy.address(), routes, deadline, results),
            )
            for i in range(options.workers)
        ]
        for worker in workers:
            worker.start()
        while time.monotonic() < deadline and proxy.process.alive() and results.empty():
            time.sleep(rng.uniform(0.1, 1.0))
            if not options.calm:
                torment(rng, shards, lambda text: options.verbose and print(text, flush=True))
                n_faults += 1
        for _ in workers:
            failure, some, slow = results.get(timeout=90)
            if failure:
                failures.append(failure)
            for name, number in some.items():
                counts[name] = counts.get(name, 0) + number
            slowest = max(slowest, slow)
        if not proxy.process.alive():
            failures.append('the proxy died:\n' + proxy.process.log_tail(100))
        else:
            all_shards_serve(proxy, routes, len(shards))
    except (AssertionError, OSError) as error:
        failures.append(str(error))
    except Exception as error:  # a worker that never reported
        failures.append(repr(error))
    finally:
        for worker in workers:
            worker.join(5)
            if worker.is_alive():
                worker.kill()
        try:
            proxy.stop()
        except AssertionError as error:
            failures.append(str(error))
        for shard in shards:
            shard.stop()
    return failures, counts, slowest, n_faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--seconds', type=float, default=30)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--workers', type=int, default=2, help='load processes')
    parser.add_argument('--clients', type=int, default=4, help='connections per load process')
    parser.add_argument('--shards', type=int, default=4)
    parser.add_argument('--connections', type=int, default=1, help='per replica and proxy worker')
    parser.add_argument('--calm', action='store_true', help='no faults')
    parser.add_argument('--verbose', action='store_true', help='print each fault')
    options = parser.parse_args()
    print('soak: %.0f s, seed %d, %s' % (options.seconds, options.seed, rt.RINGWAY), flush=True)
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
    print(
        'soak: %s seed=%d seconds=%.0f requests=%d per_second=%.0f faults=%d slowest_batch=%.2fs %s'
        % (
            'FAILED' if failures else 'ok',
            options.seed,
            seconds,
            counts.get('requests', 0),
            counts.get('requests', 0) / max(seconds, 1),
            n_faults,
            slowest,
            json.dumps(counts, sort_keys=True),
        )
    )
    if not failures and not options.calm and not counts.get('hit'):
        print('FAILURE no hit at all')
        return 1
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
