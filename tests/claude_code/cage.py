"""A cage for programs that may misbehave: no network but the loopback, nothing to write to but memory, no process to harm.

Linux only. `enter` starts a command in namespaces of its own, as an unprivileged user of them. In there `/home`, `/tmp` and
`/run` are empty and in memory, `/tmp/full` is a disk with next to no room, `/etc` takes changes that nobody else sees (where
the system can do that), and everything else can only be read. What the command must find below one of the emptied folders is
named in `keep`.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMESPACES = ["--user", "--map-root-user", "--net", "--mount", "--ipc", "--fork", "--kill-child", "--pid", "--mount-proc"]
# Not root: some of the programs refuse to work as root, and root may do what permissions forbid.
UNPRIVILEGED = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]

EMPTIED = ["/home", "/tmp", "/run"]
FULL = Path("/tmp/full")
FULL_BYTES = 64 * 1024

# From linux/if.h, linux/sockios.h and linux/mount.h.
IFF_UP, SIOCSIFFLAGS = 1, 0x8914
MS_BIND = 0x1000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1


class NoCage(Exception):
    """No cage can be made here; the text says why."""


def check() -> None:
    """Raises where no cage can be made."""
    if not sys.platform.startswith("linux"):
        raise NoCage("namespaces are a thing of Linux")
    if shutil.which("unshare") is None:
        raise NoCage("there is no `unshare` (package util-linux)")
    tried = subprocess.run(command([sys.executable, "-c", ""], []), capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        lines = (tried.stderr.strip() or "no reason given").splitlines()
        raise NoCage(f"namespaces cannot be made: {lines[-1]}")


def command(inner: Sequence[str], keep: Sequence[Path]) -> list[str]:
    """What runs a command in a cage."""
    kept = [argument for path in keep for argument in ("--keep", str(path.resolve()))]
    return ["unshare", *NAMESPACES, "--", sys.executable, __file__, *kept, "--", *inner]


def prepare(keep: Sequence[str]) -> None:
    """Makes this namespace a cage."""
    raise_loopback()
    empty(EMPTIED, keep)
    FULL.mkdir()
    mount("tmpfs", FULL, f"size={FULL_BYTES}")
    changeable = ["/etc"] if overlay("/etc", Path("/run/changes")) else []
    set_read_only("/", recursive=True)
    # What is kept stays as it was found: it can only be read.
    for path in [*EMPTIED, str(FULL), "/proc", *changeable]:
        set_writable(path)


def raise_loopback() -> None:
    """The one network device, which begins in silence."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def empty(folders: Sequence[str], keep: Sequence[str]) -> None:
    """Covers folders with memory; what is kept shows through."""
    hidden = {path: os.open(path, os.O_PATH) for path in keep if any(is_below(path, folder) for folder in folders)}
    for folder in folders:
        mount("tmpfs", Path(folder), "mode=1777")
    for path, handle in hidden.items():
        target = Path(path)
        if Path(f"/proc/self/fd/{handle}").is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        bind(f"/proc/self/fd/{handle}", path)
        os.close(handle)


def is_below(path: str, folder: str) -> bool:
    """Whether a path leads through a folder."""
    return Path(folder) in Path(path).parents


LIBC = ctypes.CDLL(None, use_errno=True)


def checked(outcome: int, what: str) -> None:
    """Raises when a call of the system failed."""
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: {what}")


def mount(kind: str, target: Path, options: str) -> None:
    """Mounts a new file system."""
    checked(LIBC.mount(kind.encode(), bytes(target), kind.encode(), 0, options.encode()), f"mount {target}")


def overlay(target: str, changes: Path) -> bool:
    """Lets a folder take changes in another place; whether this system can."""
    for name in ("upper", "work"):
        (changes / name).mkdir(parents=True)
    (changes / "upper").chmod(0o777)
    try:
        mount("overlay", Path(target), f"lowerdir={target},upperdir={changes}/upper,workdir={changes}/work,userxattr")
    except OSError:
        return False
    return True


def bind(source: str, target: str) -> None:
    """Shows a file or folder in another place."""
    checked(LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None), f"bind {target}")


def set_read_only(path: str, *, recursive: bool) -> None:
    """Lets nobody write below a mount."""
    set_attributes(path, MOUNT_ATTR_RDONLY, 0, AT_RECURSIVE if recursive else 0)


def set_writable(path: str) -> None:
    """Lets everybody write to one mount."""
    set_attributes(path, 0, MOUNT_ATTR_RDONLY, 0)


def set_attributes(path: str, to_set: int, to_clear: int, flags: int) -> None:
    """`mount_setattr`, which no library offers yet."""
    attributes = struct.pack("QQQQ", to_set, to_clear, 0, 0)
    outcome = LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, attributes, ctypes.c_size_t(len(attributes)))
    checked(outcome, f"attributes of {path}")


def main() -> None:
    """In the new namespaces: makes the cage and becomes the command."""
    arguments = sys.argv[1:]
    cut = arguments.index("--")
    prepare(arguments[1:cut:2])
    inner = [*UNPRIVILEGED, *arguments[cut + 1 :]]
    os.execvp(inner[0], inner)


if __name__ == "__main__":
    main()
