"""Fetches the pinned ONNX Runtime library into `.riskgate/lib`, where riskgate looks for it.

The library comes out of the PyPI wheel of ONNX Runtime, downloaded by pip and accepted only with the SHA-256 pinned here.
Any Python from 3.9 on will do, whatever it runs on: the wheel is unpacked, not installed. A second call does nothing.

python3 scripts/setup.py            # the processor (and Core ML on macOS)
python3 scripts/setup.py --gpu      # CUDA and TensorRT as well; for builds with `--features cuda`
python3 scripts/setup.py --tests    # what the tests on the real Claude Code need as well (they fetch it themselves, else)
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VERSION = "1.31.1"
DESTINATION = Path(__file__).resolve().parent.parent / ".riskgate" / "lib"
STAMP = "stamp.json"
# One Python per wheel is enough: the library in it is the same for all.
PYTHON_VERSION = "3.11"
ABI = "cp311"

LIBRARY = re.compile(r"onnxruntime/capi/((?:lib)?onnxruntime(?:_providers_\w+)?(?:\.\d+)*\.(?:so|dylib|dll)(?:\.\d+)*)")
NOTICE = re.compile(r"onnxruntime/(LICENSE|ThirdPartyNotices\.txt)")


class SetupError(Exception):
    """Something that the user has to mend; the text says how."""


@dataclass(frozen=True)
class Wheel:
    """One pinned wheel."""

    package: str
    platform_tag: str
    sha256: str

    def requirement(self) -> str:
        """The line of a pip requirements file that accepts this wheel only."""
        return f"{self.package}=={VERSION} --hash=sha256:{self.sha256}\n"


# By system and processor, as `platform` names them in lower case.
WHEELS = {
    ("linux", "x86_64"): Wheel(
        "onnxruntime", "manylinux_2_28_x86_64", "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f"
    ),
    ("linux", "aarch64"): Wheel(
        "onnxruntime", "manylinux_2_28_aarch64", "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3"
    ),
    ("darwin", "arm64"): Wheel(
        "onnxruntime", "macosx_14_0_arm64", "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7"
    ),
    ("windows", "amd64"): Wheel(
        "onnxruntime", "win_amd64", "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05"
    ),
    ("windows", "arm64"): Wheel(
        "onnxruntime", "win_arm64", "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0"
    ),
}
GPU_WHEELS = {
    ("linux", "x86_64"): Wheel(
        "onnxruntime-gpu", "manylinux_2_28_x86_64", "e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6"
    ),
    ("windows", "amd64"): Wheel(
        "onnxruntime-gpu", "win_amd64", "fd98341ba71c093153f0dcfc53eb69d57f706866fb45e94e5b0cde5d97a50dbf"
    ),
}


def select_wheel(system: str, machine: str, *, gpu: bool) -> Wheel:
    """The wheel for a system and processor."""
    wheels = GPU_WHEELS if gpu else WHEELS
    wheel = wheels.get((system.lower(), machine.lower()))
    if wheel is None:
        known = ", ".join(f"{name} {processor}" for name, processor in wheels)
        raise SetupError(
            f"there is no {'GPU ' if gpu else ''}build of ONNX Runtime {VERSION} for {system} {machine} (only for {known}); "
            "build the library yourself and name it in ORT_DYLIB_PATH"
        )
    return wheel


def acceptable_wheels(system: str, machine: str, *, gpu: bool) -> list[Wheel]:
    """The wheel to fetch, then others that serve as well if they are there already: a GPU build also runs the processor."""
    wanted = select_wheel(system, machine, gpu=gpu)
    other = GPU_WHEELS.get((system.lower(), machine.lower()))
    return [wanted] if gpu or other is None else [wanted, other]


def sha256(path: Path) -> str:
    """Of a file, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def pip_command(wheel: Wheel, requirements: Path, folder: Path) -> list[str]:
    """Downloads the wheel for its platform, whatever this Python is for."""
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(requirements)),
        *("--platform", wheel.platform_tag, "--implementation", "cp"),
        *("--python-version", PYTHON_VERSION, "--abi", ABI),
        *("--dest", str(folder)),
    ]


def download(wheel: Wheel, folder: Path) -> Path:
    """Fetches the wheel into a folder with pip and checks its hash."""
    if importlib.util.find_spec("pip") is None:
        raise SetupError(
            f"{sys.executable} has no pip; run `{sys.executable} -m ensurepip --user` (on Debian or Ubuntu: "
            "`apt-get install python3-pip`), or use another Python"
        )
    requirements = folder / "requirements.txt"
    requirements.write_text(wheel.requirement(), encoding="utf-8")
    done = subprocess.run(pip_command(wheel, requirements, folder), capture_output=True, text=True, check=False)
    files = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(files) != 1:
        raise SetupError(
            f"pip could not download {wheel.package} {VERSION} for {wheel.platform_tag}; check the network and pip's "
            f"configuration:\n{done.stderr.strip()}"
        )
    check_hash(files[0], wheel.sha256)
    return files[0]


def check_hash(path: Path, expected: str) -> None:
    """Refuses a file with another hash."""
    found = sha256(path)
    if found != expected:
        raise SetupError(f"{path.name} has SHA-256 {found} instead of {expected}; do not use it")


def members(names: Sequence[str]) -> dict[str, str]:
    """What to take out of a wheel: member -> file name. The libraries and the licence texts, no Python module."""
    found = {name: match[1] for name in names if (match := LIBRARY.fullmatch(name) or NOTICE.fullmatch(name))}
    if not any(name.startswith(("libonnxruntime.", "onnxruntime.")) for name in found.values()):
        raise SetupError("the wheel holds no ONNX Runtime library; the pin in this script needs an update")
    return found


def install(archive: Path, wheel: Wheel, destination: Path) -> None:
    """Unpacks the libraries beside their place and moves them in, the stamp last."""
    remove(destination)
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination) as unpacked, zipfile.ZipFile(archive) as content:
        files = members(content.namelist())
        hashes = {}
        for member, name in files.items():
            target = Path(unpacked) / name
            with content.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
            hashes[name] = sha256(target)
            target.replace(destination / name)
    stamp = {"package": wheel.package, "version": VERSION, "wheel_sha256": wheel.sha256, "files": hashes}
    (destination / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def read_stamp(destination: Path) -> tuple[str, dict[str, str]]:
    """The hash of the wheel that was unpacked here, and the hash of each of its files; empty when there is none."""
    try:
        stamp = json.loads((destination / STAMP).read_text(encoding="utf-8"))
        return str(stamp["wheel_sha256"]), {Path(name).name: str(found) for name, found in stamp["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", {}


def remove(destination: Path) -> None:
    """Deletes what an earlier call put here, and nothing else."""
    _, files = read_stamp(destination)
    for name in [STAMP, *files]:
        (destination / name).unlink(missing_ok=True)


def is_ready(destination: Path, wheels: Sequence[Wheel]) -> bool:
    """Whether one of these wheels is unpacked here, unchanged."""
    wheel_sha256, files = read_stamp(destination)
    known = any(wheel.sha256 == wheel_sha256 for wheel in wheels)
    paths = {destination / name: expected for name, expected in files.items()}
    return known and all(path.is_file() and sha256(path) == expected for path, expected in paths.items())


def run(destination: Path, *, gpu: bool, force: bool) -> bool:
    """Makes the library ready; returns whether anything had to be fetched."""
    wheels = acceptable_wheels(platform.system(), platform.machine(), gpu=gpu)
    if is_ready(destination, wheels) and not force:
        return False
    with tempfile.TemporaryDirectory() as folder:
        archive = download(wheels[0], Path(folder))
        install(archive, wheels[0], destination)
    return True


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="the build with CUDA and TensorRT")
    parser.add_argument("--tests", action="store_true", help="what tests/claude_code needs, too (600 MB)")
    parser.add_argument("--force", action="store_true", help="fetch again even if everything is there")
    parser.add_argument("--dest", type=Path, default=DESTINATION, help="folder for the library (default: %(default)s)")
    options = parser.parse_args()
    try:
        fetched = run(options.dest, gpu=options.gpu, force=options.force)
    except (SetupError, OSError, zipfile.BadZipFile) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    print(f"ONNX Runtime {VERSION} {'is now' if fetched else 'was already'} in {options.dest}")
    return set_up_tests() if options.tests else 0


def set_up_tests() -> int:
    """What the tests on the real Claude Code need; without it they are skipped, and say so."""
    import setup_tests

    try:
        fetched = setup_tests.run()
    except setup_tests.Unavailable as error:
        print(f"setup: the tests on the real Claude Code will be skipped: {error}", file=sys.stderr)
        return 0
    except (ValueError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    print(f"Claude Code {setup_tests.VERSION} {'is now' if fetched else 'was already'} in {setup_tests.FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
