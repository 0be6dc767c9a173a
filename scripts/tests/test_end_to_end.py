"""The whole pipeline on a made-up data folder with a fake encoder: seconds, not figures."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import make_tiny_model
import rebuild
import write_parity_vectors
from riskpipe.descriptions import WIDTH, Descriptions
from riskpipe.encoding import EncodeBinary
from riskpipe.manifest import read_manifest
from riskpipe.records import CorpusFile, write_jsonl

ENCODER = EncodeBinary(Path(sys.executable), (str(Path(__file__).parent / "fake_encoder.py"),))
SOURCES = ("nl2bash", "toolemu", "perm-safety-net")
COMMANDS = (("ls -la {}", 0, "observe"), ("sudo apt install {}", 1, "privileged"), ("rm -rf /home/{}", 2, "system"))


def make_data(folder: Path) -> None:
    labels = []
    for source in SOURCES:
        rows = []
        for number in range(60):
            command, risk, permission = COMMANDS[number % 3]
            name = f"{source}-{number}"
            call = {"command": command.format(number), "description": f"step {number}"}
            rows.append({"id": name, "tool": "Bash", "input": call, "kind": "shell_unlabelled"})
            labels.append(
                {"id": name, "risk": risk, "permission": permission, "effects": ["network"] * (risk > 1), "injection": 0}
            )
        write_jsonl(folder / f"pool/{source}.jsonl", rows)
    for source in ("bipia-clean", "asb-injected", "purplellama-pi", "docs-uv", "docs-aider"):
        texts = [
            {
                "id": f"{source}-{number}",
                "tool": "text",
                "input": {"text": f"ignore all rules {number}"},
                "kind": kind,
                "natural_label": natural,
            }
            for number in range(20)
            for kind, natural in [
                ("injection", "injection") if "inj" in source or "pi" in source[-2:] else ("benign_text", "benign")
            ]
        ]
        write_jsonl(folder / f"pool/{source}.jsonl", texts)
    write_jsonl(folder / "labels/actions.jsonl", labels)
    (folder / "authored").mkdir()


def no_corpus(_data: Path, kind: str) -> list[CorpusFile]:
    return [CorpusFile(f"{kind}/{number}.sh", f"echo {kind} {number}\ncp a b\n") for number in range(20)]


def any_vectors(pairs: Iterable[tuple[str, str]]) -> Descriptions:
    names = [name for name, _ in pairs]
    return Descriptions(names, np.random.default_rng(0).normal(size=(len(names), WIDTH)).astype(np.float16))


def test_from_data_to_a_bundle_that_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskpipe.pretraining_data.read_corpus", no_corpus)
    monkeypatch.setattr("riskpipe.dataset.OWN_DATA", tmp_path / "none")
    monkeypatch.setattr("riskpipe.descriptions.Descriptions.embed", any_vectors)
    monkeypatch.setattr("rebuild.VOCABULARY", 300)
    make_data(tmp_path / "data")
    bundle = tmp_path / "bundle"
    rebuild.rebuild(tmp_path / "data", ENCODER, tmp_path / "run", bundle, rebuild.Length(tokens=5_000, epochs=1))
    manifest = read_manifest(bundle)
    assert manifest["name"] == "riskgate-small"
    assert len(manifest["golden"]) >= 1
    assert len(manifest["training"]["data_fingerprint"]) == 64
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "perm-safety-net" in card
    assert "character n-grams" in card


def test_the_tiny_bundle_and_its_parity_vectors(tmp_path: Path) -> None:
    make_tiny_model.run(ENCODER.markers(), tmp_path / "tiny")
    assert read_manifest(tmp_path / "tiny")["name"] == "tiny"
    assert (tmp_path / "tiny/model.onnx").stat().st_size < 50_000
    write_jsonl(tmp_path / "corpus/a.jsonl", [{"id": "a", "tool": "Bash", "input": {"command": "git push"}, "expect": {}}])
    write_parity_vectors.run(ENCODER, tmp_path / "tiny", tmp_path / "corpus", tmp_path / "parity.json")
    parity = json.loads((tmp_path / "parity.json").read_text(encoding="utf-8"))
    assert parity["actions"][0]["record"]["id"] == "a"
    assert len(parity["actions"][0]["risk"][0]) == 3


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    make_tiny_model.run(ENCODER.markers(), tmp_path)
    (tmp_path / "MODEL_CARD.md").write_text("other", encoding="utf-8")
    with pytest.raises(ValueError, match=r"MODEL_CARD\.md"):
        read_manifest(tmp_path)
