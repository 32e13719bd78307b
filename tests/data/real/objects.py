"""Churns through Python's own kinds of objects and prints digests; every value is deterministic."""
import collections
import decimal
import gc
import hashlib
import json
import pickle
import random
import re
import zlib

from mapped import check

check()
rng = random.Random(20)


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def documents(count):
    return [
        {"id": i, "tags": [f"t{rng.randrange(99)}" for _ in range(i % 7)], "text": "x" * (i % 300)}
        for i in range(count)
    ]


docs = documents(20_000)
text = json.dumps(docs)
print("json", len(text), digest(json.loads(text) == docs), zlib.crc32(text.encode()))

words = re.findall(r"t(\d)(\d?)", text)
print("re", len(words), digest(collections.Counter(words).most_common(50)))
print("sub", digest(re.sub(r'"tags": \[[^\]]*\]', lambda m: m.group().upper()[:20], text)))

big = {f"key-{i}": (i, str(i) * (i % 11)) for i in range(300_000)}
for i in range(0, 300_000, 3):
    del big[f"key-{i}"]
print("dict", len(big), digest(sum(v[0] for v in big.values())))

rows = [(rng.random(), rng.getrandbits(200), bytes(rng.randrange(400))) for _ in range(50_000)]
rows.sort()
print("sort", digest([r[1] for r in rows[::97]]))

copies = pickle.loads(pickle.dumps(rows, protocol=5))
print("pickle", copies == rows)
decimal.getcontext().prec = 500
print("decimal", decimal.Decimal(2).sqrt())
print("int", digest(hex(3**40_000 // 7**9_000)))

packed = zlib.compress(text.encode(), 6)
print("zlib", len(packed), zlib.decompress(packed).decode() == text)

for _ in range(5):
    ring = [[] for _ in range(20_000)]
    for i, node in enumerate(ring):
        node.append(ring[i - 1])
    del ring, node
    gc.collect()
print("cycles", gc.garbage)

growing = bytearray()
for i in range(200_000):
    growing += i.to_bytes(4, "little")
print("bytearray", hashlib.md5(growing).hexdigest())
