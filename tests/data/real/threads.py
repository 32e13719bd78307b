"""Threads that make objects for one another: what one allocates another frees."""
import queue
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

from mapped import check

check()
jobs = queue.Queue(64)
results = []
lock = threading.Lock()


def worker():
    while (item := jobs.get()) is not None:
        number, payload = item
        packed = zlib.compress(payload * 20, 1)
        with lock:
            results.append((number, zlib.crc32(packed), [str(number)] * (number % 50)))


workers = [threading.Thread(target=worker) for _ in range(8)]
for thread in workers:
    thread.start()
for number in range(4000):
    jobs.put((number, str(number).encode() * (number % 200)))
for _ in workers:
    jobs.put(None)
for thread in workers:
    thread.join()
results.sort()
print(len(results), sum(r[1] for r in results), sum(len(r[2]) for r in results))


def build(seed):
    table = {}
    for i in range(20_000):
        table[(seed * 31 + i * 17) % 5000] = f"{seed}:{i}"
    return table


# Short-lived threads: every exit hands its memory on.
for round_number in range(10):
    with ThreadPoolExecutor(6) as pool:
        tables = list(pool.map(build, range(round_number, round_number + 12)))
    print(round_number, sum(len(t) for t in tables), tables[3][4000])
