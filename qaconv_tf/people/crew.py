"""Several processes that draw, each on one core."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import signal
import threading

from qaconv_tf.errors import UserError

# Libraries of linear algebra start a thread a core in every process, and these get into each other's way.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextlib.contextmanager
def crew(processes):
    """Starts processes, which end with the block.

    Args:
        processes: int, at least 2.

    Yields:
        `spread(work, tasks)`: applies `work`, a callable that can be pickled, to all tasks and yields each result as
        soon as it is there. It raises what `work` raises, and a `UserError` if a process is killed.
    """
    # Spawned, not forked: a fork of a process in which TensorFlow runs threads can hang.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), concurrent.futures.ProcessPoolExecutor(processes, context, _end_with_parent) as pool:
        try:
            yield functools.partial(_spread, pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _spread(pool, work, tasks):
    try:
        futures = [pool.submit(work, task) for task in tasks]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise UserError(
            "Expected all processes to finish. Received: one that was killed, perhaps for want of memory, or could not "
            "start, as from a script without `if __name__ == '__main__':`. Run again, with fewer processes: what is "
            "there is kept"
        ) from error


@contextlib.contextmanager
def _one_thread_each():
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update({name: "1" for name in _THREADS})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _end_with_parent():
    """Ends this process when its parent does, also one that was killed and could tell nobody."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and says it once

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
