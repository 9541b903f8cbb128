"""Packaging of qaconv_tf; the exact versions that `make` installs are in constraints.txt."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "qaconv_tf" / "__init__.py").read_text()).group(1)
VERBS = ("train", "evaluate", "export", "generate", "check_dataset", "import_checkpoint")

setup(
    name="qaconv_tf",
    version=VERSION,
    description="Image matching by query-adaptive convolution, in TensorFlow and Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["qaconv_tf", "qaconv_tf.*"]),
    package_data={"qaconv_tf": ["assets/*", "explain/*.html"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorboard>=2.21,<2.22",
        "numpy>=2.0",
        "scipy>=1.15",
        "h5py>=3.11",
        "absl-py>=2.1",
        "Pillow>=13",
        "rich>=13",
        "jinja2>=3.1",
    ],
    extras_require={"test": ["pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.100", "ruff>=0.12"]},
    entry_points={"console_scripts": [f"qaconv-{verb}=qaconv_tf.commands.program:{verb}" for verb in VERBS]},
)
