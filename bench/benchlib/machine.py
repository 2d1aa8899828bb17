"""The machine: which CPU runs what, and what it is, for the top of a report."""
import os
import platform
import resource
import time


class CpuPlan:
    """Which CPUs the proxy, the load generator and the shards run on; None: not pinned.

    With two CPUs the proxy has one of them alone, and the generator and the shards share the
    other. The proxy is what is measured: nothing may take time from it, its cache stays its own,
    and a write's TCP work, which Linux does on the writer's CPU for both ends of a loopback
    connection, is paid by whoever writes. The generator and the stub cost less than a proxy for
    each request as long as they work on many requests at a time, so the proxy is nearly always the
    bottleneck; the column "busy" says when it is not.
    """

    def __init__(self, n_proxy_cpus=1):
        cpus = sorted(os.sched_getaffinity(0))
        self.proxy = self.load = self.shards = None
        if len(cpus) >= n_proxy_cpus + 2:
            self.load = {cpus[0]}
            self.proxy = set(cpus[1:1 + n_proxy_cpus])
            self.shards = set(cpus[1 + n_proxy_cpus:])
        elif len(cpus) >= n_proxy_cpus + 1:
            self.load = self.shards = {cpus[0]}
            self.proxy = set(cpus[1:])

    def __str__(self):
        if self.proxy is None:
            return "nothing is pinned: too few CPUs to give the proxy its own"
        return (f"proxy on CPU {cpu_list(self.proxy)}, generator on {cpu_list(self.load)}, "
                f"shards on {cpu_list(self.shards)}")


def cpu_list(cpus):
    return ",".join(str(cpu) for cpu in sorted(cpus))


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def is_virtual():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return any(line.startswith("flags") and " hypervisor" in line for line in file)
    except OSError:
        return False


def describe():
    cpus = len(os.sched_getaffinity(0))
    guest = ", virtual machine" if is_virtual() else ""
    return f"{cpu_model()}, {cpus} CPUs{guest}, Linux {platform.release()}"


class Meter:
    """CPU time that programs other than ours used while it was running.

    Ours are this process and its children. What the hypervisor took counts as used by others.
    """

    def __init__(self, children):
        self.children = children
        self.started = time.monotonic()
        self.used_s = self._used_s()
        self.ours_s = self._ours_s()

    @staticmethod
    def _used_s():
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _idle, _wait, irq, softirq, steal = [
                int(word) for word in file.readline().split()[1:9]]
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")

    def _ours_s(self):
        total = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            total += usage.ru_utime + usage.ru_stime
        return total + sum(cpu_time_s(child.pid) for child in self.children)

    def foreign_share(self):
        """The share of all CPUs' time, 0..1. The kernel counts in ticks: within about 0.02."""
        foreign = (self._used_s() - self.used_s) - (self._ours_s() - self.ours_s)
        elapsed = (time.monotonic() - self.started) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, foreign / elapsed)) if elapsed > 0 else 0.0


def cpu_time_s(pid):
    """CPU time of all threads of a living process."""
    total_ns = 0
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
                total_ns += int(file.read().split()[0])
    except OSError:
        pass
    return total_ns / 1e9
