"""Python's sqlite3 module, in memory and in a file, with callbacks in both directions."""
import hashlib
import sqlite3

from mapped import check

check()


class Concat:
    def __init__(self):
        self.parts = []

    def step(self, value):
        self.parts.append(str(value))

    def finalize(self):
        return hashlib.md5("".join(self.parts).encode()).hexdigest()


for place in (":memory:", "people.db"):
    db = sqlite3.connect(place)
    db.create_aggregate("digest", 1, Concat)
    db.create_function("twist", 1, lambda text: text[::-1].upper())
    db.execute("create table people(id integer primary key, name text, town text, note blob)")
    db.executemany(
        "insert into people values(?, ?, ?, ?)",
        ((i, f"name{i * 7919 % 50_000}", f"town{i % 313}", bytes(i % 500)) for i in range(50_000)),
    )
    db.execute("create index by_town on people(town, name)")
    db.commit()
    print(db.execute("select count(*), digest(twist(name)) from people").fetchone())
    towns = db.execute("select town, count(*), sum(length(note)) from people group by 1")
    print(towns.fetchall()[:9])
    db.execute("delete from people where id % 3 = 0")
    db.execute("update people set note = zeroblob(3000) where id % 50 = 1")
    db.commit()
    db.execute("vacuum")
    print(db.execute("pragma integrity_check").fetchall())
    print(hashlib.sha256("\n".join(db.iterdump()).encode()).hexdigest())
    db.close()
