"""How many cores there are for this process."""

import os


def num_cores():
    """Returns how many cores the process may use: fewer than the machine has where a container or taskset says so.

    Example:
        >>> num_cores() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
