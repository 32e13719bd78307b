"""The machine code of the fast paths, against the recorded one.

A count of instructions does not tell a load from an addition, nor what the compiler has begun to
spill. So the code of `malloc`, `free` and the sized `operator delete` is kept in tests/guard, with
addresses replaced by names: a change shows in the review as what it is.
"""

import difflib
import re

from .common import ROOT, GuardError, run

GOLDEN = ROOT / "tests/guard/fast_paths.txt"
FUNCTIONS = {"malloc": "malloc", "free": "free", "_ZdlPvm": "operator delete(void*, size_t)"}


def place(library, symbol):
    """Where a function starts and ends."""
    for line in run(["nm", "--dynamic", "--print-size", library]).splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[3].split("@")[0] == symbol:
            start, length = int(fields[0], 16), int(fields[1], 16)
            return start, start + length
    raise GuardError(f"{library} does not export `{symbol}`")


def without_addresses(line, start, end):
    """An instruction that reads the same wherever the linker puts it; none for other lines."""
    found = re.match(r"\s+([0-9a-f]+):\t(.*)", line)
    if not found:
        return None
    at, text = int(found[1], 16), found[2].rstrip()
    text = re.sub(r"::h[0-9a-f]{16}", "", text)
    # What lies at a distance from here goes by its name, if it has one.
    named = re.match(r"(.*?)-?0x[0-9a-f]+\(%rip\)(.*?)\s+# [0-9a-f]+ <(.*)>$", text)
    if named:
        name = re.sub(r"_DYNAMIC\+0x[0-9a-f]+", "a word of the offset table", named[3])
        text = f"{named[1]}[{name}]{named[2]}"
    jump = re.match(r"(\S+\s+)([0-9a-f]+) <(.*)>$", text)
    if jump:
        to = int(jump[2], 16)
        inside = start <= to < end
        text = jump[1] + (f"+{to - start:x}" if inside else jump[3])
    return f"{at - start:4x}  {text}"


def code(library, symbol):
    """The instructions of a function."""
    start, end = place(library, symbol)
    bounds = [f"--start-address={start:#x}", f"--stop-address={end:#x}"]
    listing = run(["objdump", "-d", "--demangle", "--no-show-raw-insn", *bounds, library])
    lines = (without_addresses(line, start, end) for line in listing.splitlines())
    return [line for line in lines if line]


def measure(library):
    """The text of the golden file."""
    parts = []
    for symbol, title in FUNCTIONS.items():
        parts += [f"{title}:", *code(library, symbol), ""]
    return "\n".join(parts)


def compare(now):
    """Prints what has changed; whether anything has."""
    try:
        before = GOLDEN.read_text()
    except FileNotFoundError:
        before = ""
    changes = difflib.unified_diff(
        before.splitlines(), now.splitlines(), "recorded", "now", lineterm="", n=2
    )
    changes = list(changes)
    print("\n".join(changes) if changes else "fast paths: the same code")
    return bool(changes)
