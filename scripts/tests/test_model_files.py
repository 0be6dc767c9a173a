"""The ONNX graph against torch, int8 against float32, and independence of a row from its neighbours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from riskpipe.checkpoints import Checkpoint
from riskpipe.export import save_graph
from riskpipe.model import Encoder, ModelConfig
from riskpipe.quantisation import observe_ranges
from riskpipe.runtime import Runtime, convert_to_ort
from riskpipe.transfer import load_into

CONFIG = ModelConfig(vocabulary=90, hidden=32, layers=2, heads=2, feed_forward=64, pair_buckets=50, dropout=0.0)


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    model = Encoder(CONFIG)
    torch.nn.init.normal_(model.tokens.weight, std=1.0)
    torch.nn.init.normal_(model.classifier.weight, std=0.3)
    torch.nn.init.normal_(model.pairs.table.weight, std=0.1)
    torch.nn.init.normal_(model.novelty)
    return Checkpoint.of(model, {})


def rows(count: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.random.default_rng(seed).integers(0, CONFIG.vocabulary, (count, length))
    return ids, np.ones_like(ids)


def shipped(checkpoint: Checkpoint, folder: Path) -> Runtime:
    ranges = observe_ranges(checkpoint.build(), [rows(8, 30, seed) for seed in range(4)])
    save_graph(checkpoint, folder / "model.onnx", ranges)
    convert_to_ort(folder / "model.onnx", folder / "model.ort")
    return Runtime.load(folder / "model.ort")


def test_the_float_graph_is_the_torch_model(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_graph(checkpoint, tmp_path / "model.onnx", None)
    ids, mask = rows(3, 20, 1)
    mask[0, 12:] = 0
    with torch.no_grad():
        expected = checkpoint.build().outputs(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    assert Runtime.load(tmp_path / "model.onnx").outputs(ids, mask) == pytest.approx(expected, abs=1e-4)


def test_int8_stays_near_the_float_model(checkpoint: Checkpoint, tmp_path: Path) -> None:
    ids, mask = rows(6, 24, 2)
    with torch.no_grad():
        expected = checkpoint.build().outputs(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    difference = np.abs(shipped(checkpoint, tmp_path).outputs(ids, mask) - expected)
    assert difference.mean() < 0.05 * expected.std()


def test_a_row_does_not_see_its_neighbours_or_its_padding(checkpoint: Checkpoint, tmp_path: Path) -> None:
    runtime = shipped(checkpoint, tmp_path)
    ids, mask = rows(1, 16, 3)
    alone = runtime.outputs(ids, mask)
    among, among_mask = rows(5, 40, 4)
    among[2, :16], among_mask[2, 16:] = ids[0], 0
    assert runtime.outputs(among, among_mask)[2] == pytest.approx(alone[0], abs=2e-3)


def test_a_checkpoint_survives_saving(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt")
    again = Checkpoint.load(tmp_path / "a.pt")
    assert again.config == CONFIG
    assert all(torch.equal(again.state[name], value) for name, value in checkpoint.state.items())


def test_weights_move_to_a_longer_list_of_markers(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt")
    grown = Encoder(ModelConfig(**{**CONFIG.to_dict(), "vocabulary": 95}))
    load_into(grown, tmp_path / "a.pt")
    assert torch.equal(grown.tokens.weight[:90], checkpoint.state["tokens.weight"])
