"""Where resamples run: here, or in processes that live as long as the study. A setting that never changes a number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, final

T = TypeVar("T")
# A fit that shares two cores with another fit runs up to a hundred times slower when each starts its own threads.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Engine(Protocol):
    """What a design asks of an executor; `concurrent.futures.Executor` and Dask's client satisfy it."""

    def submit(self, work: Callable[..., T], /, *args: Any) -> Future[T]:
        """Run the work with these arguments, now or later."""
        ...


@final
@dataclass(frozen=True)
class InProcess:
    """One after the other, here."""

    def submit(self, work: Callable[..., T], /, *args: Any) -> Future[T]:
        """Run it before returning."""
        future: Future[T] = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def engine(workers: int) -> Iterator[Engine]:
    """An engine with this many workers. One is this process; more are fresh processes that import once.

    Processes are spawned, never forked: a fork copies the locks of threads that do not exist in the child.
    They end with their parent, also when that is killed.
    """
    if workers <= 1:
        yield InProcess()
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)  # a child reads these when it imports numpy, before any code of ours runs there
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_follow_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _follow_parent() -> None:
    """End with the parent: a pool's child holds both ends of its queue and would wait there for ever.

    Control-C is the parent's to answer: a resample that is under way is finished and kept.
    """
    import multiprocessing
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()
