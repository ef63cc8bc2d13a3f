"""How a training tells how far it is, in a terminal and in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

Report = Callable[[int, int], None]  # (finished steps, all steps)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def silent(done: int, total: int) -> None:
    """Report nothing."""


@contextmanager
def quiet() -> Iterator[None]:
    """Within this no :class:`Progress` shows anything: for trainings that another one counts."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


class Progress:
    """A line that is updated in place: ``training l2: 12/20, 8 s``.

    In a notebook it is one output that changes, so an executed notebook keeps just the last state;
    on a terminal it is one line on standard error; elsewhere nothing is shown.

    Parameters
    ----------
    label : str
    every : float
        Seconds between two updates at least.
    """

    def __init__(self, label: str, every: float = 0.5) -> None:
        self.label = label
        self.every = every
        self._start = self._shown = 0.0
        self._last = (0, 0)
        self._show: Callable[[str], None] = self._terminal

    @staticmethod
    def _terminal(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Report:
        self._start = self._shown = time.monotonic()
        if _quiet.get():
            self._show = lambda text: None
            return self.report
        try:
            from IPython import get_ipython
            from IPython.display import display
        except ImportError:  # a plain interpreter
            return self.report
        if getattr(get_ipython(), "kernel", None) is not None:
            handle = display({"text/plain": f"{self.label} ..."}, raw=True, display_id=True)
            self._show = lambda text: handle.update({"text/plain": text}, raw=True)
        return self.report

    def report(self, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` steps are finished."""
        self._last = (done, total)
        if time.monotonic() - self._shown >= self.every:
            self._shown = time.monotonic()
            self._show(self._text())

    def _text(self) -> str:
        done, total = self._last
        return f"{self.label}: {done}/{total}, {time.monotonic() - self._start:.0f} s"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._show(self._text())
        if self._show == self._terminal:
            self._show("")
