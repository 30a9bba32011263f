"""Scores, summaries, report and table of an evaluation.

Rows of the report: what was evaluated ("generated" or "clips"), "ceiling" (the asked plans played by this project's
renderer) and "chance" (what was heard in the clip of another source). `adherence` compares what is heard with the
target, `control_metrics`, the paper's, with the row's own labels. Means carry bootstrap intervals (`statistics`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.hearing.listen import Heard
from munet.files import atomic_path
from mustango_app.evaluation.adherence import CONFIDENT, MEASURES, adherence
from mustango_app.evaluation.bootstrap import Cell, Score, Summary, derangement, summarise, table
from mustango_app.evaluation.cases import SECONDS, Case, EvaluateSettings
from mustango_app.evaluation.control_metrics import (
    CONTROL_METRICS,
    control_adherence,
    heard_controls,
    plan_controls,
    published_summary,
)
from mustango_app.evaluation.distances import frechet_distance, kernel_distance, standardize
from mustango_app.evaluation.measure import Measured, clap_embedder, versions, write_json

RHYTHM = ("beat_f", "downbeat_f", "tempo_acc1", "tempo_acc2", "meter", "meter_duple")
SOUND = ("rms_dbfs", "peak_dbfs", "crest_db", "clipped_share", "silent_share", "rolloff_99", "highest_frequency")
STEREO = ("identical_channels", "channel_correlation", "side_share")
EMBEDDINGS = ("log_mel", "chroma", "clap")
DISTANCES = tuple(f"{kind}_{name}" for name in EMBEDDINGS for kind in ("fd", "kd"))
FEWEST = 4  # clips of a set that a kernel distance needs
NORMAL_95 = 1.96  # standard errors either side of a 95 % interval


@dataclass(frozen=True)
class Take:
    """A case with its clip and what was measured of it and of the ceiling's."""

    case: Case
    path: Path
    measured: Measured
    ceiling: Measured


def score(case: Case, measured: Measured) -> dict[str, float | None]:
    """Score what was heard in a clip against a case, by the names in `MEASURES` and `CONTROL_METRICS`."""
    heard = Heard.from_dict(measured["heard"])
    over_time = adherence(case.target, heard, measured["second_chords"])
    return over_time | control_adherence(case.reference, heard)


def sound_figures(measured: Measured, words: np.ndarray | None) -> dict[str, float]:
    """Figures of a clip's sound and, given that of its prompt, the cosine of the CLAP embeddings."""
    figures = {name: float(measured["sound"][name]) for name in (*SOUND, *STEREO)}
    return figures if words is None else figures | {"clap_score": float(np.dot(measured["clap"], words))}


def set_distances(reference: Sequence[Measured], clips: Sequence[Measured]) -> dict[str, Cell | None]:
    """Frechet and kernel distances of the clips' sound from the reference's; None for sets too small or too uniform.

    Log-mel and chroma statistics are scaled by the deviations of the reference first; CLAP embeddings are not.
    """
    found: dict[str, Cell | None] = dict.fromkeys(DISTANCES)
    if min(len(reference), len(clips)) < FEWEST:
        return found
    for name in EMBEDDINGS:
        if name not in reference[0]:
            continue
        first, second = (np.asarray([measured[name] for measured in side]) for side in (reference, clips))
        if name != "clap":
            if not first.std(axis=0).all():
                continue
            first, second = standardize(first, second)
        found[f"fd_{name}"] = {"mean": frechet_distance(first, second), "count": len(second)}
        kernel = kernel_distance(first, second)
        reach = NORMAL_95 * kernel.standard_error
        found[f"kd_{name}"] = {
            "mean": kernel.distance,
            "low": kernel.distance - reach,
            "high": kernel.distance + reach,
            "count": len(second),
        }
    return found


def summary_of(cases: Sequence[Case], measured: Sequence[Measured], scores: Sequence[Score]) -> dict[str, Any]:
    """Summaries of one row of the report: all clips, those whose beat was heard clearly, and the paper's own."""
    groups = [case.source for case in cases]
    clear = [i for i, one in enumerate(scores) if one["confident"] == 1.0]
    pairs = [
        (plan_controls(case.reference), heard_controls(Heard.from_dict(one["heard"])))
        for case, one in zip(cases, measured, strict=True)
    ]
    return {
        "over_time": summarise(scores, MEASURES, groups),
        "clear_beat": summarise([scores[i] for i in clear], RHYTHM, [groups[i] for i in clear]),
        "paper": summarise(scores, CONTROL_METRICS, groups),
        "published_script": published_summary(pairs),
    }


def score_rows(
    takes: Sequence[Take], name: str, seed: int, others: Sequence[Measured], words: Sequence[np.ndarray]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Score all rows of the report.

    Args:
        takes: the clips.
        name: of the first row.
        seed: of the chance pairing.
        others: the sound of the reference set; the ceiling's is taken if there is none.
        words: CLAP embeddings of the prompts, none without CLAP.

    Returns:
        The rows by name, and for each clip its scores and figures of sound by row.
    """
    cases = [take.case for take in takes]
    groups = [case.source for case in cases]
    measured = {name: [take.measured for take in takes], "ceiling": [take.ceiling for take in takes]}
    partners = derangement(groups, seed)
    if partners is not None:
        measured["chance"] = [takes[i].measured for i in partners]
    rows: dict[str, Any] = {}
    clips: list[dict[str, Any]] = [{} for _ in takes]
    for row, results in measured.items():
        scores = [score(case, one) for case, one in zip(cases, results, strict=True)]
        rows[row] = summary_of(cases, results, scores)
        for i, clip in enumerate(clips):
            clip[row] = {"scores": scores[i]}
        if row == "chance":
            for clip, partner in zip(clips, partners, strict=True):
                clip[row]["heard_in_row"] = cases[partner].index
            continue
        sounds = [sound_figures(one, words[i] if len(words) else None) for i, one in enumerate(results)]
        rows[row]["sound"] = summarise(sounds, (*SOUND, *STEREO, "clap_score"), groups)
        if row != "ceiling" or others:
            rows[row]["sound"] |= set_distances(others or measured["ceiling"], results)
        for i, clip in enumerate(clips):
            clip[row] |= {"heard": results[i]["heard"], "second_chords": results[i]["second_chords"]}
            clip[row] |= {"sound": results[i]["sound"]}
    return rows, clips


def build_report(
    settings: EvaluateSettings,
    takes: Sequence[Take],
    failures: Sequence[Mapping[str, Any]],
    made_by: Mapping[str, Any],
    others: Sequence[Measured],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the report and the lines of `clips.jsonl`.

    Args:
        settings: what was evaluated.
        takes: the clips.
        failures: the rows without one.
        made_by: facts of the model, or of the folder of clips.
        others: the sound of the reference set, if one was given.
    """
    prompts = [take.case.prompt for take in takes]
    words = clap_embedder(settings.clap).embed_text(prompts) if settings.clap and prompts else ()
    name = "generated" if settings.clips is None else "clips"
    rows, scored = score_rows(takes, name, settings.seed, others, words)
    sources = len({take.case.source for take in takes})
    report = {
        "settings": {key: str(value) if isinstance(value, Path) else value for key, value in asdict(settings).items()},
        "seconds": SECONDS,
        "model": dict(made_by),
        "versions": dict(versions()),
        "clips": len(takes),
        "sources": sources,
        "resampled_by": "clip" if sources == len(takes) else "source recording",
        "scored_against": {
            "over_time": "the asked plan" if settings.clips is None else "the row's labels",
            "paper": "the row's labels",
        },
        "sound_compared_with": str(settings.reference) if others else "ceiling",
        "failures": sorted(failures, key=lambda one: one["row"]),
        "rows": rows,
    }
    return report, [_line(take, found) for take, found in zip(takes, scored, strict=True)]


def _line(take: Take, scored: Mapping[str, Any]) -> dict[str, Any]:
    case = take.case
    facts = {"row": case.index, "name": case.name, "source": case.source, "prompt": case.prompt, "file": take.path.name}
    plans = {"asked": case.asked.to_dict(), "reference": case.reference.to_dict()}
    return {**facts, **plans, **scored}


def report_table(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown tables, readable as they are: measures down, rows across, mean [95 % interval]."""
    rows = report["rows"]
    counts = " / ".join(str((row["clear_beat"]["beat_f"] or {}).get("count", 0)) for row in rows.values())
    blocks = (
        ("over_time", f"over time, against {report['scored_against']['over_time']}", MEASURES),
        ("clear_beat", f"clear beat (confidence {CONFIDENT:g} or more: {counts} clips)", RHYTHM),
        ("paper", f"the Mustango paper's, against {report['scored_against']['paper']}", CONTROL_METRICS),
        (
            "sound",
            f"sound; distances from {report['sound_compared_with']}",
            (*SOUND, *STEREO, "clap_score", *DISTANCES),
        ),
    )
    model, failed = report["model"], len(report["failures"])
    title = (
        f"{model.get('name', model.get('clips'))}: {report['clips']} clips of {report['sources']} source recordings, "
        f"rows that failed: {failed}; 95 % bootstrap intervals by {report['resampled_by']}"
    )
    lines = [title]
    for block, heading, measures in blocks:
        summaries: dict[str, Summary] = {name: row.get(block, {}) for name, row in rows.items()}
        shown = [name for name in measures if any(summary.get(name) for summary in summaries.values())]
        if shown:
            lines.append(table(summaries, shown, heading))
    return "\n\n".join(lines)


def write_report(folder: Path, report: Mapping[str, Any], clips: Sequence[Mapping[str, Any]]) -> None:
    """Write `clips.jsonl`, `table.md` and, last, `report.json`."""
    with atomic_path(folder / "clips.jsonl") as partial:
        partial.write_text("".join(json.dumps(clip) + "\n" for clip in clips), encoding="utf-8")
    with atomic_path(folder / "table.md") as partial:
        partial.write_text(report_table(report) + "\n", encoding="utf-8")
    write_json(folder / "report.json", report)
