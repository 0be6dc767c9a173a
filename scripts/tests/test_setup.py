"""The set-up script, without the network: choosing, unpacking and recognising the pinned library."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest


def load() -> ModuleType:
    """By path: `setup` is a common name on the module path."""
    path = Path(__file__).resolve().parent.parent / "setup.py"
    spec = importlib.util.spec_from_file_location("riskgate_setup", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


setup = load()

LINUX = [
    "onnxruntime/LICENSE",
    "onnxruntime/ThirdPartyNotices.txt",
    "onnxruntime/capi/libonnxruntime.so.1.31.1",
    "onnxruntime/capi/libonnxruntime_providers_shared.so",
    "onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so",
    "onnxruntime/capi/__init__.py",
    "onnxruntime-1.31.1.dist-info/LICENSE",
]


def make_wheel(folder: Path, names: list[str]) -> Path:
    """A zip whose members hold their own names."""
    path = folder / "made-up.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


@pytest.mark.parametrize(
    ("system", "machine", "tag"),
    [
        ("Linux", "x86_64", "manylinux_2_28_x86_64"),
        ("Linux", "aarch64", "manylinux_2_28_aarch64"),
        ("Darwin", "arm64", "macosx_14_0_arm64"),
        ("Windows", "AMD64", "win_amd64"),
        ("Windows", "ARM64", "win_arm64"),
    ],
)
def test_every_supported_platform_has_a_wheel(system: str, machine: str, tag: str) -> None:
    assert setup.select_wheel(system, machine, gpu=False).platform_tag == tag


@pytest.mark.parametrize(("system", "machine", "gpu"), [("Darwin", "x86_64", False), ("Darwin", "arm64", True)])
def test_a_platform_without_a_wheel_is_told_what_to_do(system: str, machine: str, gpu: bool) -> None:
    with pytest.raises(setup.SetupError, match="ORT_DYLIB_PATH"):
        setup.select_wheel(system, machine, gpu=gpu)


def test_every_pin_is_a_different_hash() -> None:
    pins = [wheel.sha256 for wheel in [*setup.WHEELS.values(), *setup.GPU_WHEELS.values()]]
    assert len(set(pins)) == len(pins)
    assert all(len(pin) == 64 and set(pin) <= set("0123456789abcdef") for pin in pins)


def test_pip_is_told_the_platform_and_the_hash() -> None:
    wheel = setup.select_wheel("Windows", "AMD64", gpu=False)
    command = setup.pip_command(wheel, Path("requirements.txt"), Path("folder"))
    assert command[command.index("--platform") + 1] == "win_amd64"
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(command)
    assert wheel.requirement() == f"onnxruntime==1.31.1 --hash=sha256:{wheel.sha256}\n"


def test_only_libraries_and_licences_are_taken() -> None:
    assert set(setup.members(LINUX).values()) == {
        "LICENSE",
        "ThirdPartyNotices.txt",
        "libonnxruntime.so.1.31.1",
        "libonnxruntime_providers_shared.so",
    }
    windows = ["onnxruntime/capi/onnxruntime.dll", "onnxruntime/capi/onnxruntime_providers_shared.dll"]
    assert set(setup.members(windows)) == set(windows)
    apple = ["onnxruntime/capi/libonnxruntime.1.31.1.dylib", "onnxruntime/capi/onnxruntime_pybind11_state.so"]
    assert set(setup.members(apple)) == set(apple[:1])


def test_a_wheel_without_a_library_is_refused() -> None:
    with pytest.raises(setup.SetupError, match="no ONNX Runtime library"):
        setup.members(["onnxruntime/LICENSE", "onnxruntime/capi/libonnxruntime_providers_shared.so"])


def test_what_was_unpacked_is_recognised_until_it_changes(tmp_path: Path) -> None:
    wheel, other = setup.select_wheel("Linux", "x86_64", gpu=False), setup.select_wheel("Linux", "x86_64", gpu=True)
    library = tmp_path / "lib" / "libonnxruntime.so.1.31.1"
    assert not setup.is_ready(library.parent, [wheel])
    setup.install(make_wheel(tmp_path, LINUX), wheel, library.parent)
    assert library.read_text() == "onnxruntime/capi/libonnxruntime.so.1.31.1"
    assert setup.is_ready(library.parent, [wheel])
    assert setup.is_ready(library.parent, [other, wheel])
    assert not setup.is_ready(library.parent, [other])
    library.write_text("changed")
    assert not setup.is_ready(library.parent, [wheel])


def test_a_newer_wheel_replaces_the_files_of_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    wheel = setup.select_wheel("Linux", "x86_64", gpu=False)
    folder = tmp_path / "lib"
    setup.install(make_wheel(tmp_path, [*LINUX, "onnxruntime/capi/libonnxruntime_providers_cuda.so"]), wheel, folder)
    (folder / "mine.txt").write_text("mine")
    setup.install(make_wheel(tmp_path, LINUX), dataclasses.replace(wheel, sha256="0" * 64), folder)
    assert {path.name for path in folder.iterdir()} == {*setup.members(LINUX).values(), setup.STAMP, "mine.txt"}


def test_a_gpu_build_serves_as_well_but_not_the_other_way_round() -> None:
    tags = [wheel.package for wheel in setup.acceptable_wheels("Linux", "x86_64", gpu=False)]
    assert tags == ["onnxruntime", "onnxruntime-gpu"]
    assert [wheel.package for wheel in setup.acceptable_wheels("Linux", "x86_64", gpu=True)] == ["onnxruntime-gpu"]


def test_a_download_with_another_hash_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, LINUX)
    with pytest.raises(setup.SetupError, match="do not use it"):
        setup.check_hash(path, "0" * 64)


@pytest.mark.parametrize("stamp", ["", "[]", "{}", '{"wheel_sha256": 1, "files": null}'])
def test_a_broken_stamp_counts_as_none(tmp_path: Path, stamp: str) -> None:
    (tmp_path / setup.STAMP).write_text(stamp)
    assert setup.read_stamp(tmp_path) == ("", {})
