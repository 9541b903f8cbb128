import pytest

from qaconv_tf.datasets.label_fixes import apply_label_fixes, read_label_fixes
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError


def dataset(name, identity=int):
    query = tuple(ImageRecord(f"/data/{name}/query/{n}.jpg", identity(n), n % 2) for n in range(3))
    gallery = tuple(ImageRecord(f"/data/{name}/gallery/{n}.jpg", identity(n % 3), n % 2) for n in range(6))
    return ReidDataset(name, query, query, gallery, {"junk": 3}, "v1")


def fixes_of(tmp_path, text):
    (tmp_path / "fixes.csv").write_text(text, encoding="utf-8")
    return read_label_fixes(tmp_path / "fixes.csv")


def test_what_is_named_is_relabelled_and_nothing_else(tmp_path):
    pets, cars = dataset("pets"), dataset("cars", str)
    fixes = fixes_of(
        tmp_path,
        'dataset,path,was,identity\n"pets","query/1.jpg","1","7"\n,pets/gallery/2.jpg,,-1\n'
        '"cars","gallery/5.jpg","2","a, ""b"""\ncars,gallery/4.jpg,1,-1\n',
    )
    new_pets, new_cars = apply_label_fixes([pets, cars], fixes)
    assert [record.identity for record in new_pets.query] == [0, 7, 2]
    assert [record.identity for record in new_pets.gallery] == [0, 1, -1, 0, 1, 2]
    assert [record.identity for record in new_cars.gallery] == ["0", "1", "2", "0", -1, 'a, "b"']
    assert new_cars.query == cars.query
    for old, new in ((pets, new_pets), (cars, new_cars)):
        assert (new.train, new.dropped, new.version, new.name) == (old.train, old.dropped, old.version, old.name)
        assert [record.path for record in new.gallery] == [record.path for record in old.gallery]
        assert [record.camera for record in new.query] == [record.camera for record in old.query]


def test_an_image_that_is_query_and_gallery_is_relabelled_in_both(tmp_path):
    image = ImageRecord("/a/b.jpg", "x")
    fixes = fixes_of(tmp_path, "path,identity\nb.jpg,y\n")
    (fixed,) = apply_label_fixes([ReidDataset("d", (), (image,), (image,))], fixes)
    assert fixed.query[0].identity == fixed.gallery[0].identity == "y"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (",query/9.jpg,,7", "which is none of the queries"),
        (",1.jpg,,7", "which is 4 of the queries"),
        (",ery/1.jpg,,7", "which is none of"),
        ("pets,query/1.jpg,5,7", "is labelled 1"),
        ("pets,query/1.jpg,1,seven", "Expected a number"),
        ("pets,query/1.jpg,1,", "Expected a cell with the identity"),
        ("pets,,1,7", "Expected a cell with the path"),
        ("pets,query/1.jpg,1,7\npets,query/1.jpg,1,8", "Expected one fix of an image"),
        ("dogs,query/1.jpg,1,7", "which is none of"),
    ],
)
def test_what_cannot_be_applied_is_named(tmp_path, row, told):
    with pytest.raises(UserError, match=told) as caught:
        apply_label_fixes(
            [dataset("pets"), dataset("cars", str)], fixes_of(tmp_path, f"dataset,path,was,identity\n{row}\n")
        )
    assert "line" in str(caught.value) and "\n" not in str(caught.value)
