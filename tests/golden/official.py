"""The official QAConv at one of its tags, on a CPU, for the scripts that make golden values; needs torch."""

import pathlib
import subprocess
import sys
import types

import numpy as np
import torch


def use(checkout):
    """Makes the checkout's modules importable as `reid.*` and its calls of CUDA void; returns its tag."""
    checkout = pathlib.Path(checkout).resolve()
    # Not by its own __init__, which imports the evaluation and with it names that scikit-learn no longer has.
    package = types.ModuleType("reid")
    package.__path__ = [str(checkout / "reid")]
    sys.modules["reid"] = package
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *args, **kwargs: self
    # A mask of bytes chooses as one of booleans does, but torch 2 wants booleans.
    torch.Tensor.byte = torch.Tensor.bool
    torch.manual_seed(0)
    # With more threads it is chance which of two samples of a class the class memory keeps; with one it is the last.
    torch.set_num_threads(1)
    command = ["git", "-C", str(checkout), "describe", "--tags", "--exact-match"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def to_torch(maps):
    """Maps `(n, height, width, channels)` as torch lays them out; they collect gradients."""
    return torch.from_numpy(np.ascontiguousarray(maps.transpose(0, 3, 1, 2))).requires_grad_()


def from_torch(maps):
    """The inverse of `to_torch`."""
    return maps.detach().numpy().transpose(0, 2, 3, 1)


def fill(module, tensors):
    """Loads those of the tensors that the module has a place for, but for counters of steps."""
    names = [name for name in module.state_dict() if name in tensors and "num_batches" not in name]
    module.load_state_dict({name: torch.from_numpy(np.asarray(tensors[name])) for name in names}, strict=False)


def gradients(module):
    """Gradients of a matcher's weights: of the fully connected layer's, and of all its scalars as one vector."""
    scalars = (module.fc.bias, module.bn.weight, module.bn.bias, module.logit_bn.weight, module.logit_bn.bias)
    return {
        "by_fc_weight": module.fc.weight.grad.numpy().ravel(),
        "by_scalars": torch.cat([scalar.grad for scalar in scalars]).numpy(),
    }


def statistics(module):
    """The moving statistics of a matcher."""
    norms = (module.bn, module.logit_bn)
    return np.array([float(value) for norm in norms for value in (norm.running_mean, norm.running_var)], np.float32)
