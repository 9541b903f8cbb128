"""Packaging of qaconv_tf; the exact versions that `make` installs are in constraints.txt."""

import pathlib
import platform
import re

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError, CompileError

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "qaconv_tf" / "__init__.py").read_text()).group(1)
VERBS = ("train", "evaluate", "export", "generate", "check_dataset", "import_checkpoint", "explain")
NATIVE = sorted(f"native/{file.name}" for file in (HERE / "native").iterdir())
KERNELS = [file for file in NATIVE if re.search(r"/kernel_.*\.cpp$", file)]
OPTIONS = ["-std=c++17", "-O3", "-g0", "-fvisibility=hidden", "-pthread"]


class BuildNativeEngine(build_ext):
    """Compiles each kernel for its own kind of processor; where that fails, the package installs without them."""

    def build_extension(self, extension):
        try:
            import pybind11

            extension.include_dirs = [pybind11.get_include()]
            extension.extra_objects = [self._compile(kernel) for kernel in KERNELS]
            super().build_extension(extension)
        except (ImportError, BaseError, CCompilerError) as error:
            self.warn(f"The native matching engine was not built, so XLA will match instead, slower: {error}")

    def _compile(self, kernel):
        flags = re.findall(r"^// flags: (.+)$", (HERE / kernel).read_text(), re.MULTILINE)
        flags = flags[0].split() if flags and platform.machine() in ("x86_64", "AMD64") else []
        try:
            (compiled,) = self.compiler.compile([kernel], self.build_temp, extra_postargs=[*OPTIONS, *flags])
        except CompileError:
            if not flags:
                raise
            # Without its flags a file compiles to nothing: the compiler is older than the kernel's processor.
            (compiled,) = self.compiler.compile([kernel], self.build_temp, extra_postargs=OPTIONS)
            self.warn(f"{kernel} was left out: this compiler does not take {' '.join(flags)}")
        return compiled


setup(
    name="qaconv_tf",
    version=VERSION,
    description="Image matching by query-adaptive convolution, in TensorFlow and Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["qaconv_tf", "qaconv_tf.*"]),
    package_data={"qaconv_tf": ["assets/*", "assets/references/*", "explain/*.html", "explain/*.css", "explain/*.js"]},
    ext_modules=[
        Extension(
            "qaconv_tf.matching._native",
            sources=["native/binding.cpp", "native/engine.cpp", "native/pair_statistics.cpp"],
            depends=NATIVE,
            extra_compile_args=OPTIONS,
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildNativeEngine},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorboard>=2.21,<2.22",
        "numpy>=2.0",
        "scipy>=1.15",
        "h5py>=3.11",
        "absl-py>=2.1",
        "Pillow>=13",
        "numba>=0.66",
        "rich>=13",
        "jinja2>=3.1",
    ],
    extras_require={
        "test": [
            "pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.100", "ruff>=0.12", "playwright>=1.50",
            "axe-playwright-python>=0.1.7",
        ],
    },  # fmt: skip
    entry_points={"console_scripts": [f"qaconv-{verb}=qaconv_tf.commands.program:{verb}" for verb in VERBS]},
)
