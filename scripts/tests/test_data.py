"""Splits, variants, token rows and the records that the engine gets to see."""

import numpy as np
import pytest

from riskpipe import splits
from riskpipe.augment import Augmenter, Shares
from riskpipe.cooccurrence import count_pairs, embedding_from_counts
from riskpipe.pretraining import mask_tokens
from riskpipe.records import Label, Record, parse_record
from riskpipe.splits import FOLDS, Fold
from riskpipe.tokens import TokenRows, batches_by_length, pad_rows

ALWAYS = Shares(wrapped=1, wrapped_deny=1, sudo=1, request=1, folder=1, powershell=1)


def bash(command: str, **changes: object) -> Record:
    values = {
        "id": "x",
        "tool": "Bash",
        "input": {"command": command},
        "context": {},
        "source": "s",
        "kind": "k",
        "group": "g",
    }
    return Record(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
def test_clusters_stay_together(fold: Fold) -> None:
    clusters = [value for value in vars(splits).values() if isinstance(value, frozenset)]
    assert len(clusters) > 12
    assert all(len({fold.split_of(source) for source in cluster}) == 1 for cluster in clusters)
    assert not fold.calibration & fold.test


def test_the_folds_test_different_sources() -> None:
    tested = [fold.test for fold in FOLDS.values()]
    assert sum(map(len, tested)) == len(frozenset.union(*tested))


def test_answers_in_the_context_do_not_reach_the_engine() -> None:
    row = {"id": "a", "tool": "Bash", "input": {}, "context": {"cwd": "/w", "decision": "block", "description": "deletes"}}
    assert parse_record(row, "s").to_action()["context"] == {"cwd": "/w"}


def test_variants_never_lower_the_risk() -> None:
    augmenter = Augmenter(["fix the build"], seed=1, shares=ALWAYS)
    for risk in range(3):
        made = augmenter.variants(bash("rm -r build"), Label(risk, "workspace"))
        assert made
        assert all(target.risk >= risk for _, target in made)
        assert len({variant.id for variant, _ in made} | {"x"}) == len(made) + 1


def test_a_wrapped_command_is_quoted() -> None:
    augmenter = Augmenter([], seed=3, shares=ALWAYS)
    texts = [
        record.input["command"]
        for _ in range(200)
        for record, _ in augmenter.variants(bash("echo 'a b'"), Label(2, "system"))
    ]
    assert any("bash -c 'echo '\"'\"'a b'\"'\"''" in text for text in texts)


def test_powershell_is_filed_under_its_own_tool() -> None:
    made = Augmenter([], seed=1, shares=ALWAYS).variants(bash("Get-Item x", shell="powershell"), Label(0, "observe"))
    assert [record.tool for record, _ in made] == ["PowerShell"]


def test_token_rows_give_back_what_went_in() -> None:
    rows = TokenRows.from_actions([("a", [[1, 2, 3], [4]]), ("b", [[5, 6]])])
    assert rows.action_rows(0) == [[1, 2, 3], [4]]
    assert rows.action_rows(1) == [[5, 6]]
    ids, mask = pad_rows([rows.row(0), rows.row(1)], pad_id=9)
    assert ids.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_batches_hold_everything_once_within_the_budget() -> None:
    rng = np.random.default_rng(0)
    lengths, counts = rng.integers(1, 100, 500), rng.integers(1, 5, 500)
    batches = batches_by_length(lengths, counts, np.arange(500), token_budget=500, chunk=200, seed=rng)
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert all(lengths[batch].max() * counts[batch].sum() <= 500 for batch in batches)


def test_masking_leaves_first_tokens_and_padding_alone() -> None:
    ids, mask = pad_rows([np.arange(1, 40, dtype=np.uint16), np.arange(1, 11, dtype=np.uint16)], pad_id=0)
    holed, places = mask_tokens(ids, mask, 0.5, mask_id=99, vocabulary=50, rng=np.random.default_rng(0))
    assert (holed[:, 0] == ids[:, 0]).all()
    assert (holed[mask == 0] == 0).all()
    assert set(np.flatnonzero(holed != ids)) <= set(places.tolist())
    assert len(places) > 10


def test_tokens_that_share_neighbours_get_similar_starting_values() -> None:
    rng = np.random.default_rng(0)
    # 1 and 2 stand among 10..19, 3 and 4 among 20..29.
    rows = [
        [*rng.integers(base, base + 10, 3), token, *rng.integers(base, base + 10, 3)]
        for _ in range(300)
        for token, base in ((1, 10), (2, 10), (3, 20), (4, 20))
    ]
    counts = count_pairs(TokenRows.from_actions([("a", rows)]), vocabulary=40)
    values = embedding_from_counts(counts, width=8, spread=0.05, seed=0)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    assert unit[1] @ unit[2] > 0.8
    assert unit[1] @ unit[3] < 0.5
    assert np.isfinite(values).all()
