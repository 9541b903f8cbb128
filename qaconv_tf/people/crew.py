"""Several processes that draw, each on one core."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import threading

from qaconv_tf.errors import UserError

# Libraries of linear algebra start a thread a core in every process, and these get into each other's way.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def spread(work, tasks, processes):
    """Applies `work` to all tasks in several processes, and yields each result as soon as it is there.

    Args:
        work: callable that can be pickled.
        tasks: sequence.
        processes: int, at least 2.

    Raises:
        UserError: if a process is killed. What `work` raises is raised here.
    """
    # Spawned, not forked: a fork of a process in which TensorFlow runs threads can hang.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), concurrent.futures.ProcessPoolExecutor(processes, context, _end_with_parent) as pool:
        futures = [pool.submit(work, task) for task in tasks]
        try:
            for future in concurrent.futures.as_completed(futures):
                yield future.result()
        except concurrent.futures.process.BrokenProcessPool as error:
            raise UserError(
                "Expected all processes to finish. Received: one that was killed, perhaps for want of memory. Run "
                "again, with fewer processes: what is there is kept"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


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

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
