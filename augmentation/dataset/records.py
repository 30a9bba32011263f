"""Dataset rows in MusicBench's fields: writing one, reading a folder of them, turning one back into a `MusicPlan`.

A folder is Hugging Face's `audiofolder` layout: `metadata.jsonl` beside the audio, one JSON object a line, `file_name`
relative to it. Times are seconds, tempo is beats per minute, position 1 in `beats` is the downbeat. `beats` is
`[[times], [positions]]` and `key` is `[root, mode]`, as published; rows that write a key as `["E major", other]`, or
leave any of it empty, are read too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from munet.errors import RequestError
from munet.music import MODES, Chord, Key, MusicPlan, tempo_word

if TYPE_CHECKING:
    from augmentation.compose.composer import Piece

METADATA = "metadata.jsonl"
DATASET = "composed"
MODE_WORDS = (*MODES, "maj", "min")


def row_of(
    piece: Piece, file_name: str, main_caption: str, alt_caption: str, sentences: Mapping[str, str]
) -> dict[str, Any]:
    """Describe one composed piece as a MusicBench row.

    Args:
        piece: The piece; its plan is complete.
        file_name: Audio file, relative to the folder of the metadata.
        main_caption: Caption that may state facts of the plan.
        alt_caption: Caption that states none.
        sentences: `chords`, `beats`, `bpm` and `key` sentences (see `captions.control_sentences`).

    Returns:
        A dictionary of plain JSON values; `plan_of` gives the plan back unchanged.
    """
    plan = piece.plan
    key = Key.parse(plan.key)
    return {
        "dataset": DATASET,
        "location": file_name,
        "file_name": file_name,
        "main_caption": main_caption,
        "alt_caption": alt_caption,
        "prompt_aug": "",
        "prompt_ch": sentences["chords"],
        "prompt_bt": sentences["beats"],
        "prompt_bpm": sentences["bpm"],
        "prompt_key": sentences["key"],
        "beats": [[time for time, _ in plan.beats], [float(position) for _, position in plan.beats]],
        "bpm": plan.bpm,
        "chords": [symbol for symbol, _ in plan.chords],
        "chords_time": [time for _, time in plan.chords],
        "key": [key.tonic, key.mode],
        "keyprob": [1.0],
        "instruments": list(piece.instruments),
        "style": piece.style,
        "mood": piece.mood,
        "energy": piece.energy,
        "meter": plan.meter,
        "duration": plan.duration,
        "seed": piece.seed,
        "plan": plan.to_dict(),
    }


def json_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as the bytes of a JSON-lines file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def read_rows(folder: str | Path) -> list[dict[str, Any]]:
    """Read the rows of a dataset.

    Args:
        folder: A folder with `metadata.jsonl`, or a JSON-lines file itself.

    Raises:
        RequestError: If there is no such file, or a line is not a JSON object (the message gives its number).
    """
    path = Path(folder)
    path = path / METADATA if path.is_dir() else path
    if not path.is_file():
        raise RequestError(f"folder: expected a folder with {METADATA} (or a .jsonl file), got {str(folder)!r}")
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise RequestError(f"{path.name}: expected a JSON object on line {number}, got {error}") from error
            if not isinstance(row, dict):
                raise RequestError(f"{path.name}: expected a JSON object on line {number}, got {line.strip()[:60]!r}")
            rows.append(row)
    return rows


def _key_of(value: Any) -> str | None:
    """First key of a row: `["E", "major"]`, `["E major", "C# minor"]`, `["E major", None]`, `"E major"` or nothing."""
    if isinstance(value, str) or value is None:
        return value or None
    if not isinstance(value, list | tuple):
        raise RequestError(f"key: expected a name or a list of names, got {value!r}")
    parts = [part for part in value if isinstance(part, str) and part]
    if not parts:
        return None
    split = len(parts) > 1 and parts[1].lower() in MODE_WORDS
    return " ".join(parts[:2]) if split else parts[0]


def _pairs(name: str, first: Any, second: Any) -> tuple[tuple[Any, float], ...] | None:
    """Two columns as pairs, None where the row says nothing."""
    first, second = first or [], second or []
    if not all(isinstance(column, list | tuple) for column in (first, second)):
        raise RequestError(f"{name}: expected two lists, got {first!r} and {second!r}")
    if len(first) != len(second):
        raise RequestError(f"{name}: expected as many values as times, got {len(first)} and {len(second)}")
    return tuple(zip(first, second, strict=True)) or None


def _beats_of(value: Any) -> tuple[tuple[float, int], ...] | None:
    """Beats of a row, `[[times], [positions]]`, as (second, position) pairs."""
    try:
        times, positions = value
        numbers = [list(map(float, column or ())) for column in (times, positions)]
    except (TypeError, ValueError):
        raise RequestError(f"beats: expected [[seconds], [positions]], got {value!r}") from None
    beats = _pairs("beats", *numbers)
    return beats and tuple((time, _position(position)) for time, position in beats)


def _position(value: float) -> int:
    if value != int(value):
        raise RequestError(f"beats: expected whole positions in the bar, got {value!r}")
    return int(value)


def plan_of(row: Mapping[str, Any]) -> MusicPlan:
    """Musical plan of a row: its `plan` where there is one, as it tells more, else MusicBench's own fields.

    What a row leaves empty stays open in the plan. The metre is the row's `meter`, or else its highest beat position.

    Raises:
        RequestError: If a field is malformed (`munet.music.PlanError` names it).
    """
    if row.get("plan"):
        return MusicPlan.from_dict(row["plan"])
    beats = _beats_of(row.get("beats") or [[], []])
    meter = row.get("meter")
    if meter is None and beats is not None:
        meter = max(position for _, position in beats)
    return MusicPlan(
        bpm=row.get("bpm"),
        meter=meter,
        key=_key_of(row.get("key")),
        chords=_pairs("chords", row.get("chords"), row.get("chords_time")),
        beats=beats,
        duration=row.get("duration"),
    )


def count_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Count rows per style, mood, energy, metre, key, tempo word and instrument, and chords per quality.

    Returns:
        `{"style": {"waltz": 12, ...}, ...}`, each most frequent first (ties by name), missing values as "unknown".
    """
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("style", "mood", "energy", "meter", "key", "tempo", "instrument", "chord quality")
    }
    for row in rows:
        plan = plan_of(row)
        for name in ("style", "mood", "energy"):
            counts[name][str(row.get(name) or "unknown")] += 1
        counts["meter"][str(plan.meter or "unknown")] += 1
        counts["key"][plan.key or "unknown"] += 1
        counts["tempo"][tempo_word(plan.bpm) if plan.bpm else "unknown"] += 1
        counts["instrument"].update(row.get("instruments") or ())
        chords = [Chord.parse(symbol) for symbol, _ in plan.chords or ()]
        counts["chord quality"].update("N" if chord.is_none else chord.quality or "maj" for chord in chords)
    return {name: dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))) for name, found in counts.items()}
