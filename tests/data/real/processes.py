"""multiprocessing with the start method named on the command line; children use threads, too."""
import multiprocessing
import sys
import threading

from mapped import check


def churn(seed):
    check()
    table = {}

    def fill(part):
        for i in range(3000):
            table[(part, i * seed % 997)] = [seed] * (i % 40)

    threads = [threading.Thread(target=fill, args=(part,)) for part in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seed, len(table), sum(len(v) for v in table.values())


def echo(inbox, outbox):
    check()
    while (item := inbox.get()) is not None:
        outbox.put(item[::-1])


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    # Memory that the children of `fork` inherit, made by several threads that are alive meanwhile.
    pause = threading.Event()
    inherited = {}

    def hold(part):
        inherited[part] = [str(i) * 5 for i in range(5000)]
        pause.wait()

    holders = [threading.Thread(target=hold, args=(part,)) for part in range(4)]
    for thread in holders:
        thread.start()
    with multiprocessing.Pool(3, maxtasksperchild=3) as pool:
        for result in pool.map(churn, range(1, 19), chunksize=1):
            print(result)
    inbox, outbox = multiprocessing.Queue(), multiprocessing.Queue()
    child = multiprocessing.Process(target=echo, args=(inbox, outbox))
    child.start()
    for i in range(300):
        inbox.put(str(i) * 100)
    inbox.put(None)
    print(sum(len(outbox.get()) for _ in range(300)))
    child.join()
    pause.set()
    for thread in holders:
        thread.join()
    print(child.exitcode, sum(len(v) for v in inherited.values()))
