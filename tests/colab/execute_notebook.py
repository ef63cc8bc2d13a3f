"""Executes a notebook in place, as "Run all" does, and prints what that cost as JSON.

Runs in an environment that has Jupyter and not this project. Memory is that of this process, which
stands for the Jupyter server, of the kernel and of all that the kernel starts.
"""

import argparse
import json
import resource
import threading
import time
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient


def resident() -> int:
    """Bytes in memory of this process and its descendants; what they share counts once, on Linux."""
    total = 0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            used = process.memory_full_info()
            total += getattr(used, "pss", used.rss)
        except psutil.NoSuchProcess:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--limit", type=int, help="bytes of data that each process may have")
    given = parser.parse_args()
    if given.limit:
        resource.setrlimit(resource.RLIMIT_DATA, (given.limit, given.limit))
    notebook = nbformat.read(given.notebook, as_version=4)
    seen, over = [resident()], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append(resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.monotonic()
    try:
        NotebookClient(notebook, timeout=None, kernel_name="python3").execute(cwd=str(Path.cwd()))
    finally:
        over.set()
        watcher.join()
        nbformat.write(notebook, given.notebook)
    print(json.dumps({"seconds": time.monotonic() - start, "peak": max(seen)}))


if __name__ == "__main__":
    main()
