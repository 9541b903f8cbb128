import pytest

from qaconv_tf.datasets.pairs_table import load_pairs
from qaconv_tf.errors import UserError


@pytest.fixture
def table(tmp_path):
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def write(*lines, header="query_path,gallery_path,same"):
        path = tmp_path / "pairs.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


def test_pairs_of_images_each_listed_once(table, tmp_path):
    pairs = load_pairs(table(f"b.jpg, {tmp_path / 'a.jpg'}, 1", "a.jpg,sub/c.jpg,Different", "b.jpg,a.jpg,true"))
    names = [image.path.removeprefix(f"{tmp_path}/") for image in pairs.images]
    assert [(names[query], names[gallery]) for query, gallery in zip(pairs.query, pairs.gallery, strict=True)] == [
        ("b.jpg", "a.jpg"), ("a.jpg", "sub/c.jpg"), ("b.jpg", "a.jpg")
    ]  # fmt: skip
    assert len(names) == len(set(names)) == 3
    assert pairs.same == [True, False, True]
    assert pairs.folds is None


def test_folds(table):
    pairs = load_pairs(table("x,a.jpg,b.jpg,0", "y,b.jpg,a.jpg,1", header="fold,query_path,gallery_path,same"))
    assert pairs.folds == ["x", "y"]


@pytest.mark.parametrize(
    ("lines", "header", "told"),
    [
        (["a.jpg,b.jpg"], "query_path,gallery_path", "Add same"),
        ([], "query_path,gallery_path,same", "a header only"),
        (["a.jpg,b.jpg,yes"], "query_path,gallery_path,same", "line 2: same='yes'"),
        (["a.jpg,none.jpg,1"], "query_path,gallery_path,same", "line 2: gallery_path='none.jpg'"),
    ],
)
def test_errors(table, lines, header, told):
    with pytest.raises(UserError, match="Expected") as caught:
        load_pairs(table(*lines, header=header))
    assert told in str(caught.value) and "\n" not in str(caught.value)
