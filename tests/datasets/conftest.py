import pytest


@pytest.fixture
def make_files(tmp_path):
    """Makes empty files below tmp_path: readers never open an image."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make
