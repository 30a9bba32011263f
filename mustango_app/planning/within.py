"""Sections that a text names for who plays in them alone: "strings only in the chorus", "no drums in the verse".

In a form, told or chosen for the length, they say who is silent in which section. A piece without one gets the sections
that are named, in the order in which they usually come, and the one before if it is one alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from augmentation.reading.readers.arrangement import Player
from augmentation.reading.readers.changes import Change
from augmentation.reading.readers.clauses import AFTER, BEFORE, ORDER
from augmentation.reading.stated import Reading
from munet.music import Section, theme_of
from mustango_app.planning.asked import Asked
from mustango_app.planning.band import band_classes, is_removed, ordered, resolve_in
from mustango_app.planning.form import OPEN_BARS, Frame


def sections_spoken_of(asked: Asked) -> tuple[str, ...]:
    """Return the sections that a text names for who plays in them, in their order; none if it speaks of other changes
    too, or who plays is fixed."""
    changes = asked.reading.changes
    by_section = all(change.kind in ("enter", "leave") and change.section and not _timed(change) for change in changes)
    if "instruments" in asked.given or asked.plan.loop or not by_section:
        return ()
    names = {name for within in asked.reading.within for name in within.sections}
    names |= {change.section for change in changes if change.section}
    found = sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    if len(found) != 1:
        return tuple(found)
    if not changes and found[0] in AFTER:
        return (found[0], AFTER[found[0]])
    return (BEFORE.get(found[0], "intro" if found[0] != "intro" else "verse"), found[0])


def _timed(change: Change) -> bool:
    return change.bar is not None or change.second is not None or change.lasts is not None


def as_changes(reading: Reading) -> list[Change]:
    """Return who plays in some sections alone as entries, and who is silent there as entries or leaves, for a piece
    that is divided by something else."""
    found = []
    for within in reading.within:
        first = within.sections[0]
        kind = "enter" if not within.silent or first in ("intro", "verse") else "leave"
        section = AFTER.get(first, first) if within.silent and kind == "enter" else first
        found += [Change(kind, within.first, within.last, index, section=section) for index in within.players]
    return found


def sections_within(asked: Asked, frame: Frame, open_bars: int | None = OPEN_BARS) -> tuple[Section, ...]:
    """Return the sections of which a text says who plays in them.

    Args:
        asked: the request.
        frame: what holds for the whole piece.
        open_bars: bars of each; None leaves them open.
    """
    names = sections_spoken_of(asked)
    casts = [cast(asked.reading, frame, frame.band, names, number) for number in range(len(names))]
    return tuple(Section(name, open_bars, instruments=players) for name, players in zip(names, casts, strict=True))


def with_casts(asked: Asked, frame: Frame, sections: Sequence[Section]) -> tuple[Section, ...]:
    """Return sections of a form, without those who a text says are silent in them, and with those who play there."""
    reading = asked.reading
    soloists = _soloists(reading, frame)
    entries = any(change.section and change.kind in ("enter", "leave") for change in reading.changes)
    if "instruments" in asked.given or not (reading.within or soloists or entries):
        return tuple(sections)
    names = [theme_of(section.name) for section in sections]
    found = []
    for number, section in enumerate(sections):
        base = section.instruments or frame.band
        if names[number] != "solo" and not section.instruments:
            base = tuple(name for name in base if name not in soloists) or base
        found.append(section.with_(instruments=cast(reading, frame, base, names, number)))
    return tuple(found)


def cast(reading: Reading, frame: Frame, base: Sequence[str], names: Sequence[str], number: int) -> tuple[str, ...]:
    """Return who plays in a section, of all sections' `names` the one at `number`, drums first.

    Args:
        reading: of the text.
        frame: what holds for the whole piece.
        base: who would play.
        names: of the sections.
        number: of the section.
    """
    here: list[Player] = []
    away: list[Player] = []
    for within in reading.within:
        named = names[number] in within.sections
        players = [one for index in within.players for one in reading.arrangement.players_at(index)]
        if within.alone and named:
            return ordered(resolve_in(players, frame.style))
        if within.silent == named and not within.alone:
            away += players
        elif not within.silent:
            here += players
    for change in reading.changes:
        if change.section is not None and change.kind in ("enter", "leave") and change.section in names:
            begun = number >= names.index(change.section)
            away += reading.arrangement.players_at(change.player) if begun == (change.kind == "leave") else []
    if away and all(player.together and len(player.names) > 1 for player in away):  # a piano plays before its band
        here += [player for player in reading.arrangement.players if player not in away]
    present = resolve_in(here, frame.style)
    band = [name for name in base if name in present or not is_removed(name, away)]
    others = [name for name in frame.band if not is_removed(name, away)]  # who can open in place of who is silent
    return ordered([*band, *present]) or tuple(others[-1:]) or tuple(base)


def _soloists(reading: Reading, frame: Frame) -> set[str]:
    """Return who plays nothing but the solos of a form: named for them alone, and none of the style's own band."""
    solos = [one for one in reading.arrangement.later if _is_solo(reading, one)]
    others = resolve_in([one for one in reading.arrangement.players if one not in solos], frame.style)
    return {name for name in resolve_in(solos, frame.style)
            if name not in others and not band_classes([name], frame.style)}  # fmt: skip


def _is_solo(reading: Reading, player: Player) -> bool:
    tokens = reading.tokens
    return any(tagged.start <= tokens[player.first].start < tagged.end and theme_of(tagged.name) == "solo"
               for tagged in reading.tagged)  # fmt: skip
