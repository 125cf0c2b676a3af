"""Where resamples run."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from training.workers import InProcess, engine


def test_one_worker_is_this_process_and_hands_faults_on():
    with engine(1) as pool:
        assert pool.submit(os.getpid).result() == os.getpid()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
    assert isinstance(pool, InProcess)


def test_a_pool_computes_elsewhere_with_one_thread_each_and_leaves_this_process_as_it_was():
    before = os.environ.get("OMP_NUM_THREADS")
    with engine(2) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_workers_end_when_their_parent_is_killed():
    code = (
        "import os, time\n"
        "from training.workers import engine\n"
        "if __name__ == '__main__':\n"
        "    with engine(2) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _alive(worker):
            break
        time.sleep(0.1)
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
