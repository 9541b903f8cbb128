import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qaconv_tf.datasets import ImageRecord
from qaconv_tf.datasets.audit_records import split_answerless
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.ranking import evaluate_ranking
from tests.commands.running import run_command

PETS = pathlib.Path(__file__).parents[1] / "data" / "pets2009"


@pytest.fixture
def pets(tmp_path):
    """A copy of the real pedestrians that may be spoilt."""
    return pathlib.Path(shutil.copytree(PETS, tmp_path / "my pets"))


def check(capfd, *arguments):
    return run_command(capfd, "check_dataset", *arguments)


def test_a_clean_set_is_short_and_fine(capfd):
    ended = check(capfd, f"--dataset=market1501:{PETS}")
    assert ended.status == 0 and ended.out.rstrip().endswith("fine: nothing to mend")
    rows = [re.findall(r"\w+", line) for line in ended.out.splitlines()]
    assert ["query", "36", "4", "3", "36"] in rows and ["gallery", "172", "8", "3", "172"] in rows
    assert "wrong answers only: 64 gallery images" in ended.out
    assert len(ended.out.splitlines()) < 16


def test_a_finding_shows_what_where_and_the_cure(capfd, pets, tmp_path):
    damaged = sorted((pets / "query").iterdir())[:5]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:400])
    script = tmp_path / "mend.sh"
    ended = check(capfd, f"--dataset=market1501:{pets}", f"--mend_script={script}")
    assert ended.status == 1 and ended.out.rstrip().endswith("results would be spoilt: 1 error")
    assert "error: Images that cannot be used: 5" in ended.out
    lines = [line.strip() for line in ended.out.splitlines()]
    # Whole and quoted, however narrow the terminal is.
    assert [line for line in lines if line.startswith("rm ")] == [f"rm -- '{path}'" for path in damaged[:3]]
    assert any(line.startswith(f"{damaged[2]}: ") for line in lines) and str(damaged[3]) not in ended.out
    assert "... 2 more; --mend_script=FILE writes all" in lines
    subprocess.run(["sh", str(script)], check=True)
    assert not any(path.exists() for path in damaged)
    assert check(capfd, f"--dataset=market1501:{pets}").status == 0


def test_one_camera_for_all_shows_the_way_out(capfd, pets):
    for path in [*(pets / "query").iterdir(), *(pets / "bounding_box_test").iterdir()]:
        path.rename(path.with_name(re.sub("_c[123]s", "_c1s", path.name)))
    ended = check(capfd, f"--dataset=market1501:{pets}", "--read_images=false")
    assert ended.status == 1 and "all images have one camera id" in " ".join(ended.out.split())
    assert f"or run    python evaluate.py --test_datasets='market1501:{pets}' --camera_filter=none" in ended.out


def test_warnings_and_notes_do_not_spoil(capfd, pets):
    (pets / "query" / "._1.jpg").touch()
    (pets / "query" / "0001.gif").touch()
    ended = check(capfd, f"--dataset=market1501:{pets}")
    assert ended.status == 0 and ended.out.rstrip().endswith("fine: 1 warning, 1 note")
    assert ended.out.index("warning: ") < ended.out.index("note: ")


def test_images_need_not_be_read(capfd, pets):
    next((pets / "query").iterdir()).write_bytes(b"")
    ended = check(capfd, f"--dataset=market1501:{pets}", "--read_images=false")
    assert ended.status == 0 and ended.out.startswith("market1501:")
    assert "images not read: damaged ones and copies are not found" in ended.out
    assert check(capfd, f"--dataset=market1501:{pets}", "--processes=1").status == 1


def test_several_sets_and_the_batches_flags(capfd, tmp_path):
    for person in ("ann", "bob", "cy"):
        (tmp_path / "train" / person).mkdir(parents=True)
        for number in range(2):
            pixels = np.random.default_rng([ord(person[0]), number]).integers(0, 256, (24, 12, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "train" / person / f"{number}.png")
    both = f"--dataset=image_folder:{tmp_path},market1501:{PETS}"
    ended = check(capfd, both, "--identities_per_batch=3")
    assert ended.status == 0 and "nothing to mend" in ended.out
    assert ended.out.index("image_folder:") < ended.out.index("market1501:")
    ended = check(capfd, both, "--identities_per_batch=4", "--instances_per_identity=3")
    assert "--identities_per_batch=3 ..." in ended.out and "--instances_per_identity=2 ..." in ended.out
    assert ended.out.rstrip().endswith("fine: 1 warning, 1 note")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dataset=market1501"], "--data_dir"),
        (["--dataset=market1501:nowhere"], "nowhere"),
        ([f"--dataset=market1501:{PETS},marketplace:{PETS}"], "marketplace"),
        ([f"--dataset=market1501+colour:{PETS}"], "colour"),
        (["--dataset="], "--dataset"),
        ([f"--dataset=market1501:{PETS}", f"--mend_script={__file__}"], "does not exist yet"),
        (["--epochs=3"], "Expected flags of check_dataset"),
    ],
)
def test_a_users_error_is_one_line_before_any_work(capfd, arguments, told):
    ended = check(capfd, *arguments)
    assert ended.status == 2 and ended.out == ""
    assert ended.err.startswith("error: ") and told in ended.err and ended.err.count("\n") == 1


def test_the_console_script_ends_with_its_status_and_without_tensorflow(tmp_path):
    (tmp_path / "query").mkdir()
    (tmp_path / "query" / "0001_c1s1_000001_00.jpg").touch()
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('tensorflow' in sys.modules))\n"
        "from qaconv_tf.commands.program import check_dataset; check_dataset()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, f"--dataset=market1501:{tmp_path}"], capture_output=True, text=True,
        env=os.environ | {"COLUMNS": "80"},
    )  # fmt: skip
    assert ended.returncode == 1 and ended.stderr == ""
    assert ended.stdout.rstrip().endswith("results would be spoilt: 2 errors\nFalse")


PEOPLE = st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 2))), min_size=1, max_size=6)


@given(query=PEOPLE, gallery=PEOPLE)
def test_evaluation_skips_the_queries_that_the_doctor_names(query, gallery):
    query, gallery = ([ImageRecord("", *pair) for pair in part] for part in (query, gallery))
    lacking, own_camera = split_answerless(query, gallery)
    scores = np.zeros((len(query), len(gallery)))
    for camera_filter, skipped in (("same_identity", len(lacking) + len(own_camera)), ("none", len(lacking))):
        if skipped < len(query):
            result = evaluate_ranking(scores, query, gallery, camera_filter=camera_filter)
            assert result.num_skipped == skipped
        else:
            with pytest.raises(UserError):
                evaluate_ranking(scores, query, gallery, camera_filter=camera_filter)
