"""Writes PyTorch files, honest and otherwise, without PyTorch."""

import io
import pickle
import zipfile

import numpy as np

_STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
}


class Global:
    """Pickles as the bare name of something that this process need not have."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickles as a call of a global."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class TensorPickler(pickle._Pickler):
    """Writes what torch writes, and worse; the Python pickler, since its dispatch table can be added to."""

    def persistent_id(self, value):
        return value[1:] if isinstance(value, tuple) and value[:1] == ("PERSISTENT",) else None

    def save_global_name(self, value):
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    def save_call(self, value):
        self.save(value.function)
        self.save(value.arguments)
        self.write(pickle.REDUCE)

    dispatch = pickle._Pickler.dispatch | {Global: save_global_name, Call: save_call}


def pickled(value):
    """The bytes of a pickle in which `Global`, `Call` and references to storages may stand."""
    buffer = io.BytesIO()
    TensorPickler(buffer, protocol=2).dump(value)
    return buffer.getvalue()


def zip_file(path, pickled, storages=None, byteorder=None, compression=zipfile.ZIP_STORED):
    """Writes a file as `torch.save` lays it out, around a pickle of one's own; returns its path."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        if byteorder:
            archive.writestr("archive/byteorder", byteorder)
        for key, raw in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", raw)
        archive.writestr("archive/version", "3\n")
    return path


def tensor(storage="FloatStorage", key="0", length=6, offset=0, size=(2, 3), stride=(3, 1)):
    """What stands for a tensor in the pickle."""
    reference = ("PERSISTENT", "storage", Global("torch", storage), key, "cpu", length)
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), reference, offset, size, stride, False, {})


def save(path, contents):
    """Writes nested dictionaries and lists in the zip format, their arrays as tensors; returns the path."""
    storages = {}

    def described(value):
        if isinstance(value, dict):
            return {key: described(item) for key, item in value.items()}
        if isinstance(value, list):
            return [described(item) for item in value]
        if not isinstance(value, np.ndarray):
            return value
        key = str(len(storages))
        storages[key] = value.tobytes()
        stride = tuple(int(np.prod(value.shape[axis + 1 :])) for axis in range(value.ndim))
        return tensor(_STORAGES[value.dtype.name], key, value.size, 0, value.shape, stride)

    return zip_file(path, pickled(described(contents)), storages)
