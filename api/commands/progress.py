"""Progress on stderr, where a person watches; silent in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: int, *, what: str = "images") -> Iterator[Callable[[], None]]:
    """A bar over `total` steps; yields the function that makes one step. Nothing is shown for a single one."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    with bar(what) as move:
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            move(done, total)

        move(0, total)
        yield step


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many of how many are done; shown only where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
