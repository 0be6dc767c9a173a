"""A person's home with Claude Code and riskgate in it, and sessions there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent import Script, ToolResult, tool_results
from messages import Call, Json
from stub import Stub, serving

# Far more than anything takes; what waits longer hangs.
PATIENCE = 180
REVIEW_KEY = "EXAMPLE-review-key"
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
}


@dataclass(frozen=True)
class Programs:
    """What is put together here, all of it read-only."""

    claude: Path
    riskgate: Path
    runtime: Path
    bundle: Path


@dataclass(frozen=True)
class Outcome:
    """What a session left."""

    events: list[Json]
    requests: list[Json]
    stderr: str

    def result(self, call: Call) -> ToolResult:
        """What the agent was told of a call."""
        results = tool_results(self.requests)
        assert call.id in results, f"the agent heard nothing of {call}: {self.events}\n{self.stderr}"
        return results[call.id]

    def heard(self) -> str:
        """All that the model was shown in the end."""
        return json.dumps([body["messages"] for body in self.requests])

    def denials(self) -> list[str]:
        """The ids of the calls that Claude Code itself counts as denied."""
        last = self.events[-1]
        assert last["type"] == "result", last
        return [denial["tool_use_id"] for denial in last["permission_denials"]]


@dataclass
class Home:
    """One person's folders and environment."""

    folder: Path
    programs: Programs
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Makes the folders, with something that can be lost."""
        for folder in (self.work, self.projects, self.folder / ".claude", self.config.parent):
            folder.mkdir(parents=True)
        self.run_folder.mkdir(mode=0o700)
        (self.projects / "thesis.txt").write_text("years of work\n", encoding="utf-8")

    @property
    def work(self) -> Path:
        """Where the agent works."""
        return self.folder / "work"

    @property
    def projects(self) -> Path:
        """What an agent must not touch."""
        return self.folder / "projects"

    @property
    def config(self) -> Path:
        """riskgate's settings."""
        return self.folder / ".config" / "riskgate" / "config.toml"

    @property
    def run_folder(self) -> Path:
        """Where daemons are met."""
        return self.folder / ".run"

    @property
    def is_whole(self) -> bool:
        """Whether what could be lost is still there."""
        return (self.projects / "thesis.txt").is_file()

    def variables(self) -> dict[str, str]:
        """The environment of everything that runs here."""
        return {
            "HOME": str(self.folder),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.run_folder),
            "RISKGATE_MODEL": str(self.programs.bundle),
            "RISKGATE_RUNTIME": str(self.programs.runtime),
            # Busy machines are slow; what happens at the deadline is tested where it is the matter.
            "RISKGATE_DEADLINE_MS": "30000",
            **self.environment,
        }

    def riskgate(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Runs riskgate by itself."""
        command = [str(self.programs.riskgate), *arguments]
        return subprocess.run(
            command, env=self.variables(), cwd=self.work, input=text, capture_output=True, text=True, timeout=PATIENCE
        )

    def install_hooks(self, timeout: int = 60) -> None:
        """As the README says."""
        handler = {"type": "command", "command": str(self.programs.riskgate), "args": ["hook", "claude-code"]}
        group = [{"matcher": "*", "hooks": [{**handler, "timeout": timeout}]}]
        settings = {"hooks": {"PreToolUse": group, "PostToolUse": group}}
        (self.folder / ".claude" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")

    def turn_review_on(self, base_url: str, more: str = "") -> None:
        """As the README says, with a reviewer at an address."""
        key = self.config.parent / "key"
        key.write_text(REVIEW_KEY + "\n", encoding="utf-8")
        key.chmod(0o600)
        settings = f'[review]\nmode = "uncertain"\nbase_url = "{base_url}"\nkey_file = "{key}"\n{more}\n'
        self.config.write_text(settings, encoding="utf-8")

    def status(self) -> list[Json]:
        """The daemons that run here."""
        daemons: list[Json] = json.loads(self.riskgate("status", "--json").stdout)
        return daemons

    def warm_up(self) -> int:
        """Has a daemon started, as the first call of a session does; its process once it answers."""
        hook = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}}
        until = time.monotonic() + PATIENCE
        while not any("pid" in daemon for daemon in self.status()):
            assert time.monotonic() < until, "no daemon answers"
            self.riskgate("hook", "claude-code", text=json.dumps({**hook, "cwd": str(self.work)}))
            time.sleep(0.05)
        return next(int(daemon["pid"]) for daemon in self.status() if "pid" in daemon)

    def zones(self, calls: Sequence[Call]) -> list[str]:
        """How the local model by itself sees calls that are made here."""
        context = {"cwd": str(self.work), "workspace": str(self.work), "home": str(self.folder)}
        records = [{"tool": call.tool, "input": call.input, "context": context} for call in calls]
        done = self.riskgate("score", text="\n".join(map(json.dumps, records)))
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["zone"] for line in done.stdout.splitlines()]

    def run(self, script: Script, *arguments: str, prompt: str = "Tidy up, please.") -> Outcome:
        """A whole session of Claude Code."""
        with self.session(script, *arguments, prompt=prompt) as (process, stub):
            stdout, stderr = process.communicate(timeout=PATIENCE)
            events = [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
            assert events, stderr
            return Outcome(events, [body for body in stub.questions() if body.get("tools")], stderr)

    @contextmanager
    def session(
        self, script: Script, *arguments: str, prompt: str = "Tidy up, please."
    ) -> Iterator[tuple[subprocess.Popen[str], Stub]]:
        """A session that has begun, and the stub that it talks to."""
        with serving(script) as stub:
            variables = {"ANTHROPIC_BASE_URL": stub.base_url, "ANTHROPIC_API_KEY": "EXAMPLE-agent-key", **QUIET}
            command = [str(self.programs.claude), "-p", prompt, "--output-format", "stream-json", "--verbose", *arguments]
            process = subprocess.Popen(
                command,
                env={**self.variables(), **variables},
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                yield process, stub
            finally:
                process.kill()
                process.wait()
