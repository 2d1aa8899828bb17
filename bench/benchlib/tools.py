"""The programs that are run, and how the load generator is run."""
import json
import os
import subprocess

from . import procs, targets

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCH)
BUILDS = ("release", "dev", "bench")
PEERS = ("nutcracker", "nginx", "haproxy")


class Tools:
    """Paths of the programs; [directory] is a temporary one for configurations and logs."""

    def __init__(self, args, directory, needed):
        """[needed]: the names of the proxies that will run."""
        self.directory = directory
        self.stub = find_ours("ringway-bench-stub", args.tools)
        self.http_stub = find_ours("ringway-bench-http-stub", args.tools)
        self.loads = {"memcached": find_ours("ringway-bench-load", args.tools),
                      "http": find_ours("ringway-bench-http-load", args.tools)}
        self.memcached = "/usr/bin/memcached"
        self.ringway = self.nutcracker = self.nginx = self.haproxy = None
        if "ringway" in needed:
            self.ringway = os.path.abspath(targets.find_program(
                args.ringway, [os.path.join(ROOT, "build/release/proxy/ringway")], "ringway"))
        for name in PEERS:
            if name in needed:
                path = targets.find_program(getattr(args, name), [name, f"/usr/sbin/{name}"],
                                            f"{name} (a package of that name)")
                setattr(self, name, path)

    def load_argv(self, port, arguments, protocol):
        return [self.loads[protocol], "--host", "127.0.0.1", "--port", str(port)] + list(arguments)

    def run_load(self, port, plan, arguments, timeout_s, protocol="memcached"):
        """Run the generator to its end; returns its figures, raises if it gives none."""
        child = procs.spawn(self.load_argv(port, arguments, protocol), plan.load,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            output, errors = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise procs.BenchError("the load generator did not end in time") from error
        finally:
            procs.stop(child)
        if child.returncode not in (0, 1):
            raise procs.BenchError(errors.replace("ready\n", "").strip()
                                   or f"load generator: status {child.returncode}")
        return json.loads(output)


def find_ours(name, directory):
    directories = [directory] if directory else [os.path.join(ROOT, "build", build, "bench")
                                                 for build in BUILDS]
    return os.path.abspath(targets.find_program(
        None, [os.path.join(path, name) for path in directories],
        f"{name} (build it: cmake --preset release && cmake --build --preset release)"))
