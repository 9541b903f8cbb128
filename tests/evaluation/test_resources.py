import pytest

from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.resources import Needs, available_memory, make_plan

NEEDS = Needs({"work": 100}, {"feature maps": 50, "scores": 40}, files=7)


@pytest.mark.parametrize(
    "available, in_files, files",
    [
        (190, (), 7), (189, ("feature maps",), 57), (139, ("feature maps", "scores"), 97),
        (100, ("feature maps", "scores"), 97),
    ],
)  # fmt: skip
def test_no_more_goes_to_files_than_must(available, in_files, files):
    plan = make_plan(NEEDS, available, "")
    assert (plan.in_files, plan.files) == (in_files, files)
    assert plan.memory == {"work": 100} | {name: size for name, size in NEEDS.tables.items() if name not in in_files}


def test_what_fits_nowhere_is_refused_with_advice():
    with pytest.raises(UserError, match=r"Expected 0.00 GB of free memory \(work 0.00 GB\).*Buy more$") as caught:
        make_plan(NEEDS, 99, "Buy more")
    assert "\n" not in str(caught.value)


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


MACHINE = "MemTotal:       24000 kB\nMemFree:  100 kB\nMemAvailable:    9000 kB\n"


def test_memory_of_the_machine(tmp_path):
    write(tmp_path, proc__meminfo=MACHINE)
    assert available_memory(tmp_path) == 9000 * 1024


@pytest.mark.parametrize("limit, expected", [("5000000\n", 5_000_000 - (1_500_000 - 400_000)), ("max\n", 9000 * 1024)])
def test_memory_of_a_container(tmp_path, limit, expected):
    group = tmp_path / "sys/fs/cgroup"
    write(tmp_path, proc__meminfo=MACHINE)
    statistics = "anon 5\ninactive_file 400000\n"
    write(group, **{"memory.max": limit, "memory.current": "1500000\n", "memory.stat": statistics})
    assert available_memory(tmp_path) == expected


def test_memory_of_a_container_of_the_old_kind(tmp_path):
    write(tmp_path, proc__meminfo=MACHINE)
    write(
        tmp_path / "sys/fs/cgroup/memory",
        **{
            "memory.limit_in_bytes": "5000000\n", "memory.usage_in_bytes": "6000000\n",
            "memory.stat": "inactive_file 1\ntotal_inactive_file 400000\n",
        },
    )  # fmt: skip
    assert available_memory(tmp_path) == 0


def test_memory_where_nothing_says_it(tmp_path):
    assert available_memory(tmp_path) > 0
