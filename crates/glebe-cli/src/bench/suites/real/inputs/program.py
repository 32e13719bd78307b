# Dictionaries, strings, JSON, sorting and objects of classes. Arguments: size and seed.
import json
import random
import sys

size, seed = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)


class Node:
    def __init__(self, key, text):
        self.key = key
        self.text = text
        self.children = []


words = ["w%d" % random.randrange(size) + "x" * random.randrange(40) for _ in range(size)]
counts = {}
for word in words:
    counts[word] = counts.get(word, 0) + 1
assert sum(counts.values()) == size

text = " ".join(words)
assert text.upper().lower().split() == words

records = [{"id": i, "name": word, "tags": [word[:3], i % 7]} for i, word in enumerate(words)]
assert json.loads(json.dumps(records)) == records

ordered = sorted(records, key=lambda record: (record["name"], -record["id"]))
assert all(a["name"] <= b["name"] for a, b in zip(ordered, ordered[1:]))

nodes = [Node(i, word) for i, word in enumerate(words)]
for i in range(1, size):
    nodes[random.randrange(i)].children.append(nodes[i])
seen, waiting = 0, [nodes[0]]
while waiting:
    node = waiting.pop()
    seen += 1
    waiting.extend(node.children)
print("done", seen)
