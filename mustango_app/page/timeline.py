"""The timeline: sections, chords, parts and beats of a plan as an SVG that follows the width of its place.

Horizontal places are percentages and heights pixels, so that letters stay readable at any width; it is drawn in well
under a millisecond a bar and holds no state.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence
from html import escape

from munet.music import Chord, MusicPlan
from munet.music.events import Parts
from mustango_app.page.part_picture import HEIGHT, part_picture
from mustango_app.page.words import Words

ROW, GAP, INK = 30, 3, "#1f2937"
NARROW, LETTER = 300, 9.5  # pixels: a timeline on a telephone, and a letter of a chord
MOST_MARKS = 600  # beats drawn; of more than these only the downbeats are

Span = tuple[float, float, Chord]  # start and end in seconds


def chord_color(chord: Chord) -> tuple[float, float, float]:
    """Return a light colour for a chord: neighbours on the circle of fifths look alike, minor is darker than major."""
    if chord.is_none:
        return (0.85, 0.85, 0.85)
    minor = 3 in {(tone - chord.root_pc) % 12 for tone in chord.pitch_classes()}
    return colorsys.hls_to_rgb(chord.root_pc * 7 % 12 / 12, 0.66 if minor else 0.78, 0.6)


def timeline(
    plan: MusicPlan,
    words: Words,
    heard: Sequence[Span] | None = None,
    peaks: Sequence[float] | None = None,
    heard_beats: Sequence[tuple[float, int]] = (),
    parts: Parts | None = None,
) -> str:
    """Return an SVG of a complete plan.

    Args:
        plan: what was asked.
        words: of the visitor's language, for who listens instead of looking.
        heard: chords that were heard, drawn in a second row.
        peaks: levels 0 to 1 of equal parts of the sound, drawn as a waveform under the beats.
        heard_beats: (second, position) of the beats that were heard, drawn from below.
        parts: what everybody plays, drawn between chords and beats.
    """
    length = plan.length or 1.0
    rows: list[str] = []
    top = 0
    if plan.sections:
        sections = [
            (part.start, part.end, part.name or "…", _part_title(part.instruments, part.key, words))
            for part in plan.parts()
        ]
        rows.append(_boxes(sections, length, top, 20, "section", words))
        top += 20 + GAP
    for label, spans in (("asked", plan.chord_intervals()), ("heard", heard)):
        if spans is None:
            continue
        boxes = [(start, end, str(chord), words(label), chord_color(chord)) for start, end, chord in spans]
        rows.append(_boxes(boxes, length, top, ROW, f"chord {label}", words))
        top += ROW + GAP
    if notes := part_picture(parts or (), length, top, words):
        rows.append(notes)
        top += HEIGHT + GAP
    height = 56 if peaks else 26
    if peaks:
        rows.append(_waveform(peaks, top, height))
    rows.append(_beats(plan.beats or (), length, top, height, up=True))
    rows.append(_beats(heard_beats, length, top, height, up=False))
    region = f'<rect class="region" y="0" height="{top + height}" visibility="hidden"/>' if peaks else ""
    head = f'<line class="head" x1="0" x2="0" y1="0" y2="{top + height}" visibility="hidden"/>'
    label = escape(describe(plan, words), quote=True)
    return (
        f'<svg class="timeline" role="img" aria-label="{label}" width="100%" height="{top + height}" '
        f'data-seconds="{length:g}" xmlns="http://www.w3.org/2000/svg">{"".join(rows)}{region}{head}</svg>'
    )


def describe(plan: MusicPlan, words: Words) -> str:
    """Return in words what the timeline shows."""
    chords = ", ".join(
        words("timeline_chord", symbol=symbol, second=f"{second:.1f}") for symbol, second in (plan.chords or ())[:24]
    )
    sections = ", ".join(part.name for part in plan.parts() if part.name)
    return words(
        "timeline",
        seconds=f"{plan.length:.1f}",
        bars=words.count("bars", len(plan.downbeat_times())),
        meter=plan.meter,
        form=words("timeline_form", sections=sections) if sections else "",
        chords=chords,
    )


def _part_title(instruments: Sequence[str] | None, key: str | None, words: Words) -> str:
    return "; ".join(filter(None, [words.sentence(key or ""), words.sentence(", ".join(instruments or ()))]))


def _boxes(rows: Iterable[tuple], length: float, top: int, height: int, kind: str, words: Words) -> str:
    """Draw (start, end, text, title, colour) as boxes; letters are smaller where they may not fit ("Am" cut is "A")."""
    boxes = []
    for start, end, text, title, *color in rows:
        end = min(end, length)
        if end <= start:
            continue
        fill = f' fill="rgb({",".join(str(round(255 * part)) for part in color[0])})"' if color else ""
        ink = f' fill="{INK}"' if color else ""
        tight = 5 + LETTER * len(text) > NARROW * (end - start) / length
        place = 'class="tight" x="2"' if tight and color else 'x="5"'
        boxes.append(
            f'<svg class="{kind}" x="{_at(start, length)}" y="{top}" width="{_at(end - start, length)}" '
            f'height="{height}">'
            f"<title>{escape(words('span', name=text, what=title, start=f'{start:.2f}', end=f'{end:.2f}'))}</title>"
            f'<rect width="100%" height="100%" rx="3"{fill}/>'
            f'<text {place} y="{height / 2 + 4.5:g}"{ink}>{escape(text)}</text></svg>'
        )
    return "".join(boxes)


def _beats(beats: Sequence[tuple[float, int]], length: float, top: int, height: int, up: bool) -> str:
    """Draw beats as lines, downbeats longer and with their bar's number; `up` hangs them from above."""
    marks, bar = [], 0
    every = 1 if len(beats) <= 64 else 4
    for second, position in beats:
        if second > length or (position != 1 and len(beats) > MOST_MARKS):
            continue
        size = 0.5 * height if position == 1 else 0.25 * height
        y1, y2 = (top, top + size) if up else (top + height - size, top + height)
        kind = f"beat{' down' if position == 1 else ''}{'' if up else ' heard'}"
        x = _at(second, length)
        marks.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{y1:g}" y2="{y2:g}"/>')
        if position == 1:
            bar += 1
            if up and (bar - 1) % every == 0:
                marks.append(
                    f'<svg x="{x}" y="{top}" overflow="visible"><text class="bar" x="4" y="12">{bar}</text></svg>'
                )
    return "".join(marks)


def _waveform(peaks: Sequence[float], top: int, height: int) -> str:
    above = " ".join(f"{i},{1 - min(peak, 1.0):.3f}" for i, peak in enumerate(peaks))
    below = " ".join(f"{i},{1 + min(peak, 1.0):.3f}" for i, peak in reversed(list(enumerate(peaks))))
    return (
        f'<svg x="0" y="{top}" width="100%" height="{height}" viewBox="0 0 {max(len(peaks) - 1, 1)} 2" '
        f'preserveAspectRatio="none"><polygon class="wave" points="{above} {below}"/></svg>'
    )


def _at(seconds: float, length: float) -> str:
    return f"{100 * seconds / length:.3f}%"
