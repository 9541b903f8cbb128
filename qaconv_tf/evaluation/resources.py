"""What there is of memory, what an evaluation needs of it, and what must be kept in files for it to fit."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Mapping

from qaconv_tf.errors import UserError

# Unified control groups, and those before them: limit, use, and the statistics that say how much of it is a cache.
_GROUP_FILES = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes",
        "sys/fs/cgroup/memory/memory.stat", "total_inactive_file",
    ),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a piece of work needs, in bytes.

    Args:
        memory: mapping of str to int. What must be in memory.
        tables: mapping of str to int. What may be in memory or in temporary files, first what is to go to files first.
        files: int. Temporary files in any case. Defaults to `0`.
    """

    memory: Mapping[str, int]
    tables: Mapping[str, int]
    files: int = 0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is kept where.

    Args:
        memory: mapping of str to int. Bytes of what is kept in memory.
        in_files: tuple of str. Tables that are kept in temporary files.
        files: int. Bytes of all temporary files.
    """

    memory: Mapping[str, int]
    in_files: tuple[str, ...]
    files: int


def make_plan(needs, available, advice):
    """Decides what is kept in temporary files: as little as lets the rest fit into memory.

    Args:
        needs: `Needs`.
        available: int. Bytes of memory that may be used.
        advice: str. For the user of too small a machine.

    Returns:
        A `Plan`.

    Raises:
        UserError: if even then the rest does not fit.

    Example:
        >>> from qaconv_tf.evaluation.resources import Needs, make_plan
        >>> needs = Needs({"extraction": 30}, {"feature maps": 50, "scores": 40}, files=5)
        >>> make_plan(needs, available=80, advice="")
        Plan(memory={'extraction': 30, 'scores': 40}, in_files=('feature maps',), files=55)
    """
    memory, in_files = {**needs.memory, **needs.tables}, []
    for name in needs.tables:
        if sum(memory.values()) > available:
            del memory[name]
            in_files.append(name)
    if sum(memory.values()) > available:
        parts = ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in memory.items())
        raise UserError(
            f"Expected {sum(memory.values()) / 1e9:.2f} GB of free memory ({parts}). Received: "
            f"{available / 1e9:.2f} GB. {advice}"
        )
    return Plan(memory, tuple(in_files), needs.files + sum(needs.tables[name] for name in in_files))


def available_memory(root="/"):
    """Returns how many bytes of memory can be had without swapping: of the machine, or of the container if less.

    Args:
        root: str or path. Where `proc` and `sys` are. Defaults to `"/"`.

    Example:
        >>> from qaconv_tf.evaluation.resources import available_memory
        >>> available_memory() > 0
        True
    """
    root = pathlib.Path(root)
    left = []
    with contextlib.suppress(OSError, KeyError, ValueError):
        left.append(1024 * _numbers(root / "proc/meminfo")["MemAvailable:"])
    for limit, used, statistics, cache in _GROUP_FILES:
        # A group without limit says "max", or a number beyond any memory.
        with contextlib.suppress(OSError, KeyError, ValueError):
            in_use = int((root / used).read_text()) - _numbers(root / statistics)[cache]
            left.append(int((root / limit).read_text()) - in_use)
    return max(0, min(left)) if left else os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _numbers(path):
    """The second word of each line, by the first."""
    return {words[0]: int(words[1]) for words in map(str.split, path.read_text().splitlines())}
