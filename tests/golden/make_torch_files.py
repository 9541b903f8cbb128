"""Makes `tests/data/torch_files/{zip,legacy}.pt`, two small files as `torch.save` writes them.

    python tests/golden/make_torch_files.py

Run in an environment of its own with torch 2.13.0; no test needs it. `test_torch_file.py` says what is in them.
"""

import collections
import pathlib

import torch

FOLDER = pathlib.Path(__file__).parents[1] / "data" / "torch_files"


def make_contents():
    base = torch.arange(24, dtype=torch.float32) / 8
    state_dict = collections.OrderedDict(
        matrix=base.view(4, 6),
        transposed=base.view(4, 6).t(),
        tail=base[20:],
        every_other_column=base.view(4, 6)[:, 1::2],
        expanded=torch.tensor([3.5]).expand(2, 3),
        scalar=torch.tensor(2.25, dtype=torch.float64),
        empty=torch.zeros(0, 5),
        parameter=torch.nn.Parameter(torch.tensor([1.5, -2.5])),
        half=torch.tensor([0.5, -1.75], dtype=torch.float16),
        brain=torch.tensor([1.0, -3.140625], dtype=torch.bfloat16),
        count=torch.tensor(2**40 + 1),
        bytes=torch.tensor([0, 200, 255], dtype=torch.uint8),
        mask=torch.tensor([True, False, True]),
        unsigned=torch.tensor([1, 65535], dtype=torch.uint16),
    )
    state_dict._metadata = collections.OrderedDict(version=1)
    return {"state_dict": state_dict, "epoch": 3, "history": [0.5, (torch.tensor([7]), None)], "name": "näme"}


def main():
    FOLDER.mkdir(exist_ok=True)
    contents = make_contents()
    torch.save(contents, FOLDER / "zip.pt")
    del contents["state_dict"]["unsigned"]  # the legacy format has no such dtype
    torch.save(contents, FOLDER / "legacy.pt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
