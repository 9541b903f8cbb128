"""What the scripts that remake assets share: the wheel to read, the check of bytes, and an end in one line."""

import hashlib
import pathlib
import subprocess
import sys


def find_wheel(arguments, requirement, folder):
    """Returns the wheel's path: the one named in the arguments, or what pip downloads, without what it depends on."""
    if arguments:
        wheel = pathlib.Path(arguments[0])
        if not wheel.is_file():
            end(f"Expected the wheel of {requirement}. Received: {str(wheel)!r}, which is no file. Without a path, pip "
                "downloads it")  # fmt: skip
        return wheel
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement]
    ended = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        told = ended.stderr.strip().splitlines() or ["nothing"]
        end(f"Expected pip to download {requirement}. Received: {told[-1]}. Download its wheel elsewhere and name it: "
            f"python {sys.argv[0]} WHEEL")  # fmt: skip
    return next(pathlib.Path(folder).glob("*.whl"))


def check_sha256(content, expected, name):
    """Ends the program if the bytes are not those expected."""
    received = hashlib.sha256(content).hexdigest()
    if received != expected:
        end(f"Expected {name} with SHA-256 {expected}. Received: {received}. Name the file of the version noted")


def end(message):
    """Ends the program as a user's error does: one line, exit status 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
