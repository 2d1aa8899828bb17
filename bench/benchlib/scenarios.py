"""What is measured. Adding a scenario is adding a row."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    load: tuple             # arguments of the protocol's load generator
    value_size: int = 100
    keys: int = 10000
    needs_meta: bool = False
    protocol: str = "memcached"
    goal: float | None = None   # CPU of Ringway by that of the better peer, at most

    def load_arguments(self):
        """The arguments of the load generator that depend on the scenario."""
        size = ["--size"] if self.protocol == "http" else ["--value-size"]
        return list(self.load) + ["--keys", str(self.keys)] + size + [str(self.value_size)]


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
    Scenario("http-128", "GET of 128 bytes, 50 connections", ("--connections", "50"),
             value_size=128, protocol="http", goal=0.88),
    Scenario("http-128-1000", "GET of 128 bytes, 1,000 connections", ("--connections", "1000"),
             value_size=128, protocol="http", goal=0.88),
    Scenario("http-4k", "GET of 4 KiB, 50 connections", ("--connections", "50"),
             value_size=4096, protocol="http", goal=0.98),
    Scenario("http-1m", "GET of 1 MiB, 50 connections", ("--connections", "50"),
             value_size=1048576, protocol="http", goal=0.98),
    Scenario("http-post-64k", "POST of 64 KiB, 50 connections",
             ("--connections", "50", "--post", "65536"),
             value_size=128, protocol="http", goal=0.95),
    Scenario("http-close", "GET of 128 bytes, 50 at a time, a connection each",
             ("--connections", "50", "--close"), value_size=128, protocol="http", goal=1.0),
)

# Resident memory with idle connections.
MEMORY = "memory"
HTTP_MEMORY = "http-memory"

NAMES = {"memcached": [one.name for one in SCENARIOS if one.protocol == "memcached"] + [MEMORY],
         "http": [one.name for one in SCENARIOS if one.protocol == "http"] + [HTTP_MEMORY]}
