#!/usr/bin/env python3
"""Compare riskgate with its Python equivalent in one run: onnxruntime and tokenizers on the same model file.

    cargo build --release && cargo bench --no-run
    python3 benches/compare.py            # needs the Python packages onnxruntime, tokenizers and numpy

Python is given what the normaliser writes (the texts of `riskgate encode`), so it does less work than riskgate: it
tokenises, runs the model and takes softmax and sigmoid. Rust and Python take turns, so that a busy machine slows both.
Also measured: a cold process and its memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

# Before it is loaded: it would collect what runs where and send it to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
BULK_TOKENS = 2048
BULK_CHUNK = 128


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=ROOT / "target", help="cargo's target folder")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "riskgate-small")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold-runs", type=int, default=20)
    return parser.parse_args()


class Python:
    """The equivalent pipeline."""

    def __init__(self, bundle: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(bundle / "model.ort"), options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
        self.window, self.max_windows = manifest["window"], manifest["max_windows"]
        self.pad = self.tokenizer.token_to_id(manifest["pad_token"])

    def rows(self, units: list[str]) -> list[list[int]]:
        """Token rows within the engine's budget: windows of one length, at most so many."""
        rows: list[list[int]] = []
        for encoding in self.tokenizer.encode_batch(units, add_special_tokens=False):
            rows += [encoding.ids[start : start + self.window] for start in range(0, len(encoding.ids), self.window)]
        return rows[: self.max_windows]

    def run(self, rows: list[list[int]]) -> list[np.ndarray]:
        """Probabilities of every head."""
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        names = ["risk", "permission", "effects", "injection"]
        risk, permission, effects, injection = self.session.run(names, {"input_ids": ids, "attention_mask": mask})
        return [softmax(risk), softmax(permission), sigmoid(effects), sigmoid(injection)]

    def single(self, actions: list[list[str]]) -> float:
        """Actions a second, one at a time."""
        started = time.perf_counter()
        for units in actions:
            rows = self.rows(units)
            for first in range(0, len(rows), 16):
                self.run(rows[first : first + 16])
        return len(actions) / (time.perf_counter() - started)

    def bulk(self, actions: list[list[str]]) -> float:
        """Actions a second in chunks, rows of like length together."""
        started = time.perf_counter()
        for first in range(0, len(actions), BULK_CHUNK):
            rows = [row for units in actions[first : first + BULK_CHUNK] for row in self.rows(units)]
            rows.sort(key=len, reverse=True)
            while rows:
                n_rows = max(1, BULK_TOKENS // len(rows[0]))
                self.run(rows[:n_rows])
                rows = rows[n_rows:]
        return len(actions) / (time.perf_counter() - started)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Elementwise."""
    return 1 / (1 + np.exp(-logits))


def texts(binary: Path) -> list[list[str]]:
    """The units' texts of every call of the trace, as the model reads them."""
    trace = ROOT / "benches" / "data" / "trace.jsonl"
    done = subprocess.run(
        [binary, "encode", "--no-tokens", "--input", trace], check=True, capture_output=True, text=True
    )
    rendered = [json.loads(line)["text"] for line in done.stdout.splitlines()]
    return [["⟦cls⟧" + unit.rstrip("\n") for unit in text.split("⟦cls⟧")[1:]] for text in rendered]


def newest(folder: Path, stem: str) -> Path:
    """The bench binary that cargo built last."""
    found = [path for path in folder.glob(f"{stem}-*") if path.suffix in ("", ".exe")]
    if not found:
        sys.exit(f"no bench `{stem}` in {folder}: run `cargo bench --no-run`")
    return max(found, key=lambda path: path.stat().st_mtime)


# A child's peak memory counts from before its exec, where it still shares its parent's: so the parent is a small process.
COLD = """
import json, os, subprocess, sys, time
for _ in range(int(sys.argv[1])):
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    print(json.dumps([elapsed, process.returncode, usage.ru_maxrss]))
"""


def cold(binary: Path, runs: int, environment: dict[str, str]) -> tuple[list[float], float]:
    """Milliseconds of every cold process, and the largest resident memory in MB."""
    command = [sys.executable, "-S", "-c", COLD, str(runs), str(binary), "score", "--no-daemon", "--command", "git status"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    measured = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [code for _, code, _ in measured if code not in (0, 10, 20)]
    if failed:
        sys.exit(f"{binary} ended with {failed[0]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return [elapsed * 1e3 for elapsed, _, _ in measured], max(peak for _, _, peak in measured) * unit / 1e6


def main() -> int:
    """Runs everything and prints a table."""
    arguments = parse_arguments()
    release = arguments.target / "release"
    binary, bench = release / "riskgate", newest(release / "deps", "latency")
    environment = {**os.environ, "RISKGATE_MODEL": str(arguments.model)}
    library = next((ROOT / ".riskgate" / "lib").glob("libonnxruntime.*"), None)
    if library is not None:
        environment.setdefault("RISKGATE_RUNTIME", str(library))
    python, actions = Python(arguments.model), texts(binary)
    python.single(actions[:100])
    rust, equivalent = [], []
    for _ in range(arguments.rounds):
        done = subprocess.run(
            [bench, "--json"], check=True, capture_output=True, text=True, env=environment, cwd=ROOT
        )
        rust.append(json.loads(done.stdout))
        equivalent.append({"single": python.single(actions), "bulk": python.bulk(actions)})
    single = statistics.median(r["single_per_s"] / p["single"] for r, p in zip(rust, equivalent, strict=True))
    bulk = statistics.median(r["bulk_1"] / p["bulk"] for r, p in zip(rust, equivalent, strict=True))
    both = statistics.median(r["bulk_2"] / p["bulk"] for r, p in zip(rust, equivalent, strict=True))

    def middle(name: str) -> float:
        return statistics.median(run[name] for run in rust)

    times, peak = cold(binary, arguments.cold_runs, environment)
    print(
        f"warm decision   p50 {middle('p50_ms'):.2f} ms, p90 {middle('p90_ms'):.2f} ms, p99 {middle('p99_ms'):.2f} ms"
    )
    print(f"outside model   {100 * middle('outside_model'):.1f} %")
    print(f"bulk            {middle('bulk_1'):.0f} actions/s on 1 thread, {middle('bulk_2'):.0f} on 2")
    print(f"against Python  single {single:.2f} x, bulk {bulk:.2f} x on 1 thread, {both:.2f} x on 2")
    print(f"cold process    median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms, {peak:.0f} MB resident")
    return 0


if __name__ == "__main__":
    sys.exit(main())
