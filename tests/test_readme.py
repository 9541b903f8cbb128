import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_first_python_block_runs():
    block = re.search(r"```python\n(.*?)```", README, re.S).group(1)
    names = {}
    exec(block, names)
    assert names["scores"].shape == (1, 3) and names["large"].shape == (3, 3)
    # An image is most alike to itself.
    assert names["large"].argmax(axis=1).tolist() == [0, 1, 2]


def test_the_search_finds_a_person_in_a_folder(capsys, monkeypatch):
    block = re.search(r"## Search a folder\n.*?```python\n(.*?)```", README, re.S).group(1)
    query = sorted((ROOT / "tests/data/pets2009/query").glob("*.jpg"))[0]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["search.py", str(query), str(query.parent)])
    exec(block, {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 36
    # The query itself lies in the folder.
    assert lines[0].endswith(f"%  {query}")
    shown = [float(line.split("%")[0]) for line in lines]
    assert shown == sorted(shown, reverse=True) and shown[0] > 99 > shown[-1] >= 0


def test_linked_files_exist():
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_flags_in_commands_exist():
    flags = (ROOT / "flags.md").read_text()
    for line in README.splitlines():
        if "train.py" in line or "evaluate.py" in line or "qaconv-" in line:
            for name in re.findall(r" --(\w+)", line):
                assert f"`--{name}`" in flags or name in ("flagfile", "helpshort", "logdir"), line
