"""Fetches what the proofs in `tests/claude_code` need: the pinned Claude Code (npm) and a Python environment (pip).

Both go into `.riskgate` of the repository, which Git ignores, and both are accepted only with the hashes pinned here or in
`tests/claude_code/requirements.txt`. A second call does nothing. Nothing of it is needed to use riskgate.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".riskgate"
REQUIREMENTS = REPOSITORY / "tests" / "claude_code" / "requirements.txt"
LEAST_PYTHON = (3, 11)

VERSION = "2.1.332"
CLAUDE = FOLDER / "claude-code" / VERSION / "claude"
PYTHON = FOLDER / "proof-venv" / "bin" / "python"

# The package with the program for each processor and C library, and npm's own checksum of it (SHA-512, base64).
PACKAGES = {
    ("x86_64", "glibc"): (
        "@anthropic-ai/claude-code-linux-x64",
        "f4JWhzwYutJIHScC7/dYOPX6s28tt7ZADhsOi8zwOHq5fFPEuUeChh2NMfinSg0GrUckYxaeebC4h0DqiKzLcw==",
    ),
    ("aarch64", "glibc"): (
        "@anthropic-ai/claude-code-linux-arm64",
        "BlHNEtK38KBPWU31F4lUSS9sHclCyfWbThT1CErvxxH8+XcljYLZlQwdyXBkTD62rw1TgfE1u1a+quMWS0NSJg==",
    ),
}


class Unavailable(Exception):
    """It cannot be had on this machine; the text says why."""


def package() -> tuple[str, str]:
    """The package for this machine and its checksum."""
    key = (platform.machine().lower(), platform.libc_ver()[0])
    if platform.system() != "Linux" or key not in PACKAGES:
        raise Unavailable(f"no Claude Code is pinned for {platform.system()} {platform.machine()} {key[1]}")
    return PACKAGES[key]


def fetch_claude_code() -> None:
    """Downloads the package with npm, checks it and unpacks the program."""
    name, checksum = package()
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("there is no npm to fetch Claude Code with (install Node.js)")
    CLAUDE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CLAUDE.parent) as folder:
        command = [npm, "pack", "--silent", f"{name}@{VERSION}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(archives) != 1:
            raise Unavailable(f"npm could not download {name} {VERSION}: {done.stderr.strip()[-300:]}")
        check_sum(archives[0], checksum)
        unpack(archives[0], Path(folder) / "claude")


def check_sum(archive: Path, expected: str) -> None:
    """Refuses an archive with another checksum; that is no reason to skip anything."""
    digest = hashlib.sha512()
    with archive.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    found = base64.b64encode(digest.digest()).decode()
    if found != expected:
        raise ValueError(f"{archive.name} has SHA-512 {found} instead of {expected}; do not use it")


def unpack(archive: Path, program: Path) -> None:
    """Takes the program out of its package and puts it in place, whole or not at all."""
    with tarfile.open(archive) as content:
        source = content.extractfile("package/claude")
        assert source is not None, "the package holds no program; the pin in this script needs an update"
        with program.open("wb") as file:
            shutil.copyfileobj(source, file)
    program.chmod(0o755)
    program.replace(CLAUDE)


def stamp() -> str:
    """What the environment was made from."""
    text = REQUIREMENTS.read_bytes() + json.dumps([sys.version, sys.base_prefix]).encode()
    return hashlib.sha256(text).hexdigest()


def make_environment() -> None:
    """A virtual environment with what is pinned, and nothing else."""
    if sys.version_info < LEAST_PYTHON:
        raise Unavailable("the proofs need Python {}.{} or newer".format(*LEAST_PYTHON))
    folder = PYTHON.parents[1]
    shutil.rmtree(folder, ignore_errors=True)
    pip = [*(str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")]
    pinned = ["--require-hashes", "--only-binary=:all:", "--requirement", str(REQUIREMENTS)]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *pinned]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"no Python environment can be made: {(done.stderr or done.stdout).strip()[-300:]}")
    (folder / "stamp").write_text(stamp(), encoding="utf-8")


def is_current() -> bool:
    """Whether the environment is the one that is wanted."""
    path = PYTHON.parents[1] / "stamp"
    return PYTHON.exists() and path.is_file() and path.read_text(encoding="utf-8") == stamp()


def run() -> bool:
    """Makes everything ready; returns whether anything had to be fetched."""
    wanted = []
    if not os.access(CLAUDE, os.X_OK):
        wanted.append(fetch_claude_code)
    if not is_current():
        wanted.append(make_environment)
    for fetch in wanted:
        fetch()
    return bool(wanted)
