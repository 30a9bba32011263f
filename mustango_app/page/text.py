"""What the page writes: the table of asked against heard, chord lines and subtitles. No gradio here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from augmentation.hearing.listen import Heard
from munet.errors import RequestError
from munet.music import Chord, MusicPlan, spread_chords, tempo_word
from mustango_app.evaluation.adherence import adherence, obedience

INTRODUCTION = """# Mustango
Describe the music you want. It keeps to the tempo, metre, key and chords that you name, and shows its plan."""
ROWS = ("Tempo", "Metre", "Key", "Chords")


def plan_table(plan: MusicPlan | None, sources: Mapping[str, str] | None = None, heard: Heard | None = None) -> str:
    """Return a Markdown table of what was asked and why or, once analysed, what was heard and how well they agree."""
    if plan is None:
        return "The plan of the clip will stand here: tempo, metre, key and chords."
    asked = (
        f"{plan.bpm:g} BPM ({tempo_word(plan.bpm)})",
        _bar(plan.meter),
        plan.key,
        " · ".join(f"{symbol} <sub>{second:.1f}</sub>" for symbol, second in plan.chords or ()),
    )
    if heard is None:
        reasons = [(sources or {}).get(name, "") for name in ("bpm", "meter", "key", "chords")]
        rows = [f"| {' | '.join(cells)} |" for cells in zip(ROWS, asked, reasons, strict=True)]
        return "\n".join(["| | Plan | Source |", "| --- | --- | --- |", *rows, *_notes(plan)])
    scores = adherence(plan, heard)
    chords = [(Chord.from_harte(label), start) for label, start, _ in heard.chords or ()]
    answers = (
        "-" if heard.bpm is None else f"{heard.bpm:.1f} BPM",
        "-" if heard.meter is None else _bar(heard.meter),
        heard.key or "-",
        " · ".join(f"{chord} <sub>{start:.1f}</sub>" for chord, start in chords) or "-",
    )
    agreement = (
        f"beats {_percent(scores['beat_f'])}",
        _percent(scores["meter"]),
        _percent(scores["key"]),
        f"roots {_percent(scores['chord_root'])}",
    )
    rows = [f"| {' | '.join(cells)} |" for cells in zip(ROWS, asked, answers, agreement, strict=True)]
    whole = obedience(scores)
    notes = [] if whole is None else [f"\nObedience, all together: **{_percent(whole)}**"]
    notes += [f"\nNot measured: {reason}" for reason in heard.missing]
    return "\n".join(["| | Asked | Heard | Agreement |", "| --- | --- | --- | --- |", *rows, *notes])


def _notes(plan: MusicPlan) -> list[str]:
    """Return a line for each statement of the text that the music does not follow."""
    return [f"\n*{escape(note.statement)}*: {escape(note.outcome)}" for note in plan.notes if not note.used]


def _bar(meter: int) -> str:
    return f"{meter} beat{'s' if meter > 1 else ''} a bar"


def _percent(score: float | None) -> str:
    return "-" if score is None else f"{100 * score:.0f} %"


def chord_line(plan: MusicPlan) -> str:
    """Return the chords as a person may edit them: without times if they are one a bar, else "G@0 Em@2.5"."""
    symbols = [symbol for symbol, _ in plan.chords or ()]
    if plan.is_complete and spread_chords(symbols, plan.beats, plan.meter, plan.duration) == plan.chords:
        return " ".join(symbols)
    return " ".join(f"{symbol}@{second:g}" for symbol, second in plan.chords or ())


def subtitles(plan: MusicPlan) -> list[dict[str, Any]]:
    """Return the chords as the player's subtitles, so that each symbol shows while its chord sounds."""
    return [{"text": str(chord), "timestamp": [start, end]} for start, end, chord in plan.chord_intervals()]


def read_fields(*fields: str | None) -> dict[str, Any]:
    """Read the text fields bpm, meter, key, chords and seconds; an empty one ("" or None) asks for nothing.

    Raises:
        RequestError: if a number is none.
    """
    bpm, meter, key, chords, seconds = ((text or "").strip() for text in fields)
    asked: dict[str, Any] = {"key": key or None, "chords": chords or None}
    numbers = {"bpm": bpm, "meter": meter, "seconds": seconds}
    return asked | {name: read_number(name, value) for name, value in numbers.items()}


def read_number(argument: str, text: str | None) -> float | None:
    """Read a text field that holds a number or nothing.

    Raises:
        RequestError: if it holds something else.
    """
    text = (text or "").strip()
    if not text:
        return None
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise RequestError(f"{argument}: expected a number, got {text!r}") from None
