"""Child processes that cannot outlive us, ports that are free, waits that end."""
import atexit
import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
START_TIMEOUT_S = 15
STOP_TIMEOUT_S = 5
TURN_TIMEOUT_S = 1800

_libc = ctypes.CDLL(None, use_errno=True)
_children = []
_given_ports = set()
_turn = None

# The scheduling priority of children, -20..19; below 0 needs root.
nice = 0  # pylint: disable=invalid-name


class BenchError(Exception):
    """Something that ends the comparison, with a message for its user."""


def spawn(argv, cpus=None, **options):
    """Start [argv] on [cpus] (None: any); it is killed when we end, however we end."""

    def in_child():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if nice:
            set_own_priority(nice)
        if cpus:
            os.sched_setaffinity(0, cpus)

    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        # Nothing here has threads, so preexec_fn is safe.
        child = subprocess.Popen(argv, preexec_fn=in_child, **options)  # pylint: disable=W1509
    except OSError as error:
        raise BenchError(f"cannot start {argv[0]}: {error.strerror}") from error
    _children.append(child)
    return child


def children():
    """Those that are running, or were not waited for yet."""
    return list(_children)


def set_own_priority(value):
    """Make this process a session of its own with priority [value].

    Where the kernel schedules sessions as groups, a process's priority only counts within its
    session, and the session has one of its own.
    """
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, value)
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(value))
    except OSError:
        pass


def stop(child):
    """End [child] politely, then not."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child in _children:
        _children.remove(child)


def stop_all():
    for child in list(_children):
        child.kill()
    for child in list(_children):
        child.wait()
    _children.clear()


def _on_signal(number, _frame):
    raise SystemExit(128 + number)


def install_cleanup():
    """Kill the children at exit, and exit on SIGTERM and SIGHUP as on Ctrl-C."""
    atexit.register(stop_all)
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGHUP, _on_signal)


def wait_for_turn():
    """One measurement at a time on a machine: wait for others, then hold a lock until we end."""
    global _turn  # pylint: disable=global-statement
    path = os.path.join(tempfile.gettempdir(), "ringway-bench.lock")
    try:
        _turn = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise BenchError(f"cannot open {path}: {error.strerror}") from error
    deadline = time.monotonic() + TURN_TIMEOUT_S
    is_told = False
    while True:
        try:
            fcntl.flock(_turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise BenchError(f"another measurement still holds {path}") from error
        if not is_told:
            print("waiting for another measurement to end", file=sys.stderr, flush=True)
            is_told = True
        time.sleep(0.5)


def free_port():
    """A port of 127.0.0.1 that nobody has, below those the kernel gives to clients."""
    for _ in range(1000):
        port = random.randrange(15000, 32000)
        if port in _given_ports:
            continue
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise BenchError("no free port on 127.0.0.1")


# What is asked to see whether a server is there: the question, whether an answer is whole (else it
# is when the server closes), and whether it is right.
PROBES = {
    "memcached": (b"get ringway-bench:is-it-there\r\n", lambda answer: answer.endswith(b"\r\n"),
                  lambda answer: answer.endswith(b"END\r\n")),
    "http": (b"GET /128/ringway-bench:is-it-there HTTP/1.1\r\nHost: bench.test\r\n"
             b"Connection: close\r\n\r\n", lambda answer: False,
             lambda answer: answer.startswith(b"HTTP/1.1 200 ")),
}


def wait_serving(child, port, what, protocol="memcached"):
    """Wait until a question on [port] gets a proper answer; raise when it does not in time."""
    question, is_whole, is_right = PROBES[protocol]
    deadline = time.monotonic() + START_TIMEOUT_S
    answer = b""
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise BenchError(f"{what} ended with status {child.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as sock:
                sock.settimeout(2)
                sock.sendall(question)
                answer = b""
                while not is_whole(answer):
                    data = sock.recv(1 << 20)
                    if not data:
                        break
                    answer += data
                if is_right(answer):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise BenchError(f"{what} does not serve on port {port}; last answer {answer[:80]!r}")


def resident_kib(pid):
    """VmRSS of a process in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise BenchError(f"process {pid} has no resident memory")
