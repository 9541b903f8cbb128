"""What the benchmarks of a loss's step share: inputs, and one forward and backward pass by TensorFlow or by torch.

NumPy only at the top, as the official code's interpreter has no more.
"""

import subprocess
import sys

import measure
import numpy as np

HEIGHT, WIDTH, CHANNELS = 24, 8, 128
LOCATIONS = HEIGHT * WIDTH
# In the names of variants that need the native engine.
NATIVE = "native engine"


def add_options(parser):
    """Adds where the official code is."""
    parser.add_argument("--official", help="a checkout of the official QAConv, of the version that is named above")
    parser.add_argument("--official_python", help="the interpreter that runs it, with torch")
    parser.add_argument("--official_threads", type=int, default=2, help="threads that torch may use")
    return parser


def map_blocks(seed, number):
    """Yields (first, maps): random unit vectors at every location, `(some, height, width, channels)`."""
    random = np.random.default_rng([7, seed])
    for first in range(0, number, 16):
        maps = random.standard_normal((min(16, number - first), HEIGHT, WIDTH, CHANNELS), np.float32)
        yield first, maps / np.linalg.norm(maps, axis=-1, keepdims=True)


def random_maps(seed, number):
    """All of them."""
    return np.concatenate([maps for _, maps in map_blocks(seed, number)])


def make_matcher(head):
    """A new matcher, weights 1 / locations, and the maps that it takes."""
    from qaconv_tf.matching import QAConv

    matcher = QAConv(head)
    matcher.build((None, HEIGHT, WIDTH, CHANNELS), (None, HEIGHT, WIDTH, CHANNELS))
    return matcher


def tensorflow_step(loss_of, maps, matcher, jit_compile=False):
    """A function that computes the loss of maps and its gradients to the maps and all that the matcher learns."""
    import tensorflow as tf

    maps = tf.constant(maps)

    @tf.function(jit_compile=jit_compile)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = loss_of(maps)
        by_maps, *gradients = tape.gradient(loss, [maps, *matcher.trainable_variables])
        return loss, tf.norm(by_maps), tf.linalg.global_norm(gradients)

    return lambda: sum(map(float, step()[:2]))


def use_official(options):
    """Makes the checkout's modules importable as `reid.*`, on a CPU and a torch that want neither CUDA nor bytes."""
    import types

    import torch

    # Not by its own __init__, which imports the whole evaluation.
    package = types.ModuleType("reid")
    package.__path__ = [f"{options.official}/reid"]
    sys.modules["reid"] = package
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *args, **kwargs: self
    torch.Tensor.byte = torch.Tensor.bool
    torch.set_num_threads(options.official_threads)


def official_matcher():
    """The official matcher, weights 1 / locations as in `make_matcher`."""
    import torch
    from reid.models.qaconv import QAConv

    matcher = QAConv(CHANNELS, HEIGHT, WIDTH)
    with torch.no_grad():
        matcher.fc.weight.fill_(1 / LOCATIONS)
        matcher.fc.bias.fill_(0)
    return matcher.train()


def to_torch(maps):
    """Maps as torch lays them out."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(maps.transpose(0, 3, 1, 2)))


def official_step(loss_of, maps, matcher):
    """The same as `tensorflow_step`."""
    maps = to_torch(maps).requires_grad_()

    def step():
        maps.grad = None
        matcher.zero_grad()
        loss = loss_of(maps)
        loss.backward()
        return loss.item() + maps.grad.norm().item()

    return step


def nothing(options, make_inputs):
    """A variant that only makes the inputs."""
    inputs = make_inputs(options)
    return lambda: 0.0 * len(inputs)


def run(parser, variants):
    """As `measure.run`, all in single precision; names the native engine's kernel, or leaves its variants out."""
    if "--variant" not in sys.argv:
        code = "from qaconv_tf.matching.score_matrix import chosen_engine; print(chosen_engine())"
        engine = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
        print(f"engine: {engine}")
        variants = {name: one for name, one in variants.items() if NATIVE not in name or engine.startswith("native")}
    measure.run(add_options(parser), variants)
