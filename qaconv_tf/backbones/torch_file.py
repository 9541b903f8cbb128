"""PyTorch files read without PyTorch, and without running anything that a file asks for.

A `.pth` file is a pickle beside raw numbers, and a pickle may name any function of any module to be called on the way.
Here a name is looked up in one short table or refused; a tensor is first read as a description of itself, and becomes
an array only once the pickle has been left behind.
"""

import collections
import io
import os
import pickle
import zipfile
from typing import NamedTuple

import numpy as np

from qaconv_tf.errors import UserError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": "uint8",
}
_DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
_UNSIGNED_DTYPES_WITHOUT_STORAGE = ("uint16", "uint32", "uint64")


# What the pickle's stack may hold are named tuples: a pickle can set attributes on any object that it was given, and a
# tuple has none to set.
class _Dtype(NamedTuple):
    name: str


class _Storage(NamedTuple):
    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    dtype: str
    offset: int
    size: tuple
    stride: tuple


class _Rebuild(NamedTuple):
    """Stands for one of torch's functions that make a tensor out of a storage."""

    name: str

    def __call__(self, *arguments):
        if self.name.startswith("_rebuild_parameter"):
            return arguments[0]
        storage, offset, size, stride = arguments[:4]
        dtype = arguments[6].name if self.name == "_rebuild_tensor_v3" else storage.dtype
        return _Tensor(storage, dtype, offset, size, stride)


# The codes of the numbers that NumPy's scalars may be; neither objects nor records are among them.
_NUMPY_CODES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1")


class _NumpyDtype(NamedTuple):
    code: str

    def __setstate__(self, state):
        if state[1] not in ("<", "|"):
            raise ValueError(f"a NumPy scalar of byte order {state[1]!r}")


class _MakeNumpy(NamedTuple):
    """Stands for what makes a NumPy scalar: its dtype, its bytes (text before pickle's protocol 3) and itself."""

    name: str

    def __call__(self, *arguments):
        return getattr(self, f"_{self.name}")(*arguments)

    def _dtype(self, code, align, copy):
        if code not in _NUMPY_CODES:
            raise ValueError(f"a NumPy scalar of dtype {code!r:.40}")
        return _NumpyDtype(code)

    def _encode(self, text, encoding):
        if encoding != "latin1":
            raise ValueError(f"bytes encoded as {encoding!r:.40}")
        return text.encode("latin1")

    def _scalar(self, dtype, raw):
        (number,) = np.frombuffer(raw, f"<{dtype.code}").tolist()
        return number


_REBUILDERS = (
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
)
_ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch", "Size"): tuple,
    **{("torch._utils", name): _Rebuild(name) for name in _REBUILDERS},
    **{("torch", name): _Dtype(dtype) for name, dtype in _STORAGES.items()},
    **{("torch.storage", name): _Dtype(dtype) for name, dtype in _STORAGES.items()},
    **{("torch", name): _Dtype(name) for name in _DTYPES + _UNSIGNED_DTYPES_WITHOUT_STORAGE},
    ("numpy", "dtype"): _MakeNumpy("dtype"),
    ("numpy.core.multiarray", "scalar"): _MakeNumpy("scalar"),
    ("numpy._core.multiarray", "scalar"): _MakeNumpy("scalar"),
    ("_codecs", "encode"): _MakeNumpy("encode"),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, path):
        super().__init__(file, encoding="utf-8")
        self._path = path
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise UserError(
                f"Expected tensors and plain containers only. Received: {self._path} asks for {f'{module}.{name}'!r}, "
                "which is refused unread. Save the state dict alone: torch.save(model.state_dict(), path)"
            )
        return _ALLOWED[module, name]

    def persistent_load(self, pid):
        if pid[0] != "storage" or (len(pid) == 6 and pid[5] is not None):
            raise UserError(f"Expected storages of whole tensors. Received: {self._path} refers to {pid!r:.200}")
        storage = _Storage(key=pid[2], dtype=pid[1].name, length=pid[4])
        self.storages[storage.key] = storage
        return storage


def read_state_dict(path):
    """Reads the dictionary that `torch.save` wrote, zip (PyTorch 1.6 and later) or legacy format.

    Nothing is executed: functions that rebuild tensors, dtypes, storages and plain containers are recognised by name,
    any other name is refused before it is imported.

    Args:
        path: str or path. The `.pth` or `.pt` file.

    Returns:
        The saved dictionary; nested dictionaries, lists, tuples, numbers and strings as they were saved, NumPy scalars
        as numbers, tensors and parameters as read-only NumPy arrays of their own dtype (bfloat16 as float32).

    Raises:
        UserError: if the file cannot be read, is no PyTorch file, is truncated or corrupt, holds a tensor that reaches
            outside its storage, or asks for anything else than the above.

    Example:
        >>> from qaconv_tf.backbones import read_state_dict
        >>> read_state_dict("no_such_file.pth")
        Traceback (most recent call last):
        ...
        qaconv_tf.errors.UserError: Expected a PyTorch file. Received: no_such_file.pth (No such file or directory)

    Reference: [torch.serialization](https://docs.pytorch.org/docs/stable/notes/serialization.html).
    """
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            contents, storages, byteorder = _read_zip(file, path) if is_zip else _read_legacy(file, path)
        contents = _ArrayMaker(path, storages, byteorder).replace(contents)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"Expected a PyTorch file. Received: {path} ({error.strerror})") from error
    except Exception as error:  # bytes that are no pickle make pickle and zipfile raise almost anything
        raise UserError(
            f"Expected a whole PyTorch file. Received: {path}, which is corrupt, truncated or of another format "
            f"({type(error).__name__}). Copy or download it again"
        ) from error
    if not isinstance(contents, dict):
        raise UserError(f"Expected a dictionary of tensors. Received: {path} holds a {type(contents).__name__}")
    return contents


def flat_tensors(contents):
    """Yields name and array of each tensor in nested containers.

    Args:
        contents: dict, as `read_state_dict` returns it.

    Yields:
        `(name, array)`; a name is the keys on the way, joined by dots.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.backbones.torch_file import flat_tensors
        >>> [name for name, _ in flat_tensors({"epoch": 3, "optim": {"state": [{"momentum": np.ones(2)}]}})]
        ['optim.state.0.momentum']
    """
    items = contents.items() if isinstance(contents, dict) else enumerate(contents)
    for key, value in items:
        if isinstance(value, (dict, list, tuple)):
            yield from ((f"{key}.{name}", array) for name, array in flat_tensors(value))
        elif isinstance(value, np.ndarray):
            yield str(key), value


def _read_zip(file, path):
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickled = next(name for name in names if name == "data.pkl" or name.endswith("/data.pkl"))
        folder = pickled.removesuffix("data.pkl")
        byteorder = "little"
        if folder + "byteorder" in names:
            byteorder = _read_entry(archive, folder + "byteorder", path).decode()
        unpickler = _Unpickler(io.BytesIO(_read_entry(archive, pickled, path)), path)
        contents = unpickler.load()
        storages = {}
        for key, storage in unpickler.storages.items():
            raw = _read_entry(archive, f"{folder}data/{key}", path)
            if len(raw) != storage.length * _itemsize(storage.dtype):
                raise UserError(
                    f"Expected {storage.length!r:.40} numbers of {storage.dtype} in storage {key!r}. "
                    f"Received: {len(raw)} bytes in {path}"
                )
            storages[key] = raw
    return contents, storages, byteorder


def _read_entry(archive, name, path):
    # torch never compresses; refusing to inflate keeps a small file from filling the memory.
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise UserError(f"Expected an uncompressed archive, as torch.save writes it. Received: {path}")
    return archive.read(name)


def _read_legacy(file, path):
    magic, protocol, system = (_Unpickler(file, path).load() for _ in range(3))
    if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL:
        raise UserError(f"Expected a PyTorch file. Received: {path}, a pickle of something else")
    byteorder = "little" if system["little_endian"] else "big"
    unpickler = _Unpickler(file, path)
    contents = unpickler.load()
    keys = _Unpickler(file, path).load()
    end = os.fstat(file.fileno()).st_size
    storages = {}
    for key in keys:
        length = int.from_bytes(file.read(8), byteorder, signed=True)
        num_bytes = length * _itemsize(unpickler.storages[key].dtype)
        if not 0 <= num_bytes <= end - file.tell():
            raise UserError(
                f"Expected {length} numbers in storage {key!r}. Received: {path}, which ends before them. "
                "Copy or download it again"
            )
        storages[key] = file.read(num_bytes)
    return contents, storages, byteorder


def _itemsize(dtype):
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


class _ArrayMaker:
    """Puts arrays in the place of the tensors' descriptions."""

    def __init__(self, path, storages, byteorder):
        self._path = path
        self._storages = storages
        self._byteorder = byteorder

    def replace(self, value):
        if isinstance(value, _Tensor):
            return self._array(value)
        if isinstance(value, dict):
            # dict.items, since a pickle may have set an `items` of its own on an OrderedDict.
            return {key: self.replace(item) for key, item in dict.items(value)}
        if type(value) in (list, tuple):
            return type(value)(self.replace(item) for item in value)
        return value

    def _array(self, tensor):
        numbers = self._numbers(tensor)
        if not _is_inside(tensor, len(numbers)):
            raise UserError(
                f"Expected a tensor inside its storage of {len(numbers)} numbers. Received: "
                f"offset={tensor.offset!r:.40}, size={tensor.size!r:.80}, stride={tensor.stride!r:.80} in {self._path}"
            )
        strides = [step * numbers.itemsize if n > 1 else 0 for n, step in zip(tensor.size, tensor.stride, strict=True)]
        return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.size, strides, writeable=False)

    def _numbers(self, tensor):
        """The tensor's whole storage, as a vector in this machine's byte order."""
        raw = self._storages[tensor.storage.key]
        stored = np.dtype("uint16" if tensor.dtype == "bfloat16" else tensor.dtype)
        numbers = np.frombuffer(raw, stored.newbyteorder(self._byteorder), count=len(raw) // stored.itemsize)
        numbers = numbers.astype(stored, copy=False)
        if tensor.dtype == "bfloat16":
            # bfloat16 is the upper half of a float32.
            return (numbers.astype(np.uint32) << 16).view(np.float32)
        return numbers


def _is_inside(tensor, length):
    size, stride = tensor.size, tensor.stride
    if not all(type(number) is int and number >= 0 for number in (tensor.offset, *size, *stride)):
        return False
    if len(size) != len(stride):
        return False
    if 0 in size:
        return tensor.offset <= length
    return tensor.offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) < length
