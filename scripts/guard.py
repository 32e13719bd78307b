#!/usr/bin/env python3
"""The instruction-count guard: fails when the allocator's paths have grown longer.

Each workload of tests/guard/guard.c runs under callgrind with the library in front (callgrind does
not replace malloc). Counted are the instructions of everything but the program itself: the library
and what it calls. Unlike times, such counts repeat on any machine; they differ between compilers,
so the baseline names the one it was made with.

    guard.py [--library FILE] [--baseline FILE] [--bless] [WORKLOAD...]

GLEBE_TEST_LIBRARY names another library to count, too, such as a peer's.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests/guard/guard.c"
BASELINE = ROOT / "tests/guard/baseline.json"
ADVICE = "`./x guard --bless` records the counts of now"

# Rounds are chosen for about half a second each; the text says what one operation is.
WORKLOADS = {
    "pair": (400, "malloc and free of 64 B"),
    "batch": (400, "256 × 64 B, first in, first out"),
    "mixed": (300, "mixed sizes, 64 live"),
    "replace": (8, "random replacement, 10,000 live"),
    "zeroed": (300, "calloc of 24 to 384 B and free"),
    "grow": (400, "realloc by half up to 64 KiB"),
    "aligned": (300, "aligned_alloc of 32 to 256 B and free"),
    "large": (300, "40 to 440 KB and free, 8 live"),
}
TOLERANCE = 0.01

# The same string functions of the C library on every machine.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM"


class GuardError(Exception):
    """Something that keeps the guard from counting, told to the user without a traceback."""


def run(command, **options):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError as error:
        raise GuardError(f"{command[0]} is not on this machine: `./x setup` installs it") from error
    if done.returncode:
        shown = " ".join(map(str, command))
        raise GuardError(f"`{shown}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_program(folder):
    program = folder / "guard"
    options = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin"]
    run(["gcc", *options, "-o", program, SOURCE])
    return program


def self_costs(profile):
    """Instructions of every object file, from a callgrind profile: the costs of its own lines."""
    names, costs = {}, {}
    current, inclusive = None, False
    for line in profile.read_text().splitlines():
        if line.startswith("ob="):
            number, name = re.fullmatch(r"ob=\((\d+)\)(?: (.*))?", line).groups()
            current = names.setdefault(number, name)
        elif line.startswith("cob="):
            number, name = re.fullmatch(r"cob=\((\d+)\)(?: (.*))?", line).groups()
            names.setdefault(number, name)
        elif line.startswith("calls="):
            inclusive = True  # The next line is the cost of the callee, counted over there.
        elif re.match(r"[0-9+*-]", line):
            if not inclusive:
                costs[current] = costs.get(current, 0) + int(line.split()[1])
            inclusive = False
    return costs


def count(program, library, workload, folder):
    """Instructions per operation outside the program itself."""
    rounds, _ = WORKLOADS[workload]
    out = folder / f"profile.{workload}"
    surroundings = {
        "PATH": os.environ["PATH"],
        "LD_PRELOAD": str(library),
        "LD_BIND_NOW": "1",
        "GLIBC_TUNABLES": TUNABLES,
    }
    command = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}"]
    printed = run([*command, str(program), workload, str(rounds)], env=surroundings)
    costs = self_costs(pathlib.Path(f"{out}.1"))
    if not costs.get(str(library)):
        raise GuardError(f"{library} did nothing in `{workload}`: not loaded, or without malloc")
    return sum(cost for name, cost in costs.items() if name != str(program)) / int(printed)


def compiler():
    return run(["rustc", "--version"]).split()[1]


def read_baseline(path):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise GuardError(f"there is no baseline {path} yet: {ADVICE}") from error
    except json.JSONDecodeError as error:
        raise GuardError(f"{path} is not JSON ({error}): {ADVICE}") from error


def write_baseline(path, counts):
    content = {"rustc": compiler(), "instructions": counts}
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(f"guard: {path} records these counts")


def compare(counts, baseline):
    """Prints the table; says whether all is well."""
    before = baseline["instructions"]
    longer, shorter = [], []
    print(f"{'workload':9} {'baseline':>9} {'now':>9} {'change':>8}  one operation is")
    for workload, now in counts.items():
        was = before.get(workload)
        change = now / was - 1 if was else None
        if change is None or change > TOLERANCE:
            longer.append(workload)
        elif change < -TOLERANCE:
            shorter.append(workload)
        was, change = (f"{was:.2f}", f"{change:+.1%}") if was else ("-", "new")
        print(f"{workload:9} {was:>9} {now:9.2f} {change:>8}  {WORKLOADS[workload][1]}")
    if shorter:
        print(f"guard: shorter than the baseline: {', '.join(shorter)}; {ADVICE}")
    if longer:
        print(f"guard: longer than the baseline by over {TOLERANCE:.0%}: {', '.join(longer)}")
        print(f"guard: if that is the price of something worth it, {ADVICE}")
        if baseline.get("rustc") != compiler():
            print(f"guard: the baseline is of rustc {baseline.get('rustc')}, this is {compiler()}")
    return not longer


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    library = os.environ.get("GLEBE_TEST_LIBRARY", ROOT / "target/release/libglebe.so")
    parser.add_argument("--library", type=pathlib.Path, default=library, help="what to count")
    parser.add_argument("--baseline", type=pathlib.Path, default=BASELINE, help="to compare with")
    parser.add_argument("--bless", action="store_true", help="record the counts as the baseline")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    chosen = parser.parse_args()
    unknown = set(chosen.workloads) - set(WORKLOADS)
    if unknown:
        known, unknown = ", ".join(WORKLOADS), ", ".join(sorted(unknown))
        parser.error(f"no such workload: {unknown}; there are {known}")
    if chosen.bless and chosen.workloads:
        parser.error("a baseline is recorded for all workloads at once: give none with --bless")
    return chosen


def main():
    chosen = arguments()
    library = pathlib.Path(chosen.library).resolve()
    if not library.is_file():
        raise GuardError(f"{library} does not exist: `./x build` makes the library")
    baseline = None if chosen.bless else read_baseline(chosen.baseline)
    if not shutil.which("valgrind"):
        raise GuardError("valgrind is not on this machine: `./x setup` installs it")
    with tempfile.TemporaryDirectory(prefix="glebe-guard-") as name:
        folder = pathlib.Path(name)
        program = compile_program(folder)
        workloads = chosen.workloads or WORKLOADS
        counts = {w: round(count(program, library, w, folder), 2) for w in workloads}
    if not chosen.bless:
        return 0 if compare(counts, baseline) else 1
    for workload, now in counts.items():
        print(f"{workload:9} {now:9.2f}  {WORKLOADS[workload][1]}")
    write_baseline(chosen.baseline, counts)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GuardError as problem:
        sys.exit(f"guard: {problem}")
