"""Real HTTP servers as shards: nginx, Node.js and Python's http.server, each on a free port."""
import os
import shutil

import ringway_testing as rt

NGINX_CONF = """
daemon off;
master_process off;
error_log stderr crit;
pid %(folder)s/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    default_type text/plain;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:%(port)d;
        location / { root %(folder)s/www; }
        location = /redirect { return 302 /static/small; }
    }
}
"""


class Server:
    """One process that listens on [port]."""

    def __init__(self, name, argv, folder, port):
        self.port = port
        self.process = rt.Process(name, argv, folder)
        try:
            rt.wait_until(
                lambda: rt.can_connect(port) or not self.process.alive(), '%s listens' % name
            )
            if not self.process.alive():
                raise RuntimeError('%s did not start:\n%s' % (name, self.process.log_tail()))
        except BaseException:
            self.process.stop()
            raise

    def target(self):
        return '127.0.0.1:%d' % self.port

    def stop(self):
        self.process.stop()


def program(name):
    path = shutil.which(name) or os.path.join('/usr/sbin', name)
    if not os.access(path, os.X_OK):
        raise AssertionError('%s is missing: see deploy/local/packages.sh' % name)
    return path


def write_files(folder, files):
    """[files], a dict of name to bytes, in [folder]/static."""
    os.makedirs(os.path.join(folder, 'static'), exist_ok=True)
    os.chmod(folder, 0o755)
    for name, data in files.items():
        with open(os.path.join(folder, 'static', name), 'wb') as file:
            file.write(data)


class Nginx(Server):
    """[files] are served under /static/."""

    def __init__(self, folder, files):
        port = rt.free_port()
        folder = os.path.join(folder, 'nginx-%d' % port)
        os.mkdir(folder)
        write_files(os.path.join(folder, 'www'), files)
        conf = os.path.join(folder, 'nginx.conf')
        with open(conf, 'w', encoding='utf-8') as file:
            file.write(NGINX_CONF % {'folder': folder, 'port': port})
        super().__init__(
            'nginx', [program('nginx'), '-p', folder, '-e', 'stderr', '-c', conf], folder, port
        )


class Node(Server):
    """http_node_server.js"""

    def __init__(self, folder):
        port = rt.free_port()
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'http_node_server.js')
        super().__init__('node', [program('node'), script, str(port)], folder, port)


class PythonServer(Server):
    """`python3 -m http.server`, which serves [files] under /static/; [version] 1.0 or 1.1."""

    def __init__(self, folder, files, version):
        port = rt.free_port()
        folder = os.path.join(folder, 'python-%d' % port)
        write_files(folder, files)
        super().__init__(
            'http.server',
            [
                '/usr/bin/python3',
                '-m',
                'http.server',
                '--bind',
                '127.0.0.1',
                '--protocol',
                'HTTP/' + version,
                '--directory',
                folder,
                str(port),
            ],
            folder,
            port,
        )
