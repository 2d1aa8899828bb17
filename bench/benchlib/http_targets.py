"""What an HTTP load is sent to: a proxy in front of four stub origins, one worker each.

Where a default would make a peer do work that the others do not, it is set; bench/README.md lists
what and why.
"""
import subprocess

from . import procs, targets

# Idle connections to the origins that nginx may keep. A closed loop of 1,000 clients can have as
# many open at once, and what does not fit would be closed and opened again.
NGINX_KEEPALIVE = 1024
MANY = 1000000000
# More than are ever open; a machine may allow 20,000 files to a process, and a client takes two.
MAX_CLIENTS = 8000


class HttpShards:
    """Four ports of one stub origin, on the shards' CPU."""

    def __init__(self, tools, plan):
        self.child = procs.spawn([tools.http_stub, "--n", str(targets.N_SHARDS)], plan.shards,
                                 stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        if not line.startswith("ports "):
            raise procs.BenchError(f"the stub origin said {line!r}")
        self.ports = [int(port) for port in line.split()[1].split(",")]

    def prefill(self, tools, plan, scenario):
        """Every path is there."""

    def stop(self):
        procs.stop(self.child)


class HttpRingway(targets.Proxy):
    name = "ringway"
    protocol = "http"

    def configuration(self, ports):
        shards = "".join(f'      - {{name: "127.0.0.1:{port}"}}\n' for port in ports)
        return ("workers: 1\n"
                "admin: off\n"
                "log: {level: warn}\n"
                f"limits: {{max_clients: {MAX_CLIENTS}}}\n"
                "pools:\n"
                "  - name: web\n"
                "    protocol: http\n"
                "    shards:\n"
                f"{shards}"
                "listeners:\n"
                f'  - {{bind: "127.0.0.1:{self.port}", protocol: http, pool: web}}\n')

    def command(self, tools):
        return [tools.ringway, "-c", self.config]


class Nginx(targets.Proxy):
    name = "nginx"
    protocol = "http"
    # More directives of the http block, to see what another setting would do.
    extra = ()

    def configuration(self, ports):
        temporary = "".join(f"  {what}_temp_path {self.directory}/{what};\n"
                            for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        servers = "".join(f"    server 127.0.0.1:{port};\n" for port in ports)
        extra = "".join(f"  {directive.rstrip(';')};\n" for directive in self.extra)
        return ("worker_processes 1;\n"
                "daemon off;\n"
                # One process, so that nothing is left when it is killed.
                "master_process off;\n"
                f"pid {self.directory}/pid;\n"
                "error_log stderr crit;\n"
                f"events {{ worker_connections {2 * MAX_CLIENTS}; }}\n"
                "http {\n"
                "  access_log off;\n"
                f"{temporary}"
                "  keepalive_timeout 300s;\n"
                f"  keepalive_requests {MANY};\n"
                "  proxy_max_temp_file_size 0;\n"
                f"{extra}"
                "  upstream web {\n"
                "    hash $request_uri consistent;\n"
                f"{servers}"
                f"    keepalive {NGINX_KEEPALIVE};\n"
                f"    keepalive_requests {MANY};\n"
                "    keepalive_timeout 300s;\n"
                "  }\n"
                "  server {\n"
                f"    listen 127.0.0.1:{self.port} backlog=4096;\n"
                "    location / {\n"
                "      proxy_pass http://web;\n"
                "      proxy_http_version 1.1;\n"
                '      proxy_set_header Connection "";\n'
                "    }\n"
                "  }\n"
                "}\n")

    def command(self, tools):
        return [tools.nginx, "-e", "stderr", "-p", self.directory, "-c", self.config]


class Haproxy(targets.Proxy):
    name = "haproxy"
    protocol = "http"

    def configuration(self, ports):
        servers = "".join(f"  server s{number} 127.0.0.1:{port}\n"
                          for number, port in enumerate(ports))
        return ("global\n"
                "  nbthread 1\n"
                f"  maxconn {MAX_CLIENTS}\n"
                "defaults\n"
                "  mode http\n"
                "  timeout connect 1s\n"
                "  timeout client 300s\n"
                "  timeout server 300s\n"
                "  timeout http-keep-alive 300s\n"
                "frontend bench\n"
                f"  bind 127.0.0.1:{self.port}\n"
                "  default_backend web\n"
                "backend web\n"
                "  balance uri\n"
                "  hash-type consistent\n"
                "  http-reuse always\n"
                f"{servers}")

    def command(self, tools):
        return [tools.haproxy, "-db", "-q", "-f", self.config]


TARGETS = (HttpRingway, Nginx, Haproxy)
PEERS = (Nginx.name, Haproxy.name)
