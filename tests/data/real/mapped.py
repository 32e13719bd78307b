"""Checks from within that the library under test is in this process's memory map."""
import os
import sys


def check():
    library = os.environ.get("EXPECT_MAPPED")
    with open("/proc/self/maps") as maps:
        if library and library not in maps.read():
            sys.exit(f"{library} is not in the memory map of process {os.getpid()}")
