"""What is measured. Adding a scenario is adding a row."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    load: tuple             # arguments of ringway-bench-load
    value_size: int = 100
    keys: int = 10000
    needs_meta: bool = False


SCENARIOS = (
    Scenario("get", "get, 50 connections", ("--op", "get", "--connections", "50")),
    Scenario("get-pipelined", "get, 50 connections, 32 deep",
             ("--op", "get", "--connections", "50", "--pipeline", "32")),
    Scenario("mget-50", "multi-get of 50 keys, 50 connections",
             ("--op", "mget", "--mget-keys", "50", "--connections", "50")),
    Scenario("mget-100", "multi-get of 100 keys, 50 connections",
             ("--op", "mget", "--mget-keys", "100", "--connections", "50")),
    Scenario("set-4k", "set of 4 KiB, 50 connections",
             ("--op", "set", "--connections", "50"), value_size=4096),
    Scenario("get-64k", "get of 64 KiB, 50 connections",
             ("--op", "get", "--connections", "50"), value_size=65536, keys=1000),
    Scenario("mix-1000", "90 % get, 10 % set, 1,000 connections",
             ("--op", "mix", "--connections", "1000")),
    Scenario("get-1000", "get, 1,000 connections", ("--op", "get", "--connections", "1000")),
    Scenario("meta-get", "meta get, 50 connections",
             ("--op", "mg", "--connections", "50"), needs_meta=True),
)

MEMORY = "memory"

NAMES = [scenario.name for scenario in SCENARIOS] + [MEMORY]
