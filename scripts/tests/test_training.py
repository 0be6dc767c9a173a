"""The optimiser, the novelty of rows and the choice of rows to train on."""

import numpy as np
import pytest
import torch

from riskpipe.dataset import Example
from riskpipe.finetuning import FinetuneConfig, choose_rows
from riskpipe.labels import INJECTION, N_QUESTIONS
from riskpipe.model import Encoder, ModelConfig
from riskpipe.novelty import NoveltyTable
from riskpipe.optimiser import Optimiser, Rates, orthogonalise
from riskpipe.targets import Target
from riskpipe.tokens import TokenRows

CONFIG = ModelConfig(vocabulary=40, hidden=16, layers=1, heads=2, feed_forward=32, pair_buckets=64, dropout=0.0)


def novelty(model: Encoder, row: list[int]) -> float:
    ids = torch.tensor([row])
    return float(model.novelty_of(ids, torch.ones_like(ids)))


def test_an_orthogonalised_matrix_has_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((24, 12), (12, 24), (16, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.min() > 0.3
        assert values.max() < 1.5


def test_both_optimisers_lower_a_loss() -> None:
    torch.manual_seed(0)
    model = Encoder(CONFIG)
    optimiser = Optimiser(model.named_parameters(), Rates(matrices=0.01, others=0.01, weight_decay=0.0))
    ids = torch.randint(0, CONFIG.vocabulary, (8, 10))
    before = model.blocks[0].qkv.weight.detach().clone()
    losses = []
    for _ in range(30):
        loss = (model(ids, torch.ones_like(ids))[:, 0] - 1).square().mean()
        optimiser.step(loss, 1.0)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    assert not torch.equal(before, model.blocks[0].qkv.weight)


def test_what_was_seen_is_less_novel() -> None:
    seen = TokenRows.from_actions([("a", [[0, 1, 2, 3, 4, 5]] * 50), ("b", [[0, 9, 8, 7]] * 5)])
    model = Encoder(CONFIG)
    model.novelty.copy_(torch.from_numpy(NoveltyTable.count([seen], CONFIG).entries))
    assert novelty(model, [0, 1, 2, 3]) < novelty(model, [0, 9, 8, 7]) < novelty(model, [30, 12, 25, 31])


def test_padding_leaves_the_novelty_as_it_is() -> None:
    model = Encoder(CONFIG)
    model.novelty.copy_(torch.from_numpy(np.random.default_rng(0).normal(size=105).astype(np.float32)))
    ids, mask = torch.tensor([[3, 4, 5, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]])
    assert float(model.novelty_of(ids, mask)) == pytest.approx(novelty(model, [3, 4, 5]))


def text(rows: int, injection: float) -> Example:
    wanted, weight = np.zeros(N_QUESTIONS, np.float32), np.zeros(N_QUESTIONS, np.float32)
    wanted[INJECTION], weight[INJECTION] = injection, 1.0
    return Example(Target("a", "s", "g", "injection", True, wanted, weight, 1.0), range(100, 100 + rows))


@pytest.mark.parametrize(("injection", "limit"), [(1.0, FinetuneConfig.rows_positive), (0.0, FinetuneConfig.rows_negative)])
def test_the_loudest_row_of_a_long_text_is_always_trained_on(injection: float, limit: int) -> None:
    loudness = np.zeros(200, np.float32)
    loudness[113] = 3.0
    chosen = [choose_rows(text(30, injection), loudness, FinetuneConfig(), np.random.default_rng(n)) for n in range(20)]
    assert all({100, 113, 129} <= set(rows.tolist()) and len(set(rows.tolist())) == limit for rows in chosen)
    assert len({tuple(rows.tolist()) for rows in chosen}) > 1


def test_a_short_text_is_trained_on_whole() -> None:
    rows = choose_rows(text(4, 0.0), np.zeros(200, np.float32), FinetuneConfig(), np.random.default_rng(0))
    assert rows.tolist() == [100, 101, 102, 103]
