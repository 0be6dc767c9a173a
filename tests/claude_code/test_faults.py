"""Whatever breaks under riskgate while Claude Code works, what should not run does not."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import reviewer
from agent import Script, one_call
from cage import FULL
from messages import Call, Say, bash
from session import Home
from stub import serving

HARMLESS = "echo harmless-$((40 + 2)) && touch ran.txt"
BYPASS = "--dangerously-skip-permissions"


def has_run(home: Home) -> bool:
    """Whether the harmless or the uncertain call did its work."""
    return (home.work / "ran.txt").exists()


def with_trouble(calls: list[Call], trouble: Callable[[], None]) -> Script:
    """An agent that has made one call when trouble comes, and then makes others."""
    return Script([[bash("ls")], *([call] for call in calls), [Say("Done.")]], before={1: trouble})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=["killed", "stopped", "ended"])
def test_without_its_daemon_a_hook_judges_by_itself(home: Home, dangerous: str, number: signal.Signals) -> None:
    home.environment["RISKGATE_DEADLINE_MS"] = "12000"
    pid = home.warm_up()
    harmless, harmful = bash(HARMLESS), bash(dangerous)
    outcome = home.run(with_trouble([harmful, harmless], lambda: os.kill(pid, number)), BYPASS)
    assert home.is_whole
    assert outcome.result(harmful).is_error
    assert "riskgate denied this" in outcome.result(harmful).text
    assert outcome.result(harmless).text.strip() == "harmless-42"
    if number == signal.SIGSTOP:
        os.kill(pid, signal.SIGKILL)


def copy_bundle(home: Home) -> Path:
    """The bundle in the home, where it can be spoiled."""
    folder = home.folder / "bundle"
    shutil.copytree(home.programs.bundle, folder)
    home.environment["RISKGATE_MODEL"] = str(folder)
    return folder


def flip_a_bit(path: Path) -> None:
    """Changes a file as little as a file can change, as a failing disk would."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["model.ort", "tokenizer.json", "manifest.json"])
def test_with_a_corrupted_bundle_nothing_runs(home: Home, file: str) -> None:
    flip_a_bit(copy_bundle(home) / file)
    assert_stopped(home)


def test_with_half_a_bundle_nothing_runs(home: Home) -> None:
    model = copy_bundle(home) / "model.ort"
    os.truncate(model, model.stat().st_size // 2)
    assert_stopped(home)


def test_without_a_bundle_nothing_runs(home: Home) -> None:
    home.environment["RISKGATE_MODEL"] = str(home.folder / "nowhere")
    assert_stopped(home)


def test_without_the_runtime_library_nothing_runs(home: Home) -> None:
    library = home.folder / "libonnxruntime.so"
    library.write_bytes(b"\x7fELF but not much of it")
    home.environment["RISKGATE_RUNTIME"] = str(library)
    assert_stopped(home)


def test_with_settings_that_cannot_be_read_nothing_runs(home: Home) -> None:
    home.config.write_text("[review\nmode = ", encoding="utf-8")
    assert_stopped(home)


def test_without_time_nothing_runs(home: Home) -> None:
    home.environment["RISKGATE_DEADLINE_MS"] = "1"
    assert_stopped(home)


def assert_stopped(home: Home) -> None:
    """Even a harmless call does not run in any mode, and the agent learns that riskgate is the one that cannot."""
    call = bash(HARMLESS)
    outcome = home.run(one_call(call), BYPASS)
    assert not has_run(home)
    assert outcome.result(call).is_error
    assert "riskgate could not judge this call, so it does not run: " in outcome.result(call).text


def test_a_bundle_that_is_spoiled_under_a_running_daemon_changes_nothing(home: Home, dangerous: str) -> None:
    bundle = copy_bundle(home)
    home.warm_up()
    harmless, harmful = bash(HARMLESS), bash(dangerous)
    outcome = home.run(with_trouble([harmful, harmless], lambda: flip_a_bit(bundle / "model.ort")), BYPASS)
    assert home.is_whole
    assert "riskgate denied this" in outcome.result(harmful).text
    # By the daemon, which has the sound one in memory, or by nobody.
    assert outcome.result(harmless).text.strip() == "harmless-42" or not has_run(home)


@pytest.fixture
def full_disk() -> Iterator[Path]:
    """A folder on a disk without a byte to spare."""
    with (FULL / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    yield FULL
    for path in FULL.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_with_a_full_disk_what_is_dangerous_does_not_run(home: Home, dangerous: str, full_disk: Path) -> None:
    home.environment |= {name: str(full_disk) for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR")}
    harmful = bash(dangerous)
    outcome = home.run(one_call(harmful), BYPASS)
    assert home.is_whole
    assert "riskgate denied this" in outcome.result(harmful).text


@pytest.mark.parametrize("is_warm", [False, True], ids=["in the hook's process", "in the daemon"])
def test_with_a_full_disk_no_review_is_spent_unseen(home: Home, uncertain: str, full_disk: Path, is_warm: bool) -> None:
    home.environment["XDG_STATE_HOME"] = str(full_disk)
    call = bash(uncertain)
    with serving(lambda request: reviewer.verdict("allow")) as stub:
        home.turn_review_on(stub.base_url)
        if is_warm:
            home.warm_up()
        outcome = home.run(one_call(call))
        assert stub.questions() == []
    assert not has_run(home)
    assert outcome.result(call).is_error
    assert "the state of reviews" in outcome.result(call).text


@pytest.mark.parametrize(
    "hook", ["exit 1", "kill -9 $$", "exec /nowhere/riskgate"], ids=["fails", "is killed", "is missing"]
)
def test_a_hook_that_does_not_answer_is_no_gate(home: Home, hook: str) -> None:
    """The limit that the README names, and why riskgate answers whatever happens: Claude Code takes no answer for a yes."""
    program = home.folder / "hook"
    program.write_text(f"#!/bin/sh\n{hook}\n", encoding="utf-8")
    program.chmod(0o755)
    home.install_hooks(program=program)
    home.run(one_call(bash(HARMLESS)), BYPASS)
    assert has_run(home)
