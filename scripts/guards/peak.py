"""How much memory a program holds at most, against the recorded figures.

Each workload of tests/guard/peak.c runs with the library in front, a few times. It prints its peak
of anonymous pages itself, which is the allocator's and its own; pages of files come and go with the
machine. The median counts.
"""

import os
import statistics

from .common import ROOT, compile_program, print_table, run

SOURCE = ROOT / "tests/guard/peak.c"
WORKLOADS = {
    "tiny": "100 blocks, and nothing else",
    "mixed": "200,000 blocks of mixed sizes replaced at random",
    "waves": "batches of growing sizes, each freed after the next but one",
    "threads": "24 threads one after the other, 1 MB each, freed by the first",
    "growing": "64 strings grown by realloc in turns",
    "large": "blocks of 40 KB to 4 MB replaced at random",
}
RUNS = 5
TOLERANCE = 0.03
# A few pages more or less mean nothing.
SLACK = 16


def measure(library, folder, chosen):
    """The peak of each chosen workload in KiB."""
    program = compile_program(SOURCE, folder)
    surroundings = {"PATH": os.environ["PATH"], "LD_PRELOAD": str(library)}

    def once(name):
        return int(run([program, name], env=surroundings))

    return {name: statistics.median(once(name) for _ in range(RUNS)) for name in chosen}


def compare(now, before):
    """Prints the table; the workloads that hold more than before, and those that hold less."""
    return print_table("KiB of anonymous pages at most", now, before, WORKLOADS, TOLERANCE, SLACK)
