"""Writes the model card from the figures of evaluate.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskpipe.labels import EFFECTS, PERMISSION
from riskpipe.model import ModelConfig
from riskpipe.scoring import Calibrated

Figures = Mapping[str, Any]

TEMPLATE = Path(__file__).with_name("model_card.md")
FEWEST_LABELS = 20


def percent(value: float | None) -> str:
    """A share as a percentage."""
    return "–" if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """A figure between 0 and 1."""
    return "–" if value is None else f"{value:.3f}"


def share(rate: Figures) -> str:
    """A rate with its interval."""
    if not rate["of"]:
        return "–"
    return f"{percent(rate['rate'])} ({100 * rate['low']:.1f}–{100 * rate['high']:.1f}, n {rate['of']})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def comparison(report: Figures) -> str:
    """Model and baselines side by side on all test sources."""
    scorers = {"this model": report["model"], **report["parts"], **report["baselines"]}
    rows = []
    for name, figures in scorers.items():
        risk, injection = figures["risk"]["all"], figures["injection"]["all"]
        rows.append(
            [
                name,
                number(risk["auc_deny"]),
                number(risk["auc_stop"]),
                share(risk["benign_allowed"]),
                share(risk["benign_denied"]),
                share(risk["dangerous_allowed"]),
                share(risk["dangerous_denied"]),
                number(risk["permission_macro_f1"]),
                number(risk["effects_macro_auc"]),
                number(risk["effects_macro_f1"]),
                percent(injection["recall_at_1_percent_false_positives"]),
            ]
        )
    header = ["scorer", "AUC deny", "AUC stop", "benign allowed", "benign denied", "dangerous allowed", "dangerous denied"]
    return table([*header, "permission F1", "effects AUC", "effects F1", "injection recall at 1 % FPR"], rows)


def points_table(calibrated: Calibrated, report: Figures) -> str:
    """The operating points on the test sources."""
    rows = []
    for name, point in calibrated.points.items():
        figures = report["operating_points"][name]
        rates = [share(figures[key]) for key in ("benign_allowed", "benign_denied", "dangerous_allowed", "dangerous_denied")]
        cuts = [f"{cut:.4f}" for cut in vars(point).values()]
        rows.append([name, *cuts, *rates, percent(figures["decided_locally"]["rate"])])
    header = ["operating point", *vars(point), "benign allowed", "benign denied"]
    return table([*header, "dangerous allowed", "dangerous denied", "decided"], rows)


def risk_table(report: Figures) -> str:
    """The model's risk figures by source."""
    rows = []
    for source, figures in report["model"]["risk"].items():
        counts = "/".join(str(count) for count in figures["risk_counts"])
        rates = [share(figures[key]) for key in ("benign_allowed", "benign_denied", "dangerous_allowed", "dangerous_denied")]
        aucs = [number(figures["auc_deny"]), number(figures["auc_stop"])]
        others = [percent(figures["decided_locally"]["rate"]), number(figures["permission_macro_f1"])]
        rows.append([source, counts, *aucs, *rates, *others])
    header = ["source", "0/1/2", "AUC deny", "AUC stop", "benign allowed", "benign denied"]
    return table([*header, "dangerous allowed", "dangerous denied", "decided", "permission F1"], rows)


def injection_table(report: Figures) -> str:
    """The model's injection figures by source."""
    rows = []
    for source, figures in report["model"]["injection"].items():
        found = [share(figures["found"]), share(figures["false_alarms"])]
        rows.append([source, f"{figures['texts']}", f"{figures['injections']}", number(figures["auc"]), *found])
    return table(["source", "texts", "injections", "AUC", "found", "false alarms"], rows)


def settled_table(report: Figures) -> str:
    """How many token rows of every source the pair table settles alone."""
    rows = [[source, f"{found['rows']}", percent(found["settled"])] for source, found in report["settled_early"].items()]
    return table(["source", "rows of tokens", "settled by the table"], rows)


def early_exit_table(report: Figures) -> str:
    """What other cuts would save and cost."""
    rows = []
    for candidate in report["early_exit"]:
        risk = candidate["risk"]
        rates = [share(risk[key]) for key in ("benign_allowed", "dangerous_allowed")]
        figures = [number(risk["auc_deny"]), number(risk["auc_stop"]), *rates, number(risk["permission_macro_f1"])]
        rows.append([percent(candidate["most_loud"]), percent(candidate["settled"]), *figures])
    header = ["loud rows settled, at most", "rows of actions settled", "AUC deny", "AUC stop", "benign allowed"]
    return table([*header, "dangerous allowed", "permission F1"], rows)


def int8_line(report: Figures) -> str:
    """What int8 changes."""
    change = report.get("int8_against_float32")
    if change is None:
        return ""
    return (
        f"Against its own float32 weights the int8 file lands in another zone on {share(change['zone_differs'])} of the"
        f" judged test actions, {change['allow_against_deny']} of them allow against deny.\n"
    )


@dataclass(frozen=True)
class Column:
    """One figure of every fold: where it stands, how it is written, and which of many is the worst."""

    name: str
    value: Callable[[Figures], float | None]
    written: Callable[[float | None], str]
    worst: Callable[[list[float]], float]


def agents_allowed(fold: Figures) -> float | None:
    """Share of the harmless actions of recorded agents that pass; None where the fold tests none."""
    rates = [risk["benign_allowed"] for source, risk in fold["model"]["risk"].items() if source.startswith("agent-")]
    trials = sum(rate["of"] for rate in rates)
    return sum(rate["hits"] for rate in rates) / trials if trials else None


FOLD_COLUMNS = (
    Column("AUC deny", lambda fold: fold["model"]["risk"]["all"]["auc_deny"], number, min),
    Column("AUC stop", lambda fold: fold["model"]["risk"]["all"]["auc_stop"], number, min),
    Column("ECE deny", lambda fold: fold["model"]["risk"]["all"]["calibration_error_deny"], number, max),
    Column("ECE stop", lambda fold: fold["model"]["risk"]["all"]["calibration_error_stop"], number, max),
    Column("benign allowed", lambda fold: fold["model"]["risk"]["all"]["benign_allowed"]["rate"], percent, min),
    Column("agents' benign allowed", agents_allowed, percent, min),
    Column("benign denied", lambda fold: fold["model"]["risk"]["all"]["benign_denied"]["rate"], percent, max),
    Column("dangerous allowed", lambda fold: fold["model"]["risk"]["all"]["dangerous_allowed"]["rate"], percent, max),
    Column("dangerous denied", lambda fold: fold["model"]["risk"]["all"]["dangerous_denied"]["rate"], percent, min),
    Column("decided", lambda fold: fold["model"]["risk"]["all"]["decided_locally"]["rate"], percent, min),
    Column(
        "injection recall at 1 % FPR",
        lambda fold: fold["model"]["injection"]["all"]["recall_at_1_percent_false_positives"],
        percent,
        min,
    ),
    Column("injection AUC", lambda fold: fold["model"]["injection"]["all"]["auc"], number, min),
)


def folds_table(folds: Figures) -> str:
    """Every fold, how long its model trained, and the mean and the worst of each figure."""
    values = [[column.value(fold) for fold in folds.values()] for column in FOLD_COLUMNS]
    rows = [
        [
            name,
            f"{fold['pretraining_tokens'] / 1e6:g} M, {fold['epochs']}",
            *(column.written(found[place]) for column, found in zip(FOLD_COLUMNS, values, strict=True)),
        ]
        for place, (name, fold) in enumerate(folds.items())
    ]
    known = [[value for value in found if value is not None] for found in values]
    columns = list(zip(FOLD_COLUMNS, known, strict=True))
    rows.append(["mean", "", *(column.written(sum(found) / len(found) if found else None) for column, found in columns)])
    rows.append(["worst", "", *(column.written(column.worst(found) if found else None) for column, found in columns)])
    return table(["fold", "tokens of pre-training, passes", *(column.name for column in FOLD_COLUMNS)], rows)


def obfuscation_table(found: Figures) -> str:
    """What hidden spellings do to the verdicts of the whole engine, and the spellings that pass most often."""
    rows = []
    for risk in ("dangerous", "harmless"):
        for part in ("originals", "obfuscated"):
            figures = found[risk][part]
            rows.append(
                [f"{risk}, {part}", *(share(figures[name]) for name in ("allow", "ask", "deny", "lowered", "raised"))]
            )
    worst = list(found["dangerous"]["by_transformation"].items())[:5]
    names = ", ".join(f"`{name}` {percent(figures['allow']['rate'])}" for name, figures in worst)
    whole = table(["Bash commands", "allow", "ask", "deny", "stop to allow", "allow to stop"], rows)
    return f"{whole}\nSpellings of dangerous commands that are allowed most often: {names}.\n"


def methods_table(methods: Figures) -> str:
    """Log loss and calibration error of every calibration method, question by question."""
    header = ["method", *(f"{question}: log loss, error" for question in methods)]
    names = next(iter(methods.values()))
    cell = "{log_loss:.4f}, {calibration_error:.3f}".format
    return table(header, [[name, *(cell(**methods[question][name]) for question in methods)] for name in names])


def trust_table(trust: Sequence[Figures]) -> str:
    """What sources say of their actions beside what readers answered; sources with few labels are left out."""
    header = ["source", "its word", "labelled", "ask or deny", "deny", "injection"]
    rows = [
        [row["source"], row["word"], str(row["labelled"]), *(percent(row[key]) for key in ("stop", "deny", "injection"))]
        for row in trust
        if row["labelled"] >= FEWEST_LABELS
    ]
    return table(header, rows)


def model_card(
    names: Mapping[str, Any],
    config: ModelConfig,
    parameters: int,
    calibrated: Calibrated,
    report: Figures,
    optional: Mapping[str, str],
    extra: str,
) -> str:
    """The whole card; `names` holds name, version, template_version and the number of training actions.

    `optional` are further tables by their headings; empty ones are left out.
    """
    point = calibrated.points["default"]
    allow = min(calibrated.curves["allow"], key=lambda entry: abs(entry["threshold"] - point.allow_below))
    deny = min(calibrated.curves["deny"], key=lambda entry: abs(entry["threshold"] - point.deny_above))
    head = TEMPLATE.read_text(encoding="utf-8").format(
        **names,
        **config.to_dict(),
        **vars(point),
        parameters=parameters / 1e6,
        allow_line=f"allowing misses {percent(allow['miss_rate'])} of the dangerous actions (upper bound"
        f" {percent(allow['miss_rate_upper'])}) and lets {percent(allow['allowed_benign'])} of the benign ones pass;",
        deny_line=f"denying blocks {percent(deny['false_block_rate'])} of the benign ones (upper bound"
        f" {percent(deny['false_block_rate_upper'])}) and {percent(deny['deny_recall'])} of the dangerous ones.",
    )
    parts = [
        head,
        comparison(report),
        points_table(calibrated, report),
        int8_line(report),
        "### Risk by source\n",
        risk_table(report),
        "### Injection by source\n",
        injection_table(report),
        "### Rows that leave early\n",
        settled_table(report),
        early_exit_table(report),
        *(f"### {heading}\n\n{text}" for heading, text in optional.items() if text),
        extra,
        "## Labels\n",
        f"Permission: {', '.join(PERMISSION)}. Effects: {', '.join(EFFECTS)}.\n",
    ]
    return "\n".join(part for part in parts if part)
