"""Runs a command inside the test's process: what its user sees, without waiting for TensorFlow again."""

import dataclasses

from absl.testing import flagsaver

from qaconv_tf.commands import program


@dataclasses.dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


def run_command(capfd, command, *arguments):
    def execute():
        rest = program._parse([f"{command}.py", *arguments], command)
        program._run_main(command, rest[1:])

    capfd.readouterr()
    status = 0
    with flagsaver.flagsaver():
        try:
            program._guarded(command, execute)
        except SystemExit as stopped:
            status = stopped.code
    return Ended(status, *capfd.readouterr())
