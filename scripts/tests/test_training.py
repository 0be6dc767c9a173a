"""The optimiser, the novelty of rows, the choice of rows to train on, and which of them need no transformer."""

import numpy as np
import pytest
import torch

from riskpipe.dataset import Example
from riskpipe.early_exit import MOST_LOUD, Rows, fit_early_exit
from riskpipe.finetuning import FinetuneConfig, choose_rows
from riskpipe.labels import INJECTION, N_LOGITS, N_QUESTIONS
from riskpipe.model import EarlyExit, Encoder, ModelConfig
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


def parts(count: int, seed: int) -> Rows:
    """Rows, the last half of texts; the table mostly knows which are loud, and the transformer follows it."""
    rng = np.random.default_rng(seed)
    texts, loud = np.arange(count) >= count // 2, rng.random(count) < 0.3
    pairs = rng.normal(0, 0.3, (count, N_LOGITS)).astype(np.float32)
    # Of a text only the injection tells anything.
    pairs[:, [1, 2]] += np.where(loud & ~texts, 2.0, -2.0)[:, None]
    pairs[:, -1] += np.where(loud & texts, 2.0, -2.0)
    pairs[texts, 1] += 4.0
    return Rows(0.5 * pairs + 1.0, pairs, loud, texts)


def test_rows_that_the_table_is_sure_of_leave_early_and_loud_ones_do_not() -> None:
    model, rows = EarlyExit(text_marker=7), parts(4000, 0)
    shares = fit_early_exit(model, rows)
    assert min(shares.values()) > 0.6
    held_out = parts(4000, 1)
    ids = torch.from_numpy(np.where(held_out.texts, 7, 3)[:, None])
    opened = model.opened(ids, torch.from_numpy(held_out.pairs)).numpy()
    for own, most in ((held_out.texts, MOST_LOUD["texts"]), (~held_out.texts, MOST_LOUD["actions"])):
        assert (~opened[own & held_out.loud]).mean() < 3 * most
    settled = model.settled(torch.from_numpy(held_out.pairs)).numpy()[~opened]
    assert settled == pytest.approx((held_out.transformer + held_out.pairs)[~opened], abs=0.1)


def test_nothing_leaves_early_where_the_table_knows_nothing() -> None:
    model, rows = EarlyExit(text_marker=7), parts(4000, 2)
    mixed = Rows(rows.transformer, rows.pairs, np.random.default_rng(0).random(4000) < 0.5, rows.texts)
    assert max(fit_early_exit(model, mixed).values()) < 0.02


def test_without_a_loud_row_everything_stays_open() -> None:
    model, rows = EarlyExit(text_marker=7), parts(100, 3)
    assert fit_early_exit(model, Rows(rows.transformer, rows.pairs, np.zeros(100, bool), rows.texts)) == {
        "actions": 0.0,
        "texts": 0.0,
    }
