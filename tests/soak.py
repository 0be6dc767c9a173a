#!/usr/bin/env python3
"""Soak and chaos: many clients, mixed load, and everything around riskgate breaks again and again.

    cargo build --release
    python3 tests/soak.py --minutes 10            # needs nothing but Python 3.11

Every client makes its next call when the last is answered, so the load is what the machine can take. The calls are those of
`tests/corpus`, judged and never run: a third each as whole `hook` processes with a daemon of their own, as `/v1/score` and
`/hook/claude-code` of a second daemon. Meanwhile the first daemon is killed, stopped and ended, bundles are exchanged for
sound and for broken ones, and the reviewer fails in every way that it can. It is an error when

- a call has a verdict that neither the local model by itself nor the reviewer's answer to this very call accounts for,
- a call has no answer, or one after its deadline,
- the second daemon, which lives all the time, grows.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "claude_code"))
import reviewer  # noqa: E402 shared with the proofs on Claude Code
from stub import Cut, Garbage, Refuse, Reply, Request, Silence, serving  # noqa: E402

Json = dict[str, Any]

DEADLINE = 8.0
# A process must start and end as well, on a machine that has more to do than it can.
LATE = DEADLINE + 4.0
FAULTS: list[Reply] = [Refuse(529), Refuse(500), Refuse(429), Garbage(), Cut(), Silence(30), reviewer.refusal()]
OVERLOAD = ["too many calls at once", "not judged within the time allowed"]
# What the second daemon may be larger at the end than after the first quarter: the allocator's own.
GROWTH = 1.10
GROWTH_MIB = 8


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--calls", type=int, default=150, help="different calls, drawn from the corpus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--riskgate", type=Path, default=REPOSITORY / "target" / "release" / "riskgate")
    parser.add_argument("--runtime", type=Path, help="the ONNX Runtime library (default: where riskgate finds it)")
    return parser.parse_args()


@dataclass
class Case:
    """One call, and what the local model says of it by itself."""

    number: int
    tool: str
    input: Json
    local: str = ""
    is_reviewed: bool = False

    @property
    def cwd(self) -> str:
        """Where it is made; its name tells the reviewer which call it is asked about."""
        return f"/home/me/src/soak{self.number}"

    @property
    def reviewed(self) -> str:
        """What the reviewer says of it."""
        return ("allow", "ask", "deny")[self.number % 3]

    def record(self) -> Json:
        """As an action record."""
        context = {"cwd": self.cwd, "workspace": self.cwd, "home": "/home/me"}
        return {"id": self.number, "tool": self.tool, "input": self.input, "context": context}

    def hook(self) -> Json:
        """As Claude Code's JSON."""
        call = {"session_id": "s", "cwd": self.cwd, "permission_mode": "default", "hook_event_name": "PreToolUse"}
        return {**call, "tool_name": self.tool, "tool_input": self.input}

    def accounts_for(self, verdict: str) -> bool:
        """Whether somebody said so: the model, the reviewer, or the fail-safe in the reviewer's place."""
        return verdict in ({"ask", self.reviewed} if self.is_reviewed else {self.local})


class World:
    """Folders, settings and programs of one run."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.riskgate = options.riskgate.resolve()
        self.bundle = folder / "bundle"
        self.environment = {
            # As the records say; nothing is written there.
            "HOME": "/home/me",
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "RISKGATE_MODEL": str(self.bundle),
            "RISKGATE_DEADLINE_MS": str(int(DEADLINE * 1000)),
            "ANTHROPIC_API_KEY": "EXAMPLE-key",
        }
        if options.runtime:
            self.environment["RISKGATE_RUNTIME"] = str(options.runtime.resolve())
        for name in ("config/riskgate", "state", "run"):
            (folder / name).mkdir(parents=True)
        (folder / "run").chmod(0o700)
        for name in ("a", "b", "broken"):
            shutil.copytree(REPOSITORY / "models" / "riskgate-small", folder / name)
        os.truncate(folder / "broken" / "model.ort", 1000)
        self.point_to("a")

    def point_to(self, name: str) -> None:
        """Puts another bundle in the place of the one in use, at once."""
        link = self.folder / "link"
        link.symlink_to(self.folder / name, target_is_directory=True)
        link.replace(self.bundle)

    def turn_review_on(self, base_url: str) -> None:
        """With budgets that no run exhausts."""
        limits = "tokens_per_hour = 1000000000\ntokens_per_day = 1000000000\nusd_per_hour = 10000\nusd_per_day = 10000\n"
        text = f'[review]\nmode = "uncertain"\nbase_url = "{base_url}"\ngit = false\ntimeout_ms = 2000\n{limits}'
        (self.folder / "config" / "riskgate" / "config.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """riskgate, to its end."""
        environment = {**self.environment, **more}
        command = [str(self.riskgate), *arguments]
        return subprocess.run(command, env=environment, input=text, capture_output=True, text=True, timeout=120)

    def judge(self, cases: list[Case]) -> None:
        """What the local model says of each, before anything breaks."""
        done = self.run("score", text="\n".join(json.dumps(case.record()) for case in cases))
        assert done.returncode == 0, done.stderr
        for case, line in zip(cases, done.stdout.splitlines(), strict=True):
            decision = json.loads(line)
            case.local = decision["verdict"]
            case.is_reviewed = decision["source"] == "model" and decision["zone"] == "uncertain"

    @contextmanager
    def http_daemon(self) -> Iterator[tuple[int, int]]:
        """The daemon that lives all the time and remembers nothing: its port and its process."""
        socket = self.folder / "run" / "second.sock"
        command = [str(self.riskgate), "serve", "--http", "127.0.0.1:0", "--cache-entries", "0", "--socket", str(socket)]
        with (self.folder / "second.log").open("wb") as log:
            process = subprocess.Popen(command, env=self.environment, stderr=log)
        try:
            until = time.monotonic() + 60
            while not (found := self.status(socket)):
                assert time.monotonic() < until and process.poll() is None, (self.folder / "second.log").read_text()
                time.sleep(0.05)
            yield int(found["http"].rsplit(":", 1)[1]), process.pid
        finally:
            process.terminate()
            process.wait()

    def status(self, socket: Path) -> Json:
        """What the daemon at a socket says of itself, once it speaks HTTP."""
        told: list[Json] = json.loads(self.run("status", "--json", "--socket", str(socket)).stdout or "[]")
        return next((daemon for daemon in told if daemon.get("http")), {})

    def first_daemon(self) -> int | None:
        """The process of the daemon that the hooks started."""
        told = json.loads(self.run("status", "--json").stdout or "[]")
        return next((daemon["pid"] for daemon in told if "pid" in daemon and "second" not in daemon["socket"]), None)


def draw_cases(options: argparse.Namespace) -> list[Case]:
    """Calls of the corpus, always the same for a seed."""
    lines = [
        line for path in sorted((REPOSITORY / "tests" / "corpus").glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    records = [record for record in map(json.loads, lines) if record["tool"] != "text"]
    drawn = random.Random(options.seed).sample(records, options.calls)
    return [Case(number, record["tool"], record["input"]) for number, record in enumerate(drawn)]


class Reviewing:
    """The reviewer: sound and unsound in turns."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases = cases
        self.fault: Reply | None = None
        self.answered: collections.Counter[str] = collections.Counter()

    def __call__(self, request: Request) -> Reply:
        """Its answer to one question."""
        if self.fault is not None:
            self.answered["faults"] += 1
            return self.fault
        named = re.search(r"src/soak(\d+)", json.dumps(request.body["messages"]))
        assert named, "the question does not say where the call is made"
        case = self.cases[int(named[1])]
        self.answered[case.reviewed] += 1
        return reviewer.verdict(case.reviewed)


@dataclass
class Tally:
    """What was seen."""

    verdicts: collections.Counter[str] = field(default_factory=collections.Counter)
    events: collections.Counter[str] = field(default_factory=collections.Counter)
    reasons: collections.Counter[str] = field(default_factory=collections.Counter)
    times: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, way: str, case: Case, verdict: str, elapsed: float, told: str) -> None:
        """One call's answer."""
        with self.lock:
            self.verdicts[f"{way} {verdict}"] += 1
            self.times[way].append(elapsed)
            if verdict != "allow" and any(excuse in told for excuse in OVERLOAD):
                self.events["answers of an overloaded daemon"] += 1
            elif not case.accounts_for(verdict):
                self.errors.append(f"WRONG {way}: {verdict} for {case} ({told})")
            if elapsed > LATE:
                self.errors.append(f"LATE {way}: {elapsed:.1f} s for {case.tool} {case.number}")

    def stopped(self, way: str, case: Case, elapsed: float, told: str) -> None:
        """One call that was stopped without a verdict; that is never wrong, but it must be said why."""
        with self.lock:
            self.verdicts[f"{way} stopped"] += 1
            self.times[way].append(elapsed)
            self.reasons[told.partition("does not run: ")[2].strip()[:60]] += 1
            if elapsed > LATE or "does not run: " not in told:
                self.errors.append(f"LATE or silent {way}: {elapsed:.1f} s, {told!r} for {case.tool} {case.number}")

    def lost(self, way: str, case: Case, what: object) -> None:
        """One call without an answer."""
        with self.lock:
            self.errors.append(f"LOST {way}: {what} for {case.tool} {case.number}")

    def event(self, name: str) -> None:
        """Something that was done to riskgate."""
        with self.lock:
            self.events[name] += 1


def by_hook(world: World, tally: Tally, case: Case) -> None:
    """A whole process, as Claude Code makes it."""
    started = time.monotonic()
    try:
        done = world.run("hook", "claude-code", text=json.dumps(case.hook()), CLAUDE_PROJECT_DIR=case.cwd)
        elapsed = time.monotonic() - started
        if done.returncode == 2:
            # Stopped without a verdict, as with a broken bundle and no daemon.
            tally.stopped("hook", case, elapsed, done.stderr)
            return
        output = json.loads(done.stdout)["hookSpecificOutput"]
        tally.answered("hook", case, output["permissionDecision"], elapsed, output["permissionDecisionReason"])
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        tally.lost("hook", case, repr(error))


class Http:
    """One client's connection to the second daemon."""

    def __init__(self, port: int, tally: Tally) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.tally = tally

    def post(self, path: str, body: Json, way: str, case: Case, read: Callable[[Json], tuple[str, str]]) -> None:
        """One request."""
        started = time.monotonic()
        try:
            self.connection.request("POST", path, json.dumps(body))
            answer = self.connection.getresponse()
            told = json.loads(answer.read())
            elapsed = time.monotonic() - started
            if answer.status in (503, 504):
                # Overload is an answer, too: it says so and lets nothing through.
                self.tally.event(f"status {answer.status}")
                assert told["verdict"] != "allow", told
                return
            assert answer.status == 200, (answer.status, told)
            verdict, reason = read(told)
            self.tally.answered(way, case, verdict, elapsed, reason)
        except (OSError, http.client.HTTPException, ValueError, KeyError, AssertionError) as error:
            self.connection.close()
            self.tally.lost(way, case, repr(error))

    def score(self, case: Case) -> None:
        """An action record."""
        self.post("/v1/score", case.record(), "score", case, lambda told: (told["verdict"], str(told["reasons"])))

    def hook(self, case: Case) -> None:
        """Claude Code's JSON."""

        def read(told: Json) -> tuple[str, str]:
            output = told["hookSpecificOutput"]
            return output["permissionDecision"], output["permissionDecisionReason"]

        self.post("/hook/claude-code", case.hook(), "http hook", case, read)


def client(world: World, tally: Tally, cases: list[Case], port: int, seed: int, until: float) -> None:
    """One client, until the time is over."""
    draw = random.Random(seed)
    over_http = Http(port, tally)
    while time.monotonic() < until:
        case = draw.choice(cases)
        match draw.randrange(3):
            case 0:
                by_hook(world, tally, case)
            case 1:
                over_http.score(case)
            case _:
                over_http.hook(case)


def chaos(world: World, tally: Tally, reviewing: Reviewing, seed: int, until: float) -> None:
    """Breaks things, one after the other, with time between to recover."""
    draw = random.Random(seed)

    def signalled(number: signal.Signals, name: str) -> None:
        pid = world.first_daemon()
        if pid is not None:
            tally.event(name)
            os.kill(pid, number)
            if number == signal.SIGSTOP:
                time.sleep(2)
                os.kill(pid, signal.SIGCONT)

    def reviewer_fails() -> None:
        tally.event("reviewer fails")
        reviewing.fault = draw.choice(FAULTS)
        time.sleep(draw.uniform(1, 4))
        reviewing.fault = None

    def bundle(name: str) -> None:
        tally.event(f"bundle {name}")
        world.point_to(name)
        if name == "broken":
            # Both daemons keep the one in memory; a hook by itself has none and stops its call.
            time.sleep(1.5)
            world.point_to(draw.choice("ab"))

    troubles: list[Callable[[], None]] = [
        lambda: signalled(signal.SIGKILL, "daemon killed"),
        lambda: signalled(signal.SIGSTOP, "daemon stopped for 2 s"),
        lambda: signalled(signal.SIGTERM, "daemon ended"),
        reviewer_fails,
        lambda: bundle(draw.choice("ab")),
        lambda: bundle("broken"),
    ]
    while time.monotonic() < until:
        draw.choice(troubles)()
        time.sleep(draw.uniform(1, 5))


def resident_mib(pid: int) -> float:
    """Memory that a process has."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def watched(pid: int, until: float) -> list[float]:
    """The memory of the second daemon, every second."""
    sizes = []
    while time.monotonic() < until:
        sizes.append(resident_mib(pid))
        time.sleep(1)
    return sizes


def grown(sizes: list[float]) -> str | None:
    """Whether memory grew after the first quarter, when everything has been used once."""
    quarter = max(1, len(sizes) // 4)
    before, after = max(sizes[:quarter]), sorted(sizes[-quarter:])[quarter // 2]
    if after > before * GROWTH + GROWTH_MIB:
        return f"GROWN: {before:.0f} MiB at most in the first quarter, {after:.0f} MiB in the last"
    return None


def report(tally: Tally, sizes: list[float], seconds: float, reviewing: Reviewing) -> None:
    """What was seen, in figures."""
    calls = sum(tally.verdicts.values())
    print(f"{calls} calls in {seconds:.0f} s ({calls / seconds:.0f} a second), {len(tally.errors)} errors")
    for way, times in sorted(tally.times.items()):
        ordered = sorted(times)
        cuts = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.9, 0.99)]
        print(
            f"  {way:10} p50 {cuts[0]:.0f} ms, p90 {cuts[1]:.0f} ms, p99 {cuts[2]:.0f} ms, most {ordered[-1] * 1000:.0f} ms"
        )
    print(f"  verdicts   {dict(sorted(tally.verdicts.items()))}")
    print(f"  stopped    {dict(tally.reasons)}")
    print(f"  reviewer   {dict(reviewing.answered)}")
    print(f"  trouble    {dict(sorted(tally.events.items()))}")
    quarter = max(1, len(sizes) // 4)
    most = [round(max(sizes[start : start + quarter])) for start in range(0, len(sizes), quarter)]
    print(f"  memory     {most} MiB, most by quarter")


def exchange_bundles(world: World) -> None:
    """Twice, so that room for two is part of what the second daemon has from the beginning."""
    for name in "ba":
        world.point_to(name)
        time.sleep(3)


def soak(world: World, options: argparse.Namespace) -> int:
    """The whole run."""
    cases = draw_cases(options)
    world.judge(cases)
    reviewing, tally = Reviewing(cases), Tally()
    kinds = collections.Counter("reviewed" if case.is_reviewed else case.local for case in cases)
    print(f"{len(cases)} different calls: {dict(kinds)}", flush=True)
    with serving(reviewing) as stub:
        world.turn_review_on(stub.base_url)
        with world.http_daemon() as (port, pid):
            exchange_bundles(world)
            started = time.monotonic()
            until = started + options.minutes * 60
            threads = [
                threading.Thread(target=client, args=(world, tally, cases, port, options.seed + number, until))
                for number in range(options.clients)
            ]
            threads.append(threading.Thread(target=chaos, args=(world, tally, reviewing, options.seed, until)))
            for thread in threads:
                thread.start()
            sizes = watched(pid, until)
            for thread in threads:
                thread.join()
            report(tally, sizes, time.monotonic() - started, reviewing)
        world.run("stop")
    growth = grown(sizes)
    for error in [*tally.errors[:20], *([growth] if growth else [])]:
        print(error)
    return 1 if tally.errors or growth else 0


def main() -> int:
    """Command line."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="riskgate-soak-") as folder:
        return soak(World(Path(folder), options), options)


if __name__ == "__main__":
    sys.exit(main())
