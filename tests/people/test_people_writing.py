"""How a set is written: by several processes, over an interruption, on a full disk, beside another process."""

import errno
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from qaconv_tf.errors import UserError
from qaconv_tf.people import dataset as people_dataset
from qaconv_tf.people import generate_people
from qaconv_tf.people.backdrop_files import FOLDER, write_backdrop
from qaconv_tf.people.crew import crew
from qaconv_tf.people.photograph import photograph
from qaconv_tf.people.plan import plan_shots
from tests.oracles.people import folder_digests

FEW = {"train_identities": 2, "test_identities": 0, "images_per_camera": 1, "cameras_per_identity": 2, "seed": 3}
ROOT = pathlib.Path(people_dataset.__file__).parents[2]


def test_two_processes_write_the_bytes_of_one(tmp_path):
    wanted = FEW | {"train_identities": 4, "test_identities": 2, "ground_truth": True}
    for processes in (1, 2):
        generate_people(tmp_path / str(processes), processes=processes, **wanted)
    assert folder_digests(tmp_path / "2") == folder_digests(tmp_path / "1")


@pytest.mark.parametrize("room, left", [(0, 4), (3, 2)])
def test_a_full_disk_is_one_line_and_what_is_there_is_kept(tmp_path, monkeypatch, room, left):
    write, written = pathlib.Path.write_bytes, []

    def write_until_full(path, content):
        if len(written) == room:
            write(path, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        return write(path, content)

    monkeypatch.setattr(pathlib.Path, "write_bytes", write_until_full)
    with pytest.raises(UserError, match=r"No space left.*Make room") as error:
        generate_people(tmp_path / "set", processes=1, **FEW)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.rglob("*.unfinished")] == []
    monkeypatch.undo()
    done = []
    generate_people(tmp_path / "set", processes=1, progress=lambda number, _: done.append(number), **FEW)
    assert done == list(range(5 - left, 5))


def run_python(code, **changes):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | changes
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_a_killed_run_is_completed_to_the_same_bytes(tmp_path):
    code = f"""
import os, signal
from qaconv_tf.people import generate_people
kill = lambda done, total: done == 2 and os.kill(os.getpid(), signal.SIGKILL)
generate_people({str(tmp_path / "killed")!r}, processes=1, progress=kill, **{FEW})
"""
    assert run_python(code).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "manifest.json").exists()
    for name in ("killed", "whole"):
        generate_people(tmp_path / name, processes=1, **FEW)
    assert folder_digests(tmp_path / "killed") == folder_digests(tmp_path / "whole")


def end_like_a_killed_process(number):
    if number == 3:
        os._exit(9)
    return number


def test_places_are_drawn_once_read_by_all_and_removed(tmp_path):
    """Also those that a killed run left."""
    wanted = FEW | {"train_identities": 4}
    seen = set()

    def note(done, total):
        seen.update(path.name for path in (tmp_path / "set" / FOLDER).iterdir())
        if done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_people(tmp_path / "set", processes=2, progress=note, **wanted)
    shots = plan_shots("campus", 3, 4, 0, 1, 2)
    cameras = {shot.walk.camera for shot in shots}
    assert seen == {f"{camera}.pickle" for camera in cameras} and len(cameras) > 2
    assert not (tmp_path / "set" / FOLDER).exists()
    # By then both processes may have taken all.
    for shot in shots:
        (tmp_path / "set" / shot.path).unlink(missing_ok=True)
    (tmp_path / "set" / FOLDER).mkdir()
    for camera in cameras:
        (tmp_path / "set" / FOLDER / f"{camera}.pickle").write_bytes(b"of a run that was killed")
    for name, processes in (("set", 2), ("whole", 1)):
        generate_people(tmp_path / name, processes=processes, **wanted)
    assert folder_digests(tmp_path / "set") == folder_digests(tmp_path / "whole")


def test_a_first_file_that_was_begun_is_nobody_s(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "manifest.unfinished.json.unfinished").write_bytes(b"{")
    generate_people(tmp_path / "set", processes=1, **FEW)
    assert (tmp_path / "set" / "manifest.json").exists()
    assert not list((tmp_path / "set").glob("*.unfinished"))


def test_a_folder_that_another_process_draws_in_is_refused(tmp_path):
    def draw_too(done, total):
        with pytest.raises(UserError, match="another process is at work") as error:
            generate_people(tmp_path / "set", processes=1, **FEW)
        assert "\n" not in str(error.value)

    generate_people(tmp_path / "set", processes=1, progress=draw_too, **FEW)
    assert len(list((tmp_path / "set").rglob("0*.jpg"))) == 4


def test_a_killed_process_is_one_line():
    with pytest.raises(UserError, match="fewer processes"), crew(2) as spread:
        list(spread(end_like_a_killed_process, range(6)))


def add_one(number):
    return number + 1


def test_processes_yield_every_result_and_leave_the_environment_alone():
    before = dict(os.environ)
    with crew(2) as spread:
        for start in (0, 7):
            assert sorted(spread(add_one, range(start, 20))) == list(range(start + 1, 21))
    assert dict(os.environ) == before


def test_without_numba_the_message_says_what_to_install():
    code = """
import sys
sys.modules["numba"] = None
from qaconv_tf.errors import UserError
try:
    from qaconv_tf.people import generate_people
except UserError as error:
    print(error)
"""
    told = run_python(code)
    assert told.stdout.count("\n") == 1 and "pip install numba" in told.stdout, told.stderr


def test_draws_where_no_folder_can_keep_what_was_compiled():
    """As a package that root installed is for a user without a home."""
    code = """
import numba.core.caching as caching
for locator in caching.CacheImpl._locator_classes:
    locator.from_function = classmethod(lambda cls, function, path: None)
import numpy as np
from qaconv_tf.people.rasterizer import vertex_normals
print(vertex_normals(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))[0])
"""
    told = run_python(code)
    assert told.stdout == "[0.57735026 0.57735026 0.57735026]\n", told.stderr


def test_a_backdrop_from_a_file_is_that_drawn_here(tmp_path):
    shot = plan_shots("campus", 3, 1, 0, 1, 2)[0]
    with pytest.raises(FileNotFoundError, match="pickle"):
        photograph("campus", 3, shot, backdrops=str(tmp_path))
    write_backdrop(str(tmp_path), "campus", 3, shot.walk.camera)
    read = photograph("campus", 3, shot, backdrops=str(tmp_path))
    assert read.content == photograph("campus", 3, shot).content
