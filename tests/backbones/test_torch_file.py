"""The reader of PyTorch files: what torch wrote is read, what it would not write is refused before it runs."""

import os
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import pytest

from qaconv_tf.backbones import read_state_dict
from qaconv_tf.errors import UserError
from tests.backbones.torch_writer import Call, Global, pickled, tensor, zip_file

FILES = pathlib.Path(__file__).parents[1] / "data" / "torch_files"
MAGIC = 0x1950A86A20F9469CFC6C


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_reads_what_torch_saved(name):
    contents = read_state_dict(FILES / name)
    base = np.arange(24, dtype=np.float32) / 8
    expected = {
        "matrix": base.reshape(4, 6),
        "transposed": base.reshape(4, 6).T,
        "tail": base[20:],
        "every_other_column": base.reshape(4, 6)[:, 1::2],
        "expanded": np.full((2, 3), 3.5, np.float32),
        "scalar": np.float64(2.25),
        "empty": np.zeros((0, 5), np.float32),
        "parameter": np.array([1.5, -2.5], np.float32),
        "half": np.array([0.5, -1.75], np.float16),
        "brain": np.array([1.0, -3.140625], np.float32),
        "count": np.int64(2**40 + 1),
        "bytes": np.array([0, 200, 255], np.uint8),
        "mask": np.array([True, False, True]),
    }
    if name == "zip.pt":
        expected["unsigned"] = np.array([1, 65535], np.uint16)
    assert list(contents["state_dict"]) == list(expected)
    for key, value in expected.items():
        received = contents["state_dict"][key]
        np.testing.assert_array_equal(received, value, strict=True)
        assert not received.flags.writeable
    assert contents["epoch"] == 3
    assert contents["name"] == "näme"
    assert contents["history"][0] == 0.5
    assert contents["history"][1][0].tolist() == [7]
    assert contents["history"][1][1] is None


def write_legacy(path, pickled_contents, storages=(), length=None):
    """A legacy file of float32 storages around a pickle of our own."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    parts = [pickle.dumps(part, 2) for part in (MAGIC, 1001, system)]
    parts += [pickled_contents, pickle.dumps([key for key, _ in storages], 2)]
    for _, raw in storages:
        parts += [struct.pack("<q", len(raw) // 4 if length is None else length), raw]
    path.write_bytes(b"".join(parts))
    return path


NUMBERS = np.random.default_rng(3).normal(size=6).astype("<f4")


def test_our_own_writer_is_read(tmp_path):
    for path in (
        zip_file(tmp_path / "zip.pth", pickled({"a": tensor()}), {"0": NUMBERS.tobytes()}),
        write_legacy(tmp_path / "legacy.pth", pickled({"a": tensor()}), [("0", NUMBERS.tobytes())]),
    ):
        np.testing.assert_array_equal(read_state_dict(path)["a"], NUMBERS.reshape(2, 3))


def test_big_endian_storages(tmp_path):
    raw = NUMBERS.astype(">f4").tobytes()
    path = zip_file(tmp_path / "big.pth", pickled({"a": tensor()}), {"0": raw}, byteorder="big")
    received = read_state_dict(path)["a"]
    np.testing.assert_array_equal(received, NUMBERS.reshape(2, 3))
    assert received.dtype.isnative


@pytest.mark.parametrize(
    "lie",
    [
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**62},
        {"offset": 1.0},
        {"size": (3, 3)},
        {"size": (-2, 3)},
        {"size": (2**31, 2**31)},
        {"size": (2,)},
        {"stride": (4, 1)},
        {"stride": (-3, 1)},
        {"stride": (2**62, 1)},
        {"size": (0, 3), "offset": 7},
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_lying_tensors_are_refused(tmp_path, lie, legacy):
    path = tmp_path / "lie.pth"
    if legacy:
        write_legacy(path, pickled({"a": tensor(**lie)}), [("0", NUMBERS.tobytes())])
    else:
        zip_file(path, pickled({"a": tensor(**lie)}), {"0": NUMBERS.tobytes()})
    with pytest.raises(UserError, match="inside its storage of 6 numbers"):
        read_state_dict(path)


@pytest.mark.parametrize("length", [5, 7, -1, 2**62])
def test_lying_storage_lengths_are_refused(tmp_path, length):
    path = zip_file(tmp_path / "lie.pth", pickled({"a": tensor(length=length)}), {"0": NUMBERS.tobytes()})
    with pytest.raises(UserError, match="storage '0'.*24 bytes"):
        read_state_dict(path)
    if length != 5:
        path = write_legacy(tmp_path / "old.pth", pickled({"a": tensor()}), [("0", NUMBERS.tobytes())], length=length)
        with pytest.raises(UserError, match="ends before them"):
            read_state_dict(path)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("number", [np.float64(2.5), np.float32(-0.5), np.int64(-3), np.uint8(200), np.bool_(True)])
def test_numpy_scalars_are_numbers(tmp_path, number, protocol):
    (received,) = read_state_dict(zip_file(tmp_path / "a.pth", pickle.dumps({"a": number}, protocol))).values()
    assert (received, type(received)) == (number.item(), type(number.item()))


def numpy_scalar(code="f8", byteorder="<", encoding="latin1", raw="\0" * 8):
    dtype = Call(Global("numpy", "dtype"), code, False, True)
    state = (3, byteorder, None, None, None, -1, -1, 0)
    built = pickled(dtype)[:-1] + pickled(state)[2:-1] + pickle.BUILD
    text = pickled(Call(Global("_codecs", "encode"), raw, encoding))[2:-1]
    call = pickled(Global("numpy.core.multiarray", "scalar"))[:-1] + built[2:] + text + pickle.TUPLE2 + pickle.REDUCE
    return pickle.PROTO + b"\x02" + pickle.EMPTY_DICT + pickled("a")[2:-1] + call[2:] + pickle.SETITEM + pickle.STOP


def test_other_numpy_objects_are_refused(tmp_path):
    path = zip_file(tmp_path / "good.pth", numpy_scalar())
    assert read_state_dict(path) == {"a": 0.0}
    for lie in ({"code": "O8"}, {"code": "V8"}, {"byteorder": ">"}, {"encoding": "rot13"}, {"raw": "\0" * 16}):
        with pytest.raises(UserError, match="corrupt"):
            read_state_dict(zip_file(tmp_path / "bad.pth", numpy_scalar(**lie)))
    with pytest.raises(UserError, match="_reconstruct"):
        read_state_dict(zip_file(tmp_path / "array.pth", pickle.dumps({"a": np.arange(3)}, 2)))


class CallsSystem:
    def __reduce__(self):
        return os.system, ("touch executed",)


class CallsEval:
    def __reduce__(self):
        return eval, ("open('executed', 'w')",)


class SubclassOfDict(dict):
    pass


def stack_global(module, name):
    """A pickle of a name in the form of protocol 4, which may hold anything."""
    strings = (pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode() for text in (module, name))
    return pickle.PROTO + b"\x04" + b"".join(strings) + pickle.STACK_GLOBAL + pickle.STOP


def malicious_pickles():
    nested = Call(Global("builtins", "getattr"), Call(Global("builtins", "__import__"), "os"), "system")
    return {
        "system": (pickle.dumps({"a": CallsSystem()}, 2), f"{os.name}.system"),
        "eval": (pickle.dumps({"a": CallsEval()}, 2), "__builtin__.eval"),
        "eval, protocol 4": (pickle.dumps({"a": CallsEval()}, 4), "builtins.eval"),
        "subclass": (pickle.dumps(SubclassOfDict(a=1), 2), "SubclassOfDict"),
        "nested": (pickled({"a": Call(nested, "touch executed")}), "builtins.getattr"),
        "attribute of what is allowed": (
            stack_global("collections", "OrderedDict.__init__.__globals__"),
            "collections.OrderedDict.__init__.__globals__",
        ),
        "function of torch": (pickled(Call(Global("torch.hub", "load"), "x")), "torch.hub.load"),
        "inside a tensor": (
            pickled({"a": tensor(offset=Call(Global("os", "system"), "touch executed"))}),
            "os.system",
        ),
        "as a storage": (pickled({"a": tensor(storage="load")}), "torch.load"),
        "a name of two lines": (stack_global("os", "sys\ntem"), r"os.sys\ntem"),
    }


@pytest.mark.parametrize("name", list(malicious_pickles()))
@pytest.mark.parametrize("legacy", [False, True])
def test_malicious_pickles_are_refused_by_name(tmp_path, monkeypatch, name, legacy):
    monkeypatch.chdir(tmp_path)
    payload, refused = malicious_pickles()[name]
    path = tmp_path / "bad.pth"
    if legacy:
        write_legacy(path, payload, [("0", NUMBERS.tobytes())])
    else:
        zip_file(path, payload, {"0": NUMBERS.tobytes()})
    with pytest.raises(UserError) as caught:
        read_state_dict(path)
    assert refused in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


def test_malicious_first_pickle_of_a_legacy_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pth"
    path.write_bytes(pickle.dumps(CallsSystem(), 2))
    with pytest.raises(UserError, match=f"{os.name}.system"):
        read_state_dict(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("target", [Global("torch._utils", "_rebuild_tensor_v2"), Global("torch", "FloatStorage")])
def test_a_pickle_cannot_change_what_it_is_given(tmp_path, target):
    body = pickled(target)[:-1]
    for state in ({"name": "changed"}, (None, {"name": "changed"}), (None, {"__call__": 1})):
        build = body + pickled(state)[2:-1] + pickle.BUILD + pickle.STOP
        with pytest.raises(UserError, match="corrupt"):
            read_state_dict(zip_file(tmp_path / "bad.pth", build))
    path = zip_file(tmp_path / "good.pth", pickled({"a": tensor()}), {"0": NUMBERS.tobytes()})
    np.testing.assert_array_equal(read_state_dict(path)["a"], NUMBERS.reshape(2, 3))


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_truncated_files_are_refused(tmp_path, name):
    content = (FILES / name).read_bytes()
    path = tmp_path / "short.pth"
    for length in [*range(0, 200, 7), *range(200, len(content) - 1, 97), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(UserError) as caught:
            read_state_dict(path)
        assert "short.pth" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_corrupt_files_never_raise_anything_else(tmp_path, name):
    content = bytearray((FILES / name).read_bytes())
    path = tmp_path / "corrupt.pth"
    random = np.random.default_rng(5)
    for place in random.integers(len(content), size=300):
        changed = content.copy()
        changed[place] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        try:
            read_state_dict(path)  # one bit of a weight may change unnoticed
        except UserError as error:
            assert "corrupt.pth" in str(error)


def test_what_is_no_torch_file(tmp_path):
    cases = {
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "list.pkl": pickle.dumps([1, 2, 3]) * 5,
        "empty.pth": b"",
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            read_state_dict(tmp_path / name)
    with pytest.raises(UserError, match="no_such.pth.*No such file"):
        read_state_dict(tmp_path / "no_such.pth")
    with pytest.raises(UserError, match="directory"):
        read_state_dict(tmp_path)
    with pytest.raises(UserError, match="dictionary.*ndarray"):
        read_state_dict(zip_file(tmp_path / "tensor.pth", pickled(tensor()), {"0": NUMBERS.tobytes()}))


def test_compressed_archives_and_endless_nesting_are_refused(tmp_path):
    path = zip_file(
        tmp_path / "bomb.pth", pickled({"a": tensor()}), {"0": NUMBERS.tobytes()}, compression=zipfile.ZIP_DEFLATED
    )
    with pytest.raises(UserError, match="uncompressed"):
        read_state_dict(path)
    endless = {}
    endless["self"] = endless
    with pytest.raises(UserError, match="corrupt"):
        read_state_dict(zip_file(tmp_path / "endless.pth", pickled(endless)))
