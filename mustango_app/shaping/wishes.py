"""What is asked of a new stretch, by arguments and in words, and a plan with these wishes carried out.

Words about a change differ from a first description in one thing: what they do not speak of stays, and an instrument
joins those that play.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from augmentation.reading.stated import read
from munet.music import Key, MusicPlan, Note, Section
from mustango_app.planning.band import changed_band
from mustango_app.planning.planner import plan_with_sources
from mustango_app.planning.source import Origin
from mustango_app.planning.translate import to_english
from mustango_app.shaping.changes import MUSIC, Edit, Extension

# Fields of the piece that stay, whatever words suggest; those of `MUSIC` change if they are stated.
_KEPT = MappingProxyType(
    {"bpm": "the tempo", "key": "the key", "meter": "the metre", "duration": "the length", "style": "the style"}
)


@dataclass(frozen=True)
class Wishes:
    """What is asked of a stretch; None leaves it as it is.

    Args:
        change: whose fields and words these are.
        bpm, key, energy: as in a `MusicPlan`.
        chords: whether there are new ones, by argument or in words.
        notes: what became of the words.
    """

    change: Edit | Extension
    bpm: float | None
    key: str | None
    energy: str | None
    chords: bool
    notes: tuple[Note, ...]

    @property
    def words(self) -> str:
        """The prompt, empty if there is none."""
        return self.change.prompt or ""


def wishes_of(change: Edit | Extension) -> Wishes:
    """Read what a change asks for.

    Raises:
        PlanError: words or fields that contradict each other.
    """
    draft, sources = plan_with_sources(change.prompt or "", seed=change.seed, loop=False)
    stated = {name for name, source in sources.items() if source.origin is Origin.STATED}

    def wish(name: str) -> Any:
        given = getattr(change, name)
        return given if given is not None else getattr(draft, name) if name in stated else None

    chords = change.chords is not None or "chords" in stated
    notes = _outcomes(draft.notes, change, stated)
    return Wishes(change, wish("bpm"), wish("key"), wish("energy"), chords, notes)


def _outcomes(notes: Sequence[Note], change: Edit | Extension, stated: set[str]) -> tuple[Note, ...]:
    """Return the notes of a first reading as they hold for a change.

    What words only suggest, as a mood a tempo, changes nothing; it is told if the words do nothing else.
    """
    told: list[Note] = []
    for note in notes:
        if note.used and note.field in _KEPT and note.field not in (stated & set(MUSIC)):
            told.append(replace(note, used=False, outcome=f"{_KEPT[note.field]} of the piece stays"))
        elif note.used and note.field in MUSIC and getattr(change, note.field) is not None:
            told.append(replace(note, used=False, outcome="the argument wins"))
        else:
            told.append(note)
    used = {note.statement for note in told if note.used}
    return tuple(note for note in told if note.used or note.statement not in used)


def carry_out(wishes: Wishes, part: MusicPlan, name: str) -> MusicPlan:
    """Return a complete stretch with the wishes in it; at another tempo it keeps its beats, and its length changes.

    Args:
        wishes: to carry out.
        part: as it would be without them; what it says of several sections is changed in each.
        name: of the section that the words make of a stretch without any.

    Raises:
        PlanError: chords or a melody that do not fit the stretch.
    """
    change = wishes.change
    if wishes.key is not None and part.key is not None and wishes.key != part.key:
        part = _in_key(part, wishes.key)
    if wishes.bpm is not None and part.bpm is not None and wishes.bpm != part.bpm:
        part = part.stretch(wishes.bpm / part.bpm).with_(bpm=wishes.bpm)
    if wishes.chords or part.chords is None:
        fixed = {field: getattr(part, field) for field in ("bpm", "meter", "key", "beats", "duration", "style")}
        chords = plan_with_sources(wishes.words, seed=change.seed, chords=change.chords, loop=False, **fixed)[0].chords
        part = part.with_(chords=chords)
    own = {"instruments": _band(wishes, part), "energy": wishes.energy}
    own = {field: value for field, value in own.items() if value is not None}
    part = part.with_(**own)
    prompt = {"prompt": wishes.words} if wishes.words else {}
    if part.sections:
        cleared = dict.fromkeys(own) | ({"chords": None} if wishes.chords else {})
        part = part.with_(sections=[section.with_(**cleared, **prompt) for section in part.sections])
    elif prompt:
        part = part.with_(sections=[Section(name, start=0.0, bpm=part.bpm, **prompt)])
    if change.melody is not None:
        part = part.with_(melody=_melody(change.melody, part))
    return part


def _in_key(part: MusicPlan, key: str) -> MusicPlan:
    """Return a stretch in another key: moved the nearer way; in another mode without its chords and melody."""
    old, new = Key.parse(part.key or key), Key.parse(key)
    if old.mode != new.mode:
        bare = [section.with_(key=None, chords=None) for section in part.sections or ()]
        return part.with_(key=key, chords=None, melody=None, sections=bare)
    steps = (new.tonic_pc - old.tonic_pc) % 12
    return part.transpose(steps if steps <= 6 else steps - 12).with_(key=key)


def _band(wishes: Wishes, part: MusicPlan) -> tuple[str, ...] | None:
    """Return who plays if that changes."""
    if wishes.change.instruments is not None:
        return tuple(wishes.change.instruments)
    found = read(to_english(wishes.words).english).arrangement
    return changed_band(found, part.parts()[0].instruments or (), part.style)


def _melody(melody: Any, part: MusicPlan) -> Any:
    """Return a melody in the stretch's own seconds; a MIDI file's is fitted to its tempo, key and length."""
    if not isinstance(melody, str | os.PathLike):
        return MusicPlan(melody=melody, duration=part.duration).melody
    from mustango_app.exchange.midi_read import read_melody  # MIDI is not needed without a tune
    from mustango_app.exchange.tune import fit_tune

    return fit_tune(read_melody(melody), part.bpm, part.key, part.duration or 0.0).melody
