"""What a load is sent to: a proxy in front of four shards, or one server without a proxy."""
import os
import shutil
import subprocess

from . import procs

N_SHARDS = 4
MEMCACHED_MIB = 1024


def find_program(given, candidates, what):
    """[given] or the first of [candidates] that exists."""
    if given:
        candidates = [given]
    for path in candidates:
        found = shutil.which(path)
        if found:
            return found
    raise procs.BenchError(f"no {what}: looked for {', '.join(candidates)}")


class Shards:
    """Four stub servers or memcacheds, and a fifth for the runs without a proxy.

    The fifth runs where a proxy would, because there it is what is measured.
    """

    def __init__(self, kind, value_size, tools, plan):
        self.kind = kind
        self.children = []
        if kind == "stub":
            self._start_stubs(value_size, tools, plan)
        else:
            self._start_memcacheds(tools, plan)

    def _start_stub(self, n, value_size, tools, cpus):
        child = procs.spawn([tools.stub, "--port", "0", "--n", str(n),
                             "--value-size", str(value_size)],
                            cpus, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        line = child.stdout.readline()
        if not line.startswith("ports "):
            raise procs.BenchError(f"the stub server said {line!r}")
        return child, [int(port) for port in line.split()[1].split(",")]

    def _start_stubs(self, value_size, tools, plan):
        _, self.ports = self._start_stub(N_SHARDS, value_size, tools, plan.shards)
        child, ports = self._start_stub(1, value_size, tools, plan.proxy)
        self.direct_port, self.direct_pid = ports[0], child.pid

    def _start_memcached(self, tools, cpus):
        port = procs.free_port()
        argv = [tools.memcached, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "1",
                "-m", str(MEMCACHED_MIB), "-c", "12000"]
        if os.geteuid() == 0:
            argv += ["-u", "root"]
        child = procs.spawn(argv, cpus)
        self.children.append(child)
        procs.wait_serving(child, port, "memcached")
        return child, port

    def _start_memcacheds(self, tools, plan):
        self.ports = [self._start_memcached(tools, plan.shards)[1] for _ in range(N_SHARDS)]
        child, self.direct_port = self._start_memcached(tools, plan.proxy)
        self.direct_pid = child.pid

    def prefill(self, tools, plan, scenario):
        """Set every key on every memcached, so that it is a hit whatever ring is used."""
        if self.kind == "stub":
            return
        for port in self.ports + [self.direct_port]:
            tools.run_load(port, plan, ["--prefill", "--connections", "0", "--duration", "0",
                                        "--warmup", "0", "--keys", str(scenario.keys),
                                        "--value-size", str(scenario.value_size)], 120)

    def stop(self):
        for child in self.children:
            procs.stop(child)


class Direct:
    """No proxy: the generator talks to one server."""
    name = "direct"
    speaks_meta = True

    def __init__(self, shards):
        self.port, self.pid = shards.direct_port, shards.direct_pid

    def stop(self):
        pass


class Proxy:
    """A proxy process; a subclass writes its configuration and knows its command line."""
    protocol = "memcached"
    speaks_meta = True

    def __init__(self, shards, tools, cpus, wrap=(), log=subprocess.DEVNULL):
        self.port = procs.free_port()
        self.admin_port = procs.free_port()
        self.directory = os.path.join(tools.directory, f"{self.name}-{self.port}")
        os.mkdir(self.directory)
        self.config = os.path.join(self.directory, "config")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(self.configuration(shards.ports))
        argv = list(wrap) + self.command(tools)
        self.child = procs.spawn(argv, cpus, stdout=log, stderr=log, cwd=self.directory)
        self.pid = self.child.pid
        procs.wait_serving(self.child, self.port, f"{self.name} ({' '.join(argv)})",
                           self.protocol)

    def configuration(self, ports):
        raise NotImplementedError

    def command(self, tools):
        raise NotImplementedError

    def stop(self):
        procs.stop(self.child)


class Ringway(Proxy):
    name = "ringway"
    workers = 1
    ring = "default"

    def configuration(self, ports):
        ring = "" if self.ring == "default" else f"    ring: {{compatible_with: {self.ring}}}\n"
        shards = "".join(f'      - {{name: "127.0.0.1:{port}", replicas: ["127.0.0.1:{port}"]}}\n'
                         for port in ports)
        return (f"workers: {self.workers}\n"
                f'admin: {{bind: "127.0.0.1:{self.admin_port}"}}\n'
                "log: {level: warn}\n"
                "limits: {max_clients: 20000}\n"
                "pools:\n"
                "  - name: bench\n"
                "    protocol: memcached\n"
                f"{ring}"
                "    shards:\n"
                f"{shards}"
                "    timeouts: {connect: 1s, request: 5s}\n"
                "listeners:\n"
                f'  - {{bind: "127.0.0.1:{self.port}", protocol: memcached, pool: bench}}\n')

    def command(self, tools):
        return [tools.ringway, "-c", self.config]


class RingwayTwo(Ringway):
    name = "ringway-2"
    workers = 2


class Nutcracker(Proxy):
    name = "nutcracker"
    speaks_meta = False

    def configuration(self, ports):
        servers = "".join(f"    - 127.0.0.1:{port}:1\n" for port in ports)
        return ("bench:\n"
                f"  listen: 127.0.0.1:{self.port}\n"
                "  distribution: ketama\n"
                "  hash: fnv1a_64\n"
                "  preconnect: true\n"
                "  auto_eject_hosts: false\n"
                "  timeout: 5000\n"
                "  servers:\n"
                f"{servers}")

    def command(self, tools):
        return [tools.nutcracker, "-c", self.config, "-a", "127.0.0.1",
                "-s", str(self.admin_port), "-o", os.path.join(self.directory, "log"),
                "-p", os.path.join(self.directory, "pid")]
