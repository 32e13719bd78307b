#!/usr/bin/env python3
"""The guard: fails when the allocator's paths have grown longer, or its memory larger.

Held against what was recorded in tests/guard are instructions per operation of ten workloads, 1 %
more at most; the machine code of the fast paths, which must be the same as long as the compiler
is; and peak memory of six programs, 3 % more at most. What a malloc and a free cost with 10 million
live blocks, and with 64 threads, is held against what they cost with few: 15 % more at most.

    guard.py [--library FILE] [--bless] [WORKLOAD...]

GLEBE_TEST_LIBRARY names another library to measure, too, such as a peer's.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

from guards import fast_paths, flatness, instructions, peak
from guards.common import ROOT, GuardError, compiler

BASELINE = ROOT / "tests/guard/baseline.json"
ADVICE = "`./x guard --bless` records what is now"
TABLES = {"instructions": instructions, "flatness": flatness, "peak": peak}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    library = os.environ.get("GLEBE_TEST_LIBRARY", ROOT / "target/release/libglebe.so")
    parser.add_argument("--library", type=pathlib.Path, default=library, help="what to measure")
    parser.add_argument("--bless", action="store_true", help="record what is now")
    known = sorted({name for table in TABLES.values() for name in table.WORKLOADS})
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(known))
    chosen = parser.parse_args()
    unknown = ", ".join(set(chosen.workloads) - set(known))
    if unknown:
        parser.error(f"no such workload: {unknown}; there are {', '.join(known)}")
    if chosen.bless and chosen.workloads:
        parser.error("a baseline is recorded for all workloads at once: give none with --bless")
    return chosen


def read_baseline():
    try:
        return json.loads(BASELINE.read_text())
    except FileNotFoundError as error:
        raise GuardError(f"there is no baseline {BASELINE} yet: {ADVICE}") from error
    except json.JSONDecodeError as error:
        raise GuardError(f"{BASELINE} is not JSON ({error}): {ADVICE}") from error


def measure(library, workloads):
    """Figures of the chosen workloads, or of all, by table."""
    with tempfile.TemporaryDirectory(prefix="glebe-guard-") as name:
        folder, figures = pathlib.Path(name), {}
        for kind, table in TABLES.items():
            chosen = [known for known in table.WORKLOADS if not workloads or known in workloads]
            figures[kind] = table.measure(library, folder, chosen) if chosen else {}
        return figures


def hold(library, workloads):
    """Measures and compares; whether all is well."""
    baseline, figures = read_baseline(), measure(library, workloads)
    more, less = [], []
    for kind, table in TABLES.items():
        if figures[kind]:
            for found, all_found in zip(
                table.compare(figures[kind], baseline.get(kind, {})), (more, less), strict=True
            ):
                all_found += [f"{kind} of {name}" for name in found]
            print()
    is_same_compiler = baseline.get("rustc") == compiler()
    if not workloads and fast_paths.compare(fast_paths.measure(library)) and is_same_compiler:
        more.append("the fast paths' code")
    if less:
        print(f"guard: less than recorded: {', '.join(less)}; {ADVICE}")
    if more:
        print(f"guard: more than recorded, or different: {', '.join(more)}")
        print(f"guard: if that is the price of something worth it, {ADVICE}")
        if not is_same_compiler:
            print(f"guard: the records are of rustc {baseline.get('rustc')}, this is {compiler()}")
    return not more


def bless(library):
    """Records what is now."""
    figures = measure(library, [])
    content = {"rustc": compiler(), **figures}
    BASELINE.write_text(json.dumps(content, indent=2) + "\n")
    fast_paths.GOLDEN.write_text(fast_paths.measure(library))
    for kind, table in TABLES.items():
        table.compare(figures[kind], figures[kind])
    print(f"guard: {BASELINE.parent.relative_to(ROOT)} records this")


def main():
    chosen = arguments()
    library = pathlib.Path(chosen.library).resolve()
    if not library.is_file():
        raise GuardError(f"{library} does not exist: `./x build` makes the library")
    if chosen.bless:
        bless(library)
        return 0
    return 0 if hold(library, chosen.workloads) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GuardError as problem:
        sys.exit(f"guard: {problem}")
