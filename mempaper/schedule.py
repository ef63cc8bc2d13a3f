"""Tasks that wait for one another, run side by side, those with the longest way to go first."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Task:
    """Something to do.

    Attributes
    ----------
    name : str
    seconds : float
        It is expected to take.
    do : callable ()
    after : tuple of str
        Tasks that must have ended before.
    """

    name: str
    seconds: float
    do: Callable[[], None]
    after: tuple[str, ...] = ()


def ahead(tasks: Sequence[Task]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain of tasks that it begins.

    Raises
    ------
    graphlib.CycleError
        Tasks wait for one another in a circle.
    """
    known = {task.name: task for task in tasks}
    found: dict[str, float] = {}
    for name in reversed(list(_sorter(tasks).static_order())):
        later = [found[t.name] for t in tasks if name in t.after]
        found[name] = known[name].seconds + max(later, default=0.0)
    return found


def _sorter(tasks: Sequence[Task]) -> TopologicalSorter[str]:
    return TopologicalSorter({task.name: task.after for task in tasks})


def run(tasks: Sequence[Task], at_once: int) -> dict[str, float]:
    """Do all tasks, each in a thread; returns the seconds that each took.

    Of the tasks that are ready the one with the longest chain ahead starts first. What a task raises is
    raised here, and then no further task starts.
    """
    known, urgency = {task.name: task for task in tasks}, ahead(tasks)
    sorter = _sorter(tasks)
    sorter.prepare()
    ready: list[str] = []
    running: dict[Future[float], str] = {}
    took: dict[str, float] = {}
    pool = ThreadPoolExecutor(at_once)
    try:
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()], key=lambda name: -urgency[name])
            for name in ready[: at_once - len(running)]:
                ready.remove(name)
                running[pool.submit(_timed, known[name])] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                took[name] = future.result()
                sorter.done(name)
    finally:
        pool.shutdown(cancel_futures=True)
    return took


def _timed(task: Task) -> float:
    start = time.monotonic()
    task.do()
    return time.monotonic() - start


def critical_path(tasks: Sequence[Task], took: Mapping[str, float]) -> list[str]:
    """The chain of tasks that would take longest on a machine with a core for each."""
    measured = [Task(t.name, took[t.name], t.do, t.after) for t in tasks]
    known, chain = ahead(measured), list[str]()
    follow = {t.name: [s.name for s in tasks if t.name in s.after] for t in tasks}
    front = list(known)
    while front:
        chain.append(max(front, key=known.__getitem__))
        front = follow[chain[-1]]
    return chain
