"""What the guards share: running programs, and tables of now against before."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class GuardError(Exception):
    """Something that keeps a guard from measuring, told to the user without a traceback."""


def run(command, **options):
    """What a command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError as error:
        raise GuardError(f"{command[0]} is not on this machine: `./x setup` installs it") from error
    if done.returncode:
        shown = " ".join(map(str, command))
        raise GuardError(f"`{shown}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_program(source, folder):
    """The program of one C file."""
    program = folder / source.stem
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread"]
    run(["gcc", *options, "-o", program, source])
    return program


def compiler():
    """The compiler's version."""
    return run(["rustc", "--version"]).split()[1]


def print_table(unit, now, before, about, tolerance, slack=0):
    """Prints figures of now beside those of before; which are more, and which are less.

    Differences count above the tolerance, a share, and above the slack.
    """
    more, less = [], []
    print(f"{'workload':10} {'baseline':>9} {'now':>9} {'change':>8}  {unit}")
    for name, value in now.items():
        was = before.get(name)
        change = value / was - 1 if was else None
        counts = change is None or abs(change) > tolerance and abs(value - was) > slack
        if counts:
            (less if change is not None and change < 0 else more).append(name)
        was, change = (f"{was:.2f}", f"{change:+.1%}") if was else ("-", "new")
        print(f"{name:10} {was:>9} {value:9.2f} {change:>8}  {about[name]}")
    return more, less
