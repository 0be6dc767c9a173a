"""Fetching what the proofs on Claude Code need, without the network."""

from __future__ import annotations

import io
import platform
import tarfile
from pathlib import Path

import pytest

import setup_tests


def archive(folder: Path, member: str = "package/claude") -> Path:
    """A package with one file."""
    path = folder / "made-up.tgz"
    content = b"#!/bin/sh\n"
    with tarfile.open(path, "w:gz") as file:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        file.addfile(info, io.BytesIO(content))
    return path


def test_a_package_with_another_checksum_is_refused_and_not_skipped(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not use it"):
        setup_tests.check_sum(archive(tmp_path), "0" * 86 + "==")


def test_the_program_is_put_in_place_and_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_tests, "CLAUDE", tmp_path / "claude")
    setup_tests.unpack(archive(tmp_path), tmp_path / "new")
    assert (tmp_path / "claude").stat().st_mode & 0o111
    assert not (tmp_path / "new").exists()


def test_a_system_without_a_pinned_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Plan9")
    with pytest.raises(setup_tests.Unavailable, match="Plan9"):
        setup_tests.package()


def test_without_npm_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup_tests, "package", lambda: ("a", "b"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup_tests.Unavailable, match="npm"):
        setup_tests.fetch_claude_code()


def test_every_pin_is_a_sha_512() -> None:
    assert all(len(checksum) == 88 for _, checksum in setup_tests.PACKAGES.values())


def test_every_requirement_has_its_hashes() -> None:
    text = setup_tests.REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert any(line.startswith("anthropic==") for line in pins)
    assert all("==" in line and "--hash=sha256:" in line for line in pins)
