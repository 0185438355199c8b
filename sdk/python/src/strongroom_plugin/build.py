"""Builds a plugin: `python -m strongroom_plugin.build FOLDER OUTPUT` makes a component of the Python files in FOLDER.

The module `plugin` in it assigns the name `Policy`. Needs `componentize-py` and `wasm-tools` (the extra `build` of this
package), and binaryen's `wasm-merge` and `wasm-opt` (`npm install binaryen`).
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from strongroom_plugin.join import Tools, join

_SDK = Path(__file__).resolve().parent
#: Not for the guest: what only builds and tests plugins.
_NOT_IN_GUESTS = ("build.py", "join.py", "parts.py", "testing.py", "*.wit", "py.typed", "__pycache__")
_ERROR_CHARS_MAX = 4000


def build(folder: Path, output: Path, binaryen: Path | None = None) -> None:
    """Makes the component. Raises `subprocess.CalledProcessError` with what a tool said."""
    binaryen = binaryen or _program("wasm-merge", "npm install binaryen").parent
    tools = Tools(binaryen, _program("wasm-tools", "pip install 'strongroom-plugin[build]'"))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        joined = join(_compile(folder, scratch), _SDK / "admission.wit", scratch, tools)
    output.parent.mkdir(parents=True, exist_ok=True)
    # In one step: a reader sees the old component or the new one.
    unfinished = output.with_name(f"{output.name}.{os.getpid()}")
    unfinished.write_bytes(joined)
    unfinished.replace(output)


def _compile(folder: Path, scratch: Path) -> bytes:
    stage, compiled = scratch / "stage", scratch / "compiled.wasm"
    shutil.copytree(folder, stage, ignore=shutil.ignore_patterns("__pycache__", "cases", "tests", "*.wasm"))
    shutil.copytree(_SDK, stage / _SDK.name, ignore=shutil.ignore_patterns(*_NOT_IN_GUESTS))
    compiler = _program("componentize-py", "pip install 'strongroom-plugin[build]'")
    command = [compiler, "--quiet", "--wit-path", _SDK / "admission.wit", "--world", "plugin", "componentize"]
    # Without WASI in the component: there is none on a member.
    command += ["--stub-wasi", "--python-path", stage, "--output", compiled, "plugin"]
    subprocess.run(command, check=True, cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return compiled.read_bytes()


def _program(name: str, remedy: str) -> Path:
    beside = Path(sysconfig.get_path("scripts")) / name
    found = beside if beside.exists() else shutil.which(name)
    return Path(found) if found else sys.exit(f"{name} is missing: {remedy}")


def _main() -> None:
    parser = argparse.ArgumentParser(prog="strongroom_plugin.build", description="Make a component of a plugin")
    parser.add_argument("folder", type=Path, help="folder with plugin.py")
    parser.add_argument("output", type=Path, help="the component to write")
    parser.add_argument("--binaryen", type=Path, help="folder with wasm-merge and wasm-opt [default: as in PATH]")
    told = parser.parse_args()
    try:
        build(told.folder, told.output, told.binaryen)
    except subprocess.CalledProcessError as error:
        # Tools may print whole modules; what is wrong stands at the end.
        sys.exit((error.stdout or str(error))[-_ERROR_CHARS_MAX:])


if __name__ == "__main__":
    _main()
