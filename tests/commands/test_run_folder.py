"""What a resumed run may be told otherwise than before."""

import pytest

from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.errors import UserError

BEGUN = ("--seed=1", "--nosave_graph", "--calibrate", "--epochs=2", "--flip")


def resumed_with(path, *changes):
    changed = {line.removeprefix("--").removeprefix("no").split("=")[0]: line for line in (*BEGUN, *changes)}
    RunFolder(str(path)).check("\n".join(changed.values()), resume=True)


@pytest.fixture
def begun(tmp_path):
    RunFolder(str(tmp_path / "run")).start("\n".join(BEGUN))
    return tmp_path / "run"


@pytest.mark.parametrize("change", ["--save_graph", "--nocalibrate", "--epochs=3", "--export"])
def test_a_resumed_run_may_leave_other_things_behind(begun, change):
    resumed_with(begun, change)


@pytest.mark.parametrize("change", ["--seed=2", "--noflip", "--margin=3.0"])
def test_a_resumed_run_is_the_run_that_began(begun, change):
    with pytest.raises(UserError, match=f"Received: {change} where it was") as caught:
        resumed_with(begun, change, "--nocalibrate")
    assert "--resume" in str(caught.value) and "\n" not in str(caught.value)
