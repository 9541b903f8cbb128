import hashlib
import json

from qaconv_tf.commands.shipped_model import chosen_model
from qaconv_tf.model import load_model
from tests.commands.running import run_command


def test_the_shipped_model_is_the_one_that_notice_names():
    path = chosen_model(run_dir="", model="")
    digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
    notice = open(path.replace("demo_model.keras", "NOTICE"), encoding="utf-8").read()
    assert digest in notice


def test_the_shipped_model_is_calibrated():
    # At 10, the temperature of a matcher as it was made, right and wrong pairs are too near each other for lifting.
    assert 0.5 < float(load_model(chosen_model("", "")).matcher.temperature) < 2


def test_evaluate_works_before_anything_is_trained(capfd, tmp_path):
    sets = "--test_datasets=market1501:tests/data/pets2009"
    ended = run_command(capfd, "evaluate", sets, "--scoring=matching,pooled", f"--output_dir={tmp_path}")
    assert ended.status == 0, ended.err
    assert "demo_model.keras" in ended.out and "pets2009" in ended.out
    matching, pooled = json.loads((tmp_path / "results.json").read_text())["evaluations"]
    # RESULTS.md has 82.8 and 72.7 per cent; another processor may differ in the last digits.
    assert matching["mAP"] > 0.82 and pooled["mAP"] > 0.72
    assert (tmp_path / "report.html").stat().st_size > 100_000
