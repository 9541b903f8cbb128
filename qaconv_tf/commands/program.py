"""What every command shares: flags of its own, one line for a user's error, quiet libraries."""

import functools
import importlib
import math
import os
import sys
import tempfile

from absl import app, flags, logging

from qaconv_tf.errors import UserError
from qaconv_tf.flags import COMMAND_FLAGS

FLAGS = flags.FLAGS
_WITHOUT_TENSORFLOW = ("check_dataset", "demo", "generate", "people")
# Commands that take files beside their flags: how many, and what they are.
_FILES = {"explain": (2, "two images")}
_HOW_TO_GO_ON = {
    "train": " (it goes on from its last checkpoint with --resume)",
    **dict.fromkeys(("generate", "demo", "people"), " (run it again to go on)"),
}


def run_program(command):
    """Runs `qaconv_tf.commands.COMMAND.main()` as an absl program, and ends the process.

    The command's module, and TensorFlow with it, is imported after the flags have been parsed, so that help and
    mistyped flags do not wait for it. A `UserError` (also one that TensorFlow carried out of a data pipeline), or a
    flag that the command does not have, is printed as one line and ends the process with exit status 2.

    Args:
        command: str. Name of a module in `qaconv_tf.commands`, with its flags in `COMMAND_FLAGS`.
    """
    for name in COMMAND_FLAGS[command]:
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[name])
    app.run(
        lambda rest: _guarded(command, _run_main, command, rest[1:]),
        flags_parser=lambda argv: _guarded(command, _parse, argv, command),
    )


# Entry points of the console scripts; setup.py names them.
train, evaluate, export, generate, check_dataset, import_checkpoint, explain = (
    functools.partial(run_program, verb)
    for verb in ("train", "evaluate", "export", "generate", "check_dataset", "import_checkpoint", "explain")
)


def flags_text(command):
    """Returns the flags of a command and their values, one a line, as `--flagfile` reads them."""
    lines = (FLAGS[name].serialize() for name in COMMAND_FLAGS[command])
    return "".join(f"{line}\n" for line in lines if line)


def flag_values(command):
    """Returns the flags of a command and their values, as a dict."""
    return {name: FLAGS[name].value for name in COMMAND_FLAGS[command]}


def require_flag(name):
    """Returns the value of a flag that has no default.

    Raises:
        UserError: if the flag is not given.
    """
    if not FLAGS[name].value:
        raise UserError(f"Expected --{name}=... Received: nothing. {FLAGS[name].help}")
    return FLAGS[name].value


def _parse(argv, command):
    try:
        rest = FLAGS(argv)
    except flags.Error as error:
        raise UserError(f"{str(error).strip().splitlines()[0]} (--helpshort lists the flags)") from error
    number, files = _FILES.get(command, (0, "flags only, --name=value"))
    if len(rest) != 1 + number:
        raise UserError(f"Expected {files}. Received: {' '.join(map(repr, rest[1:])) or 'nothing'}")
    ours = {name for names in COMMAND_FLAGS.values() for name in names}
    for name in sorted(ours - set(COMMAND_FLAGS[command])):
        if FLAGS[name].present:
            raise UserError(f"Expected flags of {command} (--helpshort lists them). Received: --{name}")
    for name in COMMAND_FLAGS[command]:
        value = FLAGS[name].value
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"Expected a finite number. Received: --{name}={value}")
    logging.set_verbosity(logging.WARNING)
    return rest


def _run_main(command, files=()):
    if command not in _WITHOUT_TENSORFLOW:
        _import_tensorflow_quietly()
    importlib.import_module(f"qaconv_tf.commands.{command}").main(*files)


def _import_tensorflow_quietly():
    """Keeps TensorFlow's notes on GPUs and processor features, which no setting of its own hides, off the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    saved = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            importlib.import_module("tensorflow").constant(0)
        except BaseException:
            notes.seek(0)
            os.write(saved, notes.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _guarded(command, function, *arguments):
    try:
        return function(*arguments)
    except UserError as error:
        _exit(str(error))
    except OSError as error:
        _exit(f"Expected files and folders that can be read and written. Received: {error}")
    except KeyboardInterrupt:
        _exit(f"interrupted{_HOW_TO_GO_ON.get(command, '')}", status=130)
    except Exception as error:
        inside = _error_of_pipeline(error)
        if inside is None:
            raise
        _exit(str(inside))


def _error_of_pipeline(error):
    """A user's error that TensorFlow carried out of a data pipeline, or None."""
    # What is no error of TensorFlow is ours, and its traceback is wanted.
    if "tensorflow" not in sys.modules or not isinstance(error, sys.modules["tensorflow"].errors.OpError):
        return None
    return importlib.import_module("qaconv_tf.pipeline").user_error_from(error)


def _exit(message, status=2):
    one_line = " ".join(message.split())
    print(f"error: {one_line}", file=sys.stderr)
    sys.exit(status)
