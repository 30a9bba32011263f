"""What the page writes: the table of asked against heard, chord lines and subtitles. No gradio here."""

from __future__ import annotations

from typing import Any

from augmentation.listen import Heard
from munet.music import Chord, MusicPlan, spread_chords, tempo_word
from mustango_app.adherence import adherence

INTRODUCTION = """# Mustango
Describe the music you want. It keeps to the tempo, metre, key and chords that you name, and shows its plan."""
ROWS = ("Tempo", "Metre", "Key", "Chords")


def plan_table(plan: MusicPlan | None, heard: Heard | None = None) -> str:
    """Return a Markdown table of what was asked and, once analysed, what was heard and how well they agree."""
    if plan is None:
        return "The plan of the clip will stand here: tempo, metre, key and chords."
    asked = (
        f"{plan.bpm:g} BPM ({tempo_word(plan.bpm)})",
        f"{plan.meter} beats a bar",
        plan.key,
        " · ".join(f"{symbol} <sub>{second:.1f}</sub>" for symbol, second in plan.chords or ()),
    )
    if heard is None:
        rows = [f"| {name} | {value} |" for name, value in zip(ROWS, asked, strict=True)]
        return "\n".join(["| | Asked |", "| --- | --- |", *rows])
    scores = adherence(plan, heard)
    chords = [(Chord.from_harte(label), start) for label, start, _ in heard.chords or ()]
    answers = (
        "-" if heard.bpm is None else f"{heard.bpm:.1f} BPM",
        "-" if heard.meter is None else f"{heard.meter} beats a bar",
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
    notes = [f"\nNot measured: {reason}" for reason in heard.missing]
    return "\n".join(["| | Asked | Heard | Agreement |", "| --- | --- | --- | --- |", *rows, *notes])


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
