import pathlib

from absl import flags

from qaconv_tf.flags import COMMAND_FLAGS, flags_markdown

ROOT = pathlib.Path(__file__).parent.parent


def test_flags_page_is_up_to_date():
    assert (ROOT / "flags.md").read_text() == flags_markdown(), "run `make flags.md`"


def test_every_flag_belongs_to_a_command_and_is_explained():
    for names in COMMAND_FLAGS.values():
        assert len(names) == len(set(names))
        for name in names:
            assert len(flags.FLAGS[name].help) > 15, name


def test_recipes_hold_flags_that_exist():
    known = {name for names in COMMAND_FLAGS.values() for name in names}
    for recipe in (ROOT / "recipes").glob("*.flags"):
        lines = [line.strip() for line in recipe.read_text().splitlines()]
        for line in lines:
            if line.startswith("--"):
                name = line.removeprefix("--").split("=")[0]
                assert name in known or name.removeprefix("no") in known, f"{recipe.name}: {line}"
