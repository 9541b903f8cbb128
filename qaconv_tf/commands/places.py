"""Where the data sets are that flags name."""

from qaconv_tf.commands.program import FLAGS
from qaconv_tf.datasets import parse_dataset
from qaconv_tf.errors import UserError


def locate_dataset(text, data_dir):
    """Returns name, options and path of the data set `NAME[+OPTION[=VALUE]...][:PATH]`, as `load_dataset` takes them.

    The options include what flags say of the clock; without `+clock=pattern` nothing is done with it.

    Args:
        text: str. What a flag names the data set.
        data_dir: str. Where it is if the text names no path.

    Raises:
        UserError: if neither says where it is.
    """
    name, options, path = parse_dataset(text)
    if not (path or data_dir):
        raise UserError(f"Expected a place of the data set. Received: {text!r}. Write NAME:PATH, or give --data_dir")
    clock = {flag: FLAGS[flag].value for flag in ("clock_pattern", "frames_per_second")}
    return name, options | clock, path or data_dir
