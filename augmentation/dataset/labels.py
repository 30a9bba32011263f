"""Label arithmetic: the row of a clip that was transposed, played faster or slower, or cut short.

Pure functions from row to row (MusicBench's fields, see `augmentation.dataset.records`); the music itself is computed
by
`munet.music.MusicPlan`. All fields that say the same thing change together: `beats`, `chords`, `chords_time`, `bpm`,
`key` with its alternative, `duration` and the composer's `plan`. A field that a row lacks, or holds as null, stays so.

A `prompt_*` sentence whose fact changed is emptied, and `main_caption` falls back to `alt_caption`, which states no
facts: an old sentence would be false. `augmentation.dataset.sentences.state_row` draws new ones from the new labels.
Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from augmentation.dataset.records import MODES, plan_of
from munet.music import Key, MusicPlan


def _fields(plan: MusicPlan) -> dict[str, Any]:
    """Fields of a row that hold a plan, but for the key, which a row may write in several ways."""
    beats, chords = plan.beats or (), plan.chords or ()
    return {
        "beats": [[time for time, _ in beats], [float(position) for _, position in beats]],
        "bpm": plan.bpm,
        "chords": [symbol for symbol, _ in chords],
        "chords_time": [time for _, time in chords],
        "duration": plan.duration,
        "plan": plan.to_dict(),
    }


def _stated(plan: MusicPlan) -> dict[str, Any]:
    """What each sentence of a row is about."""
    return {
        "prompt_ch": [symbol for symbol, _ in plan.chords or ()],
        "prompt_bt": max((position for _, position in plan.beats or ()), default=None),
        "prompt_bpm": plan.bpm,
        "prompt_key": plan.key,
    }


def _relabelled(row: Mapping[str, Any], plan: MusicPlan) -> dict[str, Any]:
    result = copy.deepcopy(dict(row))
    result.update({name: value for name, value in _fields(plan).items() if row.get(name) is not None})
    before, after = _stated(plan_of(row)), _stated(plan)
    false = [name for name in before if before[name] != after[name] and row.get(name)]
    result.update(dict.fromkeys(false, ""))
    if false and "alt_caption" in row and "main_caption" in row:
        result["main_caption"] = result["alt_caption"]
    return result


def _transposed_key(value: Any, semitones: int) -> Any:
    """A row's key, moved: `["E", "major"]`, `["E major", "C# minor"]`, `["E major", None]`, `"E major"` or nothing."""
    if not value:
        return copy.deepcopy(value)
    if isinstance(value, str):
        return str(Key.parse(value).transpose(semitones))
    if len(value) == 2 and isinstance(value[1], str) and value[1].lower() in MODES:
        return [Key.parse(" ".join(value)).transpose(semitones).tonic, value[1]]
    return [_transposed_key(part, semitones) for part in value]


def transpose_row(row: Mapping[str, Any], semitones: int) -> dict[str, Any]:
    """Labels of the clip moved in pitch.

    Chords are spelled in the new key if the row has a key, otherwise flats stay flats and sharps stay sharps; a slash
    bass moves with its chord. The alternative key moves too.

    Args:
        row: A row; it is not touched.
        semitones: How far up.

    Returns:
        A new row.

    Raises:
        ValueError: If a field is malformed (`munet.music.PlanError` names it).
    """
    result = _relabelled(row, plan_of(row).transpose(semitones))
    if "key" in row:
        result["key"] = _transposed_key(row["key"], semitones)
    return result


def stretch_row(row: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Labels of the clip played `factor` times as fast: times are divided by it, the tempo is multiplied (unrounded).

    Args:
        row: A row; it is not touched.
        factor: Old length over new length of the clip, above 1 for faster.

    Returns:
        A new row; nothing is dropped, see `crop_row`.

    Raises:
        ValueError: If a field is malformed, or the tempo leaves the 30 to 300 BPM of a `MusicPlan`.
    """
    return _relabelled(row, plan_of(row).stretch(factor))


def crop_row(row: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Labels of the first `seconds` of the clip: beats and chords that begin before.

    Args:
        row: A row; it is not touched.
        seconds: What remains; a clip that is shorter keeps its duration.

    Returns:
        A new row. The tempo stays, also where too few beats are left to count it.

    Raises:
        ValueError: If a field is malformed or `seconds` is not a length of a clip.
    """
    plan = plan_of(row)
    if plan.duration is not None and seconds >= plan.duration:
        return copy.deepcopy(dict(row))
    cropped = plan.with_(
        chords=[(symbol, time) for symbol, time in plan.chords or () if time < seconds],
        beats=[(time, position) for time, position in plan.beats or () if time < seconds],
        duration=seconds,
    )
    return _relabelled(row, cropped)
