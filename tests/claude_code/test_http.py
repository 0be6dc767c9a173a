"""Claude Code's HTTP hooks, answered by the daemon's other door."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from agent import Script, one_call
from messages import Say, bash
from session import PATIENCE, Home

BYPASS = "--dangerously-skip-permissions"


@pytest.fixture
def served(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that speaks HTTP, and a home whose hooks ask it that way."""
    socket = home.run_folder / "http.sock"
    command = [str(home.programs.riskgate), "serve", "--http", "127.0.0.1:0", "--socket", str(socket)]
    process = subprocess.Popen(command, env=home.variables(), stderr=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE
    while not (addresses := [daemon["http"] for daemon in home.status(socket) if "http" in daemon]):
        assert time.monotonic() < until
        time.sleep(0.05)
    hook = {"type": "http", "url": f"http://{addresses[0]}/hook/claude-code", "timeout": 60}
    group = [{"matcher": "*", "hooks": [hook]}]
    settings = {"hooks": {"PreToolUse": group, "PostToolUse": group, "PostToolUseFailure": group}}
    (home.folder / ".claude" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    yield process
    process.kill()
    process.wait()


def test_over_http_what_is_harmless_runs_and_what_is_dangerous_does_not(
    home: Home, served: subprocess.Popen[bytes], dangerous: str
) -> None:
    harmless, harmful = bash("echo harmless-$((40 + 2))"), bash(dangerous)
    outcome = home.run(Script([[harmless], [harmful], [Say("Done.")]]), BYPASS)
    assert outcome.result(harmless).text.strip() == "harmless-42"
    assert home.is_whole
    assert "riskgate denied this" in outcome.result(harmful).text


def test_an_http_hook_that_finds_nobody_is_no_gate(home: Home, served: subprocess.Popen[bytes], dangerous: str) -> None:
    """The limit that the README names, and why the hook that is a process is the better one."""
    served.kill()
    served.wait()
    home.run(one_call(bash(dangerous)), BYPASS)
    assert not home.is_whole
