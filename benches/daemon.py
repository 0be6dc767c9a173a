#!/usr/bin/env python3
"""Time the daemon as its users see it: whole `hook` processes, and HTTP.

    cargo build --release
    python3 benches/daemon.py             # needs nothing but Python
    python3 benches/daemon.py --requests 1000000    # nothing but as many HTTP requests, with the daemon's memory over time

Each hook process is spawned, given its call and waited for, as an agent program does; its time is compared with that of a
program that does nothing (`true`), in turns, so that a busy machine slows both. Calls repeat, as agents' do: the share that
the daemon answered from memory is reported, and `--fresh` makes every call another. What a remote review adds is measured
against a reviewer on the loopback that answers at once (the stub of `tests/claude_code`, which needs Python 3.11): all but the
network and the model there.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "riskgate")
    parser.add_argument("--calls", type=int, default=1000, help="hook processes, and requests of one HTTP client")
    parser.add_argument("--seconds", type=float, default=10.0, help="time under saturation")
    parser.add_argument("--clients", type=int, default=8, help="HTTP clients under saturation")
    parser.add_argument("--fresh", action="store_true", help="make every call another, so that the model runs for each")
    parser.add_argument("--requests", type=int, default=0, help="only send so many HTTP requests and watch the memory")
    return parser.parse_args()


class Calls:
    """Recorded calls, over and over."""

    def __init__(self, fresh: bool) -> None:
        lines = (ROOT / "benches" / "data" / "trace.jsonl").read_text(encoding="utf-8").splitlines()
        self.records = [json.loads(line) for line in lines if line.strip()]
        self.fresh = fresh
        self.number = 0
        self.lock = threading.Lock()

    def record(self) -> dict:
        """The next action record."""
        with self.lock:
            number, self.number = self.number, self.number + 1
        record = dict(self.records[number % len(self.records)])
        if self.fresh:
            record["context"] = {**record.get("context", {}), "cwd": f"/home/me/src/app{number}"}
        return record

    def hook(self) -> bytes:
        """The next call as Claude Code's JSON."""
        record = self.record()
        cwd = record.get("context", {}).get("cwd", "/home/me/src/app")
        call = {"session_id": "s", "cwd": cwd, "permission_mode": "default", "hook_event_name": "PreToolUse"}
        return json.dumps({**call, "tool_name": record["tool"], "tool_input": record["input"]}).encode()


@contextmanager
def daemon(program: Path, folder: str) -> Iterator[tuple[dict[str, str], str, int]]:
    """A running daemon: the environment to ask it in, its HTTP address, its process. Settings and state lie in the folder."""
    own = {"RISKGATE_SOCKET": f"{folder}/d.sock", "XDG_CONFIG_HOME": f"{folder}/config", "XDG_STATE_HOME": f"{folder}/state"}
    environment = {**os.environ, **own, "ANTHROPIC_API_KEY": "EXAMPLE-key"}
    for name in ("RISKGATE_NO_DAEMON", "RISKGATE_HTTP"):
        environment.pop(name, None)
    command = [program, "serve", "--http", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            status = subprocess.run([program, "status", "--json"], env=environment, capture_output=True, check=False)
            found = json.loads(status.stdout or "[]")
            if found and "http" in found[0]:
                break
            time.sleep(0.01)
        else:
            sys.exit("the daemon does not start")
        yield environment, found[0]["http"], process.pid
    finally:
        process.terminate()
        process.wait()


# Spawned by this program, a process would be credited with this program's own memory: what counts is the larger of both.
MEMORY = """
import os, sys
read, write = os.pipe()
os.write(write, sys.stdin.buffer.read())
os.close(write)
actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
print(os.wait4(pid, 0)[2].ru_maxrss)
"""


def most_memory(command: list[str], environment: dict[str, str], data: bytes) -> float:
    """The most memory of a process in MiB, as spawned by one that has little itself."""
    spawner = [sys.executable, "-I", "-S", "-c", MEMORY, *command]
    done = subprocess.run(spawner, env=environment, input=data, capture_output=True, check=True)
    return int(done.stdout) / 1024


def spawn(command: list[str], environment: dict[str, str], data: bytes) -> float:
    """Milliseconds from spawn to exit."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    try:
        process.stdin.write(data)
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.stdout.read()
    process.wait()
    return (time.perf_counter() - started) * 1000


def percentiles(times: list[float]) -> str:
    """p50, p90 and p99."""
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49]:.2f} ms, p90 {cuts[89]:.2f} ms, p99 {cuts[98]:.2f} ms"


def processes(arguments: argparse.Namespace, environment: dict[str, str], calls: Calls) -> None:
    """Whole processes."""
    hooks, nothing = [], []
    command = [str(arguments.program.resolve()), "hook", "claude-code"]
    for _ in range(arguments.calls):
        data = calls.hook()
        hooks.append(spawn(command, environment, data))
        nothing.append(spawn(["/bin/true"], environment, data))
    over = statistics.median(hooks) - statistics.median(nothing)
    memory = max(most_memory(command, environment, push(number)) for number in range(5))
    print(f"hook process          {percentiles(hooks)}, at most {memory:.1f} MiB")
    print(f"a process for nothing {percentiles(nothing)}; the hook takes {over:.2f} ms more")


def one_client(arguments: argparse.Namespace, address: str, calls: Calls) -> None:
    """One HTTP client that keeps its connection."""
    connection = http.client.HTTPConnection(address)
    times = []
    for _ in range(arguments.calls):
        body = json.dumps(calls.record())
        started = time.perf_counter()
        connection.request("POST", "/v1/score", body)
        connection.getresponse().read()
        times.append((time.perf_counter() - started) * 1000)
    print(f"HTTP, one client      {percentiles(times)}")


def saturated(arguments: argparse.Namespace, address: str, calls: Calls) -> None:
    """As much as the daemon takes."""
    until = time.perf_counter() + arguments.seconds
    times: list[list[float]] = [[] for _ in range(arguments.clients)]

    def client(mine: list[float]) -> None:
        connection = http.client.HTTPConnection(address)
        while time.perf_counter() < until:
            body = json.dumps(calls.record())
            started = time.perf_counter()
            connection.request("POST", "/v1/score", body)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                mine.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=client, args=(mine,)) for mine in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [elapsed for mine in times for elapsed in mine]
    rate = len(everything) / arguments.seconds
    print(f"HTTP, {arguments.clients} clients       {rate:.0f} requests a second, {percentiles(everything)}")


def remembered(address: str) -> str:
    """How many decisions came from memory."""
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    counts = [(line, int(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("riskgate_decisions_total")]
    cached = sum(count for line, count in counts if 'source="cache"' in line)
    return f"{cached} of {sum(count for _, count in counts)} decisions from memory"


def memory(pid: int) -> dict[str, float]:
    """What a process has in memory and had at most, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}


def resident(pid: int) -> str:
    """The daemon's memory."""
    sizes = memory(pid)
    return f"{sizes['VmRSS']:.0f} MiB resident, at most {sizes['VmHWM']:.0f} MiB"


class Mixed:
    """Requests of all kinds: most were asked before, some are new, some come from one of many sessions, some are broken."""

    BROKEN = (b"{", b"", b"[]x", b'{"tool": 1}', b'{"input": {}}', b"\xff\xfe")
    N_SESSIONS = 500

    def __init__(self) -> None:
        self.records = Calls(fresh=False).records
        self.repeated = [json.dumps(record).encode() for record in self.records]

    def request(self, number: int) -> tuple[str, bytes, int]:
        """Where a request goes, its body, and the status that has to come back."""
        plain = "/v1/score"
        kind = number % 100
        if kind < 2:
            return plain, self.BROKEN[number // 100 % len(self.BROKEN)], 400
        record = self.records[number % len(self.records)]
        context = record.get("context", {})
        if kind < 8:
            return plain, json.dumps({**record, "context": {**context, "cwd": f"/home/me/src/app{number}"}}).encode(), 200
        if kind < 12:
            session = f"s{number // 100 % self.N_SESSIONS}"
            in_session = json.dumps({**record, "context": {**context, "session_id": session}})
            return f"{plain}?sessions=true", in_session.encode(), 200
        if kind < 13:
            return plain, b"[" + b",".join(self.repeated[number % 900 :][:8]) + b"]", 200
        return plain, self.repeated[number % len(self.repeated)], 200


def soak(arguments: argparse.Namespace, address: str, pid: int) -> bool:
    """So many requests by several clients; whether each was answered as it has to be and the memory stayed where it was."""
    mixed, counter, lock = Mixed(), iter(range(arguments.requests)), threading.Lock()
    wrong: list[str] = []
    done = 0

    def client() -> None:
        nonlocal done
        connection = http.client.HTTPConnection(address)
        while True:
            with lock:
                numbers = list(itertools.islice(counter, 50))
            if not numbers:
                return
            for number in numbers:
                path, body, expected = mixed.request(number)
                try:
                    connection.request("POST", path, body)
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status != expected or (expected == 200 and b'"verdict"' not in text):
                        wrong.append(f"{number}: {answer.status} {text[:200]!r}")
                except (http.client.HTTPException, OSError) as error:
                    wrong.append(f"{number}: {error!r}")
                    connection.close()
            with lock:
                done += len(numbers)

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(arguments.clients)]
    for thread in threads:
        thread.start()
    samples: list[tuple[int, float]] = []
    while any(thread.is_alive() for thread in threads):
        samples.append((done, memory(pid)["VmRSS"]))
        time.sleep(1)
    elapsed = time.perf_counter() - started
    for tenth in range(10):
        sizes = [size for count, size in samples if count * 10 // arguments.requests == tenth]
        if sizes:
            print(f"{tenth * 10:3} to {tenth * 10 + 10:3} %          {min(sizes):.1f} to {max(sizes):.1f} MiB")
    print(f"{arguments.requests} requests     {arguments.requests / elapsed:.0f} a second; {resident(pid)}; {remembered(address)}")
    print(f"{len(wrong)} wrong answers", *wrong[:10], sep="\n")
    return not wrong


def reviews(program: Path, calls: int) -> None:
    """What a review adds to a call that the local model is not sure of; every call is another."""
    sys.path.insert(0, str(ROOT / "tests" / "claude_code"))
    import reviewer
    from stub import serving

    with serving(lambda request: reviewer.verdict("allow")) as stub, tempfile.TemporaryDirectory() as plain:
        with tempfile.TemporaryDirectory() as reviewed:
            settings = Path(reviewed) / "config" / "riskgate" / "config.toml"
            settings.parent.mkdir(parents=True)
            settings.write_text(f'[review]\nmode = "uncertain"\nbase_url = "{stub.base_url}"\n', encoding="utf-8")
            with daemon(program, plain) as (without, *_), daemon(program, reviewed) as (with_review, *_):
                times: dict[str, list[float]] = {"without": [], "with": []}
                for number in range(calls):
                    for name, environment in (("without", without), ("with", with_review)):
                        times[name].append(spawn([str(program), "hook", "claude-code"], environment, push(number)))
        if len(stub.questions()) != calls:
            sys.exit(f"{len(stub.questions())} of {calls} calls were reviewed")
    over = statistics.median(times["with"]) - statistics.median(times["without"])
    print(f"uncertain, no review  {percentiles(times['without'])}")
    print(f"uncertain, reviewed   {percentiles(times['with'])}; a review takes {over:.2f} ms more")


def push(number: int) -> bytes:
    """A call that is always uncertain."""
    call = {"session_id": "s", "permission_mode": "default", "hook_event_name": "PreToolUse", "tool_name": "Bash"}
    here = {"cwd": f"/home/me/src/app{number}", "tool_input": {"command": "git push origin main"}}
    return json.dumps({**call, **here}).encode()


def main() -> int:
    """Everything, one after the other."""
    arguments = parse_arguments()
    calls = Calls(arguments.fresh)
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon(arguments.program.resolve(), folder) as (environment, address, pid),
    ):
        if arguments.requests:
            return 0 if soak(arguments, address, pid) else 1
        processes(arguments, environment, calls)
        one_client(arguments, address, calls)
        saturated(arguments, address, calls)
        print(f"daemon                {resident(pid)}; {remembered(address)}")
    reviews(arguments.program.resolve(), min(arguments.calls, 300))
    return 0


if __name__ == "__main__":
    sys.exit(main())
