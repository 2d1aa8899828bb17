"""What came of a comparison, as tables: medians of the rounds, and medians of their ratios."""
import statistics

from . import http_targets, report

TITLES = {"stub": "memcached, with stub servers that cost nothing: the proxy itself",
          "memcached": "memcached, with four memcached 1 thread each",
          "http": "HTTP, with stub origins that cost nothing: the proxy itself"}

HEADER = ["scenario", "target", "req/s", "±", "CPU µs/req", "busy", "p50 µs", "p99 µs",
          "p99.9 µs", "data calls", "waits", "other calls", "req/s ratio", "CPU ratio",
          "p99 ratio", "errors"]

HTTP_HEADER = ["scenario", "target", "req/s", "±", "CPU µs/req", "user", "kernel", "busy",
               "p50 µs", "p99 µs", "data calls", "waits", "other calls", "CPU ratio", "of",
               "goal", "errors"]

MEMORY_HEADER = ["target", "", "idle KiB", "1,000 connections", "10,000 connections",
                 "KiB each", "10,000 after a get each", "KiB each"]


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def median_ratio(runs, pair, name):
    """The median over the rounds of one target's figure by the other's; None if not both ran."""
    above, below = runs.get(pair[0]), runs.get(pair[1])
    if not above or not below:
        return None
    return median([a[name] / b[name] for a, b in zip(above, below)
                   if a[name] is not None and b[name]])


def spread(values):
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def errors_cell(mine):
    errors = sum(run["errors"] for run in mine)
    return f"{errors} ERRORS" if errors else "0"


def share_cell(values):
    value = median(values)
    return report.NONE if value is None else f"{value:.0%}"


def number_cells(mine, figures):
    return [report.number(median([run[figure] for run in mine])) for figure in figures]


def split_cells(mine):
    """CPU time a request, and what user space and the kernel have of it."""
    cpu_us = median([run["cpu_us"] for run in mine])
    share = median([run["user_share"] for run in mine])
    split = ([None, None] if cpu_us is None or share is None
             else [cpu_us * share, cpu_us * (1 - share)])
    return [report.number(value) for value in [cpu_us] + split]


def call_cells(counted):
    return [report.number((counted or {}).get(kind)) for kind in ("data", "wait", "other")]


def row_of(scenario, name, runs, calls, pair):
    """A row of the memcached table; [runs] and [calls] are those of the scenario, by target."""
    mine = runs.get(name)
    title = scenario.title
    if not mine:
        return [title, name] + [report.NONE] * 13 + [""]
    ratios = [""] * 3
    if name == pair[0]:
        ratios = [report.ratio(median_ratio(runs, pair, figure))
                  for figure in ("rps", "cpu_us", "p99")]
    return [title, name, report.number(median([run["rps"] for run in mine]), 0),
            f"{spread([run['rps'] for run in mine]):.0%}",
            *number_cells(mine, ["cpu_us"]), share_cell([run["busy"] for run in mine]),
            *number_cells(mine, ["p50", "p99", "p99_9"]), *call_cells(calls.get(name)),
            *ratios, errors_cell(mine)]


def better_peer(runs):
    """Of the peers that ran without an error, the one with less CPU time a request; or None."""
    costs = {}
    for name in http_targets.PEERS:
        mine = runs.get(name, [])
        cost = median([run["cpu_us"] for run in mine])
        if cost is not None and not any(run["errors"] for run in mine):
            costs[name] = cost
    return min(costs, key=costs.get) if costs else None


def goal_cells(scenario, name, runs):
    """Ratio, peer and goal, for Ringway only; a run with errors meets no goal."""
    peer = better_peer(runs)
    if name != http_targets.HttpRingway.name or peer is None:
        return [""] * 3
    ratio = median_ratio(runs, (name, peer), "cpu_us")
    if ratio is None:
        return [report.NONE, peer, report.NONE]
    is_met = ratio <= scenario.goal and not any(run["errors"] for run in runs[name])
    return [f"{ratio:.3f}", peer, f"≤ {scenario.goal:.2f} {'met' if is_met else 'MISSED'}"]


def http_row_of(scenario, name, runs, calls):
    """A row of the HTTP table."""
    mine = runs[name]
    return [scenario.title, name, report.number(median([run["rps"] for run in mine]), 0),
            f"{spread([run['rps'] for run in mine]):.0%}",
            *split_cells(mine),
            share_cell([run["busy"] for run in mine]), *number_cells(mine, ["p50", "p99"]),
            *call_cells(calls.get(name)), *goal_cells(scenario, name, runs), errors_cell(mine)]


def rows_of(comparison, kind):
    rows = []
    for scenario in comparison.scenarios_of(kind):
        runs = comparison.runs[kind][scenario.name]
        calls = comparison.calls[kind][scenario.name]
        for number, cls in enumerate(comparison.classes_of(kind)):
            row = (http_row_of(scenario, cls.name, runs, calls) if kind == "http"
                   else row_of(scenario, cls.name, runs, calls, comparison.pair))
            if number > 0:
                row[0] = ""
            rows.append(row)
    return rows


def memory_rows(memory):
    rows = []
    for name, row in memory.items():
        idle, used = row["idle_kib"], row["10000_used_kib"]
        rows.append([name, "1 worker", *[f"{row[key]:,}" for key in (
            "idle_kib", "1000_kib", "10000_kib")],
            f"{(row['10000_kib'] - idle) / 10000:.2f}", f"{used:,}",
            f"{(used - idle) / 10000:.2f}"])
    return rows


def http_memory_rows(memory, n_idle):
    return [[name, "1 worker", f"{row['idle_kib']:,}", f"{row[f'{n_idle}_used_kib']:,}",
             f"{(row[f'{n_idle}_used_kib'] - row['idle_kib']) / n_idle:.2f}"]
            for name, row in memory.items()]


def of(comparison):
    """(title, header, rows) of every table."""
    tables = [(TITLES[kind], HTTP_HEADER if kind == "http" else HEADER, rows_of(comparison, kind))
              for kind in comparison.kinds if comparison.scenarios_of(kind)]
    memcached, http = (comparison.memory.get(kind) for kind in ("memcached", "http"))
    if memcached:
        tables.append(("Resident memory, memcached", MEMORY_HEADER, memory_rows(memcached)))
    if http:
        n_idle = comparison.n_http_idle
        header = ["target", "", "idle KiB", f"{n_idle:,} connections after a request each",
                  "KiB each"]
        tables.append(("Resident memory, HTTP", header, http_memory_rows(http, n_idle)))
    return tables
