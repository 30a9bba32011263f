"""Plans and what was heard, as aligned lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from munet.music import MusicPlan, Note, tempo_word

if TYPE_CHECKING:
    from augmentation.hearing.listen import Heard


def plan_text(plan: MusicPlan, sources: Mapping[str, str] | None = None) -> str:
    """Return a complete plan as aligned lines for people, with where each part comes from if that is given."""
    chords = " ".join(f"{symbol}@{second:g}" for symbol, second in plan.chords)
    rows = (
        ("tempo", f"{plan.bpm:g} BPM ({tempo_word(plan.bpm)})", "bpm"),
        ("metre", f"{plan.meter} beats a bar", "meter"),
        ("key", plan.key, "key"),
        ("chords", chords, "chords"),
        ("length", f"{plan.duration:g} s", "duration"),
        ("style", plan.style, "style"),
        ("players", ", ".join(plan.instruments or ()), "instruments"),
        ("energy", plan.energy, "energy"),
        ("form", ", ".join(f"{part.name} from {part.start:g} s" for part in plan.parts() if part.name), "sections"),
    )
    reasons = {name: f"  ({why})" for name, why in (sources or {}).items()}
    lines = [f"  {name:<8}{value}{reasons.get(field, '')}" for name, value, field in rows if value]
    return "\n".join([*lines, *(f"  note    {note_text(note)}" for note in plan.notes)])


def note_text(note: Note) -> str:
    """Return a note as a line for people."""
    return f"{note.statement}: {note.outcome}" + ("" if note.used else " (not used)")


def heard_text(heard: Heard) -> str:
    """Return what was heard as aligned lines for people."""
    chords = " ".join(f"{label}@{start:.2f}" for label, start, _ in heard.chords or ())
    rows = [
        ("tempo", "unknown" if heard.bpm is None else f"{heard.bpm:.1f} BPM"),
        ("metre", "unknown" if heard.meter is None else f"{heard.meter} beats a bar"),
        ("key", heard.key or "unknown"),
        *(
            []
            if heard.tuning is None
            else [("tuning", f"{heard.tuning:+.0f} cents (A = {heard.concert_pitch:.1f} Hz)")]
        ),
        ("chords", chords or "none"),
        ("beats", str(len(heard.beats or ()))),
        *(_arrangement_rows(heard) if heard.playing is not None else ()),
        *(("missing", reason) for reason in heard.missing),
    ]
    return "\n".join(f"  {name:<8}{value}" for name, value in rows)


def _arrangement_rows(heard: Heard) -> tuple[tuple[str, str], ...]:
    """Return who is heard, and the likeliest style, the surest first."""
    players = ", ".join(f"{name} {(heard.players or {})[name]:.2f}" for name in heard.playing or ())
    style = () if heard.style is None else (("style", f"{heard.style} {heard.style_confidence or 0:.2f}"),)
    return (("players", players or "none heard surely"), *style)
