"""What the tests of ringway-bench load and live-remap share: running them, servers to run them at."""
import json
import os
import socket
import subprocess
import threading
import unittest.mock

import http_servers
import ringway_testing as rt

BENCH = os.path.join(rt.BUILD_DIR, 'bench', 'ringway-bench')
LIMIT = 90.0  # seconds that any of these commands may take


class Running:
    """A command that runs; result() waits for its end."""

    def __init__(self, argv, **options):
        self.popen = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', '--', BENCH] + [str(word) for word in argv],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **dict({'stdin': subprocess.DEVNULL},
                                                                   **options))

    def result(self, given=None):
        """(exit code, standard output, standard error)"""
        try:
            out, err = self.popen.communicate(given, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise
        return self.popen.returncode, out.decode(), err.decode()

    def json(self, given=None):
        """(exit code, report, standard error)"""
        code, out, err = self.result(given)
        if not out:
            raise AssertionError('no report, exit %d: %s' % (code, err))
        return code, json.loads(out), err


def bench(*argv):
    return Running(argv).result()


def load(target, *argv, expect=0):
    """The report of a load."""
    code, report, err = Running(['load', '--target', target, '--json'] + list(argv)).json()
    if code != expect:
        raise AssertionError('exit %d: %s\n%s' % (code, err, json.dumps(report, indent=1)))
    return report


def row(report, operation):
    return next(row for row in report['requests'] if row['requests'] == operation)


def errors(report):
    return {row['error']: row['count'] for row in report.get('errors', [])}


class Server:
    """Answers each connection by a function of (socket), in threads, until the test ends."""

    def __init__(self, case, serve):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()
        case.addCleanup(self._close)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            self.serve(sock)
        except OSError:
            pass

    def _close(self):
        for sock in [self.listener] + self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


def answer_each_read(answer):
    """Serve [answer] to whatever comes."""
    def serve(sock):
        while sock.recv(65536):
            sock.sendall(answer)
    return serve


def dav_nginx(case):
    """An nginx that stores what is PUT."""
    conf = http_servers.NGINX_CONF.replace('root %(folder)s/www;',
                                           'root %(folder)s/www; dav_methods PUT; create_full_put_path on;')
    with unittest.mock.patch.object(http_servers, 'NGINX_CONF', conf):
        server = http_servers.Nginx(case.folder, {})
    case.addCleanup(server.stop)
    return server


def http_config(shards):
    pool = dict(rt.pool_config('web', shards), protocol='http')
    return rt.proxy_config([pool], listeners=[{'bind': '127.0.0.1:%d' % rt.free_port(),
                                               'protocol': 'http', 'pool': 'web'}])
