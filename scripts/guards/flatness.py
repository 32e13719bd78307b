"""How the cost of a malloc and a free grows with live blocks, and with threads.

tests/guard/flat.c replaces random blocks under callgrind, which begins to count when the tables are
full. Instructions only: that larger heaps miss the caches more often is not the allocator's doing.
Each figure is held against the first of its group, not against a record.
"""

from .common import ROOT, compile_program, print_table
from .instructions import profile, self_costs

SOURCE = ROOT / "tests/guard/flat.c"
GROUPS = (
    {
        "live-10k": ((10_000, 1), "10,000 live blocks of 1 to 256 B"),
        "live-100k": ((100_000, 1), "100,000 live"),
        "live-1M": ((1_000_000, 1), "1,000,000 live"),
        "live-10M": ((10_000_000, 1), "10,000,000 live"),
    },
    {
        "threads-1": ((1_000, 1), "one thread, 1,000 live"),
        "threads-4": ((1_000, 4), "4 threads, each with 1,000 live"),
        "threads-16": ((1_000, 16), "16 threads"),
        "threads-64": ((1_000, 64), "64 threads"),
    },
)
WORKLOADS = {name: row for group in GROUPS for name, row in group.items()}
TOLERANCE = 0.15


def measure(library, folder, chosen):
    """Instructions of a malloc and a free in each chosen workload."""
    program = compile_program(SOURCE, folder)

    def count(name):
        (live, threads), _ = WORKLOADS[name]
        arguments = [str(live), str(threads)]
        printed, out = profile(program, arguments, library, folder, ["--instr-atstart=no"])
        costs = self_costs(out)
        return sum(cost for name, cost in costs.items() if name != str(program)) / int(printed)

    return {name: round(count(name), 2) for name in chosen}


def compare(now, _):
    """Prints the table; the workloads that take more than the first of their group allows."""
    about = {name: text for name, (_, text) in WORKLOADS.items()}
    more = []
    for group in GROUPS:
        found = {name: now[name] for name in group if name in now}
        first = next(iter(found.values()), None)
        before = dict.fromkeys(found, first)
        more += print_table("instructions, against the first", found, before, about, TOLERANCE)[0]
    return more, []
