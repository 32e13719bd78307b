"""How many instructions the allocator's paths take.

Each workload of tests/guard/guard.c runs under callgrind with the library in front (callgrind does
not replace malloc). Counted are the instructions of everything but the program itself: the library
and what it calls. Unlike times, such counts repeat on any machine; they differ between compilers,
so the baseline names the one it was made with.
"""

import os
import pathlib
import re
import shutil

from .common import ROOT, GuardError, compile_program, print_table, run

SOURCE = ROOT / "tests/guard/guard.c"

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
    "sized": (300, "malloc and free_sized of 1 to 512 B"),
    "handed": (200, "256 × 64 B, freed by another thread"),
}
TOLERANCE = 0.01

# The same string functions of the C library on every machine.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM"


# Comes by the clock, whatever is measured, and the clock does not slow down under callgrind.
BY_THE_CLOCK = re.compile(r"glebe(::|4)heap(::|4)reap(::|5|10)(round|purge_slab)")


def self_costs(profile):
    """Instructions of every object file, from a callgrind profile: the costs of its own lines."""
    names, costs = {}, {}
    functions, timed = {}, False
    current, inclusive = None, False
    for line in profile.read_text().splitlines():
        if line.startswith("ob="):
            number, name = re.fullmatch(r"ob=\((\d+)\)(?: (.*))?", line).groups()
            current = names.setdefault(number, name)
        elif line.startswith("cob="):
            number, name = re.fullmatch(r"cob=\((\d+)\)(?: (.*))?", line).groups()
            names.setdefault(number, name)
        elif line.startswith(("fn=", "cfn=")):
            kind, number, name = re.fullmatch(r"(c?fn)=\((\d+)\)(?: (.*))?", line).groups()
            name = functions.setdefault(number, name)
            if kind == "fn":
                timed = BY_THE_CLOCK.search(name or "") is not None
        elif line.startswith("calls="):
            inclusive = True  # The next line is the cost of the callee, counted over there.
        elif re.match(r"[0-9+*-]", line):
            if not inclusive and not timed:
                costs[current] = costs.get(current, 0) + int(line.split()[1])
            inclusive = False
    return costs


def profile(program, arguments, library, folder, options=()):
    """What a program prints under callgrind with the library in front, and the profile."""
    if not shutil.which("valgrind"):
        raise GuardError("valgrind is not on this machine: `./x setup` installs it")
    out = folder / f"profile.{arguments[0]}"
    surroundings = {
        "PATH": os.environ["PATH"],
        "LD_PRELOAD": str(library),
        "LD_BIND_NOW": "1",
        "GLIBC_TUNABLES": TUNABLES,
    }
    tool = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}", *options]
    return run([*tool, str(program), *arguments], env=surroundings), out


def count(program, library, workload, folder):
    """Instructions per operation outside the program itself."""
    rounds, _ = WORKLOADS[workload]
    printed, out = profile(program, [workload, str(rounds)], library, folder)
    # The program has callgrind write what it counted once the warm-up is over.
    costs = self_costs(pathlib.Path(f"{out}.1"))
    if not costs.get(str(library)):
        raise GuardError(f"{library} did nothing in `{workload}`: not loaded, or without malloc")
    return sum(cost for name, cost in costs.items() if name != str(program)) / int(printed)


def measure(library, folder, chosen):
    """Instructions per operation of each chosen workload."""
    program = compile_program(SOURCE, folder)
    return {name: round(count(program, library, name, folder), 2) for name in chosen}


def compare(now, before):
    """Prints the table; the workloads that take more than before, and those that take less."""
    about = {name: text for name, (_, text) in WORKLOADS.items()}
    return print_table("instructions per operation", now, before, about, TOLERANCE)
