"""Sections of a plan from the changes that prose speaks of: a tempo, a key, an energy or a band that does not stay.

"Starts slow then speeds up", "modulates to A major", "drums enter at bar 5", "starts quiet and ends huge": the piece is
cut where the words say, else evenly, and each part has what holds in it. Explicit arguments win, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from augmentation.reading.readers.arrangement import Player
from augmentation.reading.readers.changes import Change, turn_moments
from augmentation.reading.readers.clauses import BEFORE
from augmentation.reading.readers.ends import ALONE
from augmentation.reading.readers.moments import read_moment
from augmentation.reading.stated import Reading
from augmentation.reading.tokens import Kind
from munet.music import Section
from munet.music.sections import theme_of
from mustango_app.planning.asked import Asked
from mustango_app.planning.band import is_removed, ordered, resolve_in
from mustango_app.planning.form import Frame, change_of, energy_within
from mustango_app.planning.turns import (
    Ramp,
    bar_of,
    bars_of,
    feels_of,
    in_force,
    keys_of,
    meters_of,
    moment_of,
    ramp_of,
    steps_of,
    target_of,
)
from mustango_app.planning.within import as_changes

PART_BARS = 2  # that each part of such a piece lasts at least, where the text leaves its changes open
LAYERS = 5  # players that enter one after the other, as long as nobody says who
CLIMBS = 3  # keys of a piece whose key changes every so many bars
_OPEN = ("enter", "leave", ALONE, "mood", "modulate", "meter")
TAIL_BARS = 4  # that a piece without a stated length lasts from its last change on
_OPENING = 0.25
_REACH = 8  # tokens behind an energy that may say where it begins
_ENERGIES = ("calm", "moderate", "energetic")
_ORDER = ("then", "ends", "ending", "end", "finally", "finishes", "becomes", "become", "turns", "turn", "gets", "get",
          "getting")  # fmt: skip
_GRADUAL = re.compile("build|grad|slow|grow|swell|intens|gain|cresc|decresc|dimin|dy|die|wind")


@dataclass(frozen=True)
class Step:
    """An energy on the way of a piece.

    Args:
        energy: from here on.
        index: the token that says it.
        place: the share of the piece where it begins, or of the way to `bar` or `second`; None if the text does not
            say it.
        bar, second: as in `Change`.
    """

    energy: str
    index: int
    place: float | None = None
    bar: int | None = None
    second: float | None = None


def last_change(reading: Reading, bar: float) -> float:
    """Return the second of the last change of which the text says the bar or the second; 0 if it says none.

    Args:
        reading: of the text.
        bar: seconds of a bar.
    """
    placed = []
    for change in reading.changes:
        start = (change.bar - 1) * bar if (change.bar or 0) > 0 else max(0.0, change.second or 0.0)
        unit, number = change.lasts or ("seconds", 0.0)
        placed.append(start + number * (bar if unit == "bars" else 1.0) if start else 0.0)
    return max(placed, default=0.0)


def parts_told(reading: Reading) -> int:
    """Return how many parts the changes divide a piece into whose bar or second the text leaves open; 0 for none."""
    places = {change.place for change in reading.changes if change.kind in _OPEN and change.place is not None}
    if (layers := change_of(reading, "layers")) is not None:
        return LAYERS * max(1, (layers.every or PART_BARS) // PART_BARS)
    climbs = [one.every for one in reading.changes if one.kind in ("modulate", "tempo step") and one.every]
    return len(places - {0.0}) + 1 if places else CLIMBS * max(climbs) // PART_BARS if climbs else 0


def changed_sections(asked: Asked, frame: Frame) -> tuple[Section, ...]:
    """Return the sections of a piece that changes its tempo, key, energy or band; none if it does not."""
    reading = asked.reading
    ramp = None if "bpm" in asked.given else ramp_of(reading, frame)
    free = "instruments" not in asked.given
    entries = _entries(reading) if free else []
    path = [] if "energy" in asked.given else energy_path(reading)
    named = [one for one in reading.changes if one.kind == "section"]
    whole = bars_of(reading, frame)
    keys = {} if "key" in asked.given else keys_of(reading, frame, whole)
    meters = {} if "meter" in asked.given else meters_of(reading, frame, whole)
    feels = {} if "bpm" in asked.given or ramp else feels_of(reading, frame, whole) | steps_of(reading, frame, whole)
    layers = _layers(reading, frame, whole) if free else {}
    pace = change_of(reading, "faster", "slower") if ramp else None
    pace = pace if pace and pace.is_placed else None  # else the tempo moves from the beginning on
    cuts = _cuts([*entries, *named, *([pace] if pace else [])], path, frame, whole)
    ramp_from = cuts[pace] if pace else 0
    undone = {change: cuts[change] + _bars_of(change, frame) for change in entries if change.lasts}
    turns = {*cuts.values(), *undone.values(), *keys, *meters, *feels, *layers.values()}
    solos = _solos(reading, turns, whole) if free else []
    comings = Comings(entries, cuts, undone, solos, layers)
    bars = {*turns, *(bar for solo in solos for bar in (solo.start, solo.end))}
    starts = sorted({start for start in bars if 0 < start < whole} | {0})
    seconds = _seconds(starts, feels, meters, frame)
    if change_of(reading, "tempo step"):  # slower bars may leave no time for the last of them
        starts = [bar for bar, second in zip(starts, seconds, strict=True) if second + 60 / frame.bpm < frame.duration]
    if len(starts) < 2 or frame.duration <= seconds[len(starts) - 1] + 60 / frame.bpm:
        return (Section(_ramp_name(ramp), bpm=ramp),) if ramp else ()
    sections = []
    for number, (start, end) in enumerate(pairwise([*starts, whole])):
        name = _named(named, cuts, start)
        lively = _energy(path, cuts, start) or (energy_within(frame.energy, theme_of(name)) if name else None)
        sections.append(
            Section(
                name or _name(reading.changes, number, len(starts)),
                start=seconds[number],
                bpm=_tempo(ramp, ramp_from, start, end, whole) or in_force(feels, start),
                meter=in_force(meters, start),
                key=str(in_force(keys, start) or frame.key) if keys else None,
                instruments=comings.band(start, reading, frame),
                energy=None if "energy" in asked.given else lively,
            )
        )
    same = {(one.bpm, one.meter, one.key, one.instruments, one.energy) for one in sections}
    return tuple(sections) if len(same) > 1 or named else ()


def modulated(asked: Asked, frame: Frame, sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Return sections that the text marks or tells, in another key from the last one on in which it says that the piece
    modulates ("up a tone in the last chorus"); the same where it says no section, or a section says its own key."""
    change = None if "key" in asked.given else change_of(asked.reading, "modulate")
    if change is None or any(section.key not in (None, str(frame.key)) for section in sections):
        return sections
    named = [at for at, section in enumerate(sections) if theme_of(section.name) == change.section]
    if change.place is not None:  # "in the last chorus"
        named = [min(len(sections) - 1, int(change.place * len(sections)))]
    target = target_of(asked.reading, frame)
    if not named or target is None:
        return sections
    return tuple(section.with_(key=str(target)) if at >= named[-1] else section for at, section in enumerate(sections))


def energy_path(reading: Reading) -> list[Step]:
    """Return how the energy moves on.

    Either two energies or more with a word for their order between them ("starts quiet, then huge at the end"), or one
    change ("builds up"), which has the energies below or above what is stated: the last of them where the text says
    ("builds to a climax at 20 seconds"). Empty where the energy stays.
    """
    found, tokens = reading.arrangement, reading.tokens
    words = [(word.prior.energy, word.index) for word in found.moods if word.prior.energy]
    stated = sorted([*found.energies, *words], key=lambda pair: pair[1])
    path: list[Step] = []
    chained = _chained(reading, [index for _, index in stated])
    for energy, index in stated:
        if not path:
            path.append(Step(energy, index, place=0.0))
        elif energy != path[-1].energy and (chained or _in_order(reading, path[-1].index, index)):
            ahead = next((at for at in range(index + 1, index + _REACH) if tokens.ends(at)), index)
            path.append(_step(reading, energy, path[-1].index, index, ahead))
    if len(path) > 1:
        return path
    change = change_of(reading, "louder", "softer")
    if change is None and (turn := change_of(reading, "mood")) is not None:
        return _turned(reading, turn)
    if change is None:
        return []
    ladder = _ENERGIES if change.kind == "louder" else _ENERGIES[::-1]
    steps = ladder
    if path:
        at = ladder.index(path[0].energy)
        # "builds to a huge climax", or from it on
        steps = ladder[: at + 1] if path[0].index > change.first else ladder[at:]
    if len(steps) == 1:
        steps = ladder
    if change.bar is None and change.second is None:
        return [Step(energy, change.first, place=at / len(steps)) for at, energy in enumerate(steps)]
    steps = steps if _GRADUAL.match(reading.tokens.word(change.first)) else steps[-2:]
    share = 1 / (len(steps) - 1)
    return [Step(energy, change.first, share * at, change.bar, change.second) for at, energy in enumerate(steps)]


def _turned(reading: Reading, turn: Change) -> list[Step]:
    """Return the energies of a mood that turns into another, if they are two."""
    after = reading.tokens[turn.last - 1].get(Kind.MOOD)
    before = next((word for word in reversed(reading.arrangement.moods) if word.index < turn.first), None)
    if before is None or after is None:
        return []  # "begins in minor, ends in major"
    energies = [prior.energy or _ENERGIES[1] for prior in (before.prior, after)]
    steps = [Step(energies[0], before.index, place=0.0), Step(energies[1], turn.last - 1, place=turn.place)]
    return steps if energies[0] != energies[1] else []


def _step(reading: Reading, energy: str, before: int, index: int, last: int) -> Step:
    """Return an energy that comes after another one, with when it begins."""
    tokens, turns = reading.tokens, turn_moments(reading.tokens)
    joint = next((at for at in range(index - 1, before, -1) if tokens.word(at) in (*_ORDER, ",")), before)
    for at in (*range(index, last + 1), *range(joint, index)):
        bar, second = read_moment(tokens, at)
        if at in turns or bar or second:
            return Step(energy, index, 1.0, **turns.get(at, {"bar": bar, "second": second}))
        if Kind.PLACE in tokens[at]:
            return Step(energy, index, float(tokens[at][Kind.PLACE]))
    return Step(energy, index)


def _chained(reading: Reading, indices: Sequence[int]) -> bool:
    """Whether three energies or more stand in a row: "quiet - loud - quiet"."""
    joints = [reading.tokens.word(at) for one, other in pairwise(indices) for at in range(one + 1, other)]
    return len(indices) > 2 and len(joints) == len(indices) - 1 and set(joints) <= {"-", "/", ">", "\u2192"}


def _in_order(reading: Reading, first: int, last: int) -> bool:
    """Whether a sentence says that what token `last` says comes after what `first` says."""
    tokens = reading.tokens
    if tokens.sentences[first] != tokens.sentences[last]:
        return False
    between = any(
        tokens.word(at) in _ORDER or tokens[at].get(Kind.CHANGE) in ("louder", "softer")
        for at in range(first + 1, last)
    )
    end = next(at for at in range(last, len(tokens) + 1) if tokens.ends(at))
    return between or any(Kind.PLACE in tokens[at] or any(read_moment(tokens, at)) for at in range(first + 1, end))


@dataclass(frozen=True)
class Solo:
    """Who plays alone from one bar to another, from 0 on."""

    start: int
    end: int
    players: tuple[Player, ...]


def _solos(reading: Reading, cuts: Set[int], whole: int) -> list[Solo]:
    """Return who plays alone at the beginning, until something else happens, and at the end."""
    later = sorted(bar for bar in cuts if 0 < bar < whole)
    found = []
    changes = [change for change in reading.changes if change.kind == ALONE]
    for first in dict.fromkeys(change.first for change in changes):
        own = [change for change in changes if change.first == first]
        players = tuple(one for change in own for one in reading.arrangement.players_at(change.player))
        place = own[0].place or 0.0
        if place == 0:
            found.append(Solo(0, later[0] if later else max(1, round(_OPENING * whole)), players))
        else:
            start = max(round(place * whole), *(bar + 1 for bar in later), 1)
            found.append(Solo(min(whole - 1, start), whole, players))
    return found


Mark = Change | int | None  # a change, or the number of an energy


@dataclass(frozen=True)
class Comings:
    """Who comes and goes.

    Args:
        entries: who enters or leaves; cuts: at which bar, from 0 on; undone: at which bar for some time alone.
        solos: who plays alone.
        layers: at which bar players enter one after the other.
    """

    entries: Sequence[Change]
    cuts: Mapping[Mark, int]
    undone: Mapping[Change, int]
    solos: Sequence[Solo]
    layers: Mapping[str, int]

    def band(self, start: int, reading: Reading, frame: Frame) -> tuple[str, ...] | None:
        """Return who plays from a bar on: the band without those who are yet to enter, or have left, or who plays
        alone; None if nobody comes or goes."""
        if not (self.entries or self.solos or self.layers):
            return None
        if solo := next((one for one in self.solos if one.start <= start < one.end), None):
            return ordered(resolve_in(solo.players, frame.style))
        away: list[Player] = []
        for change in self.entries:
            holds = self.cuts[change] <= start < self.undone.get(change, start + 1)
            if holds == (change.kind == "leave"):
                away += reading.arrangement.players_at(change.player)
        groups = [player for player in away if player.together and len(player.names) > 1]
        named = [player for player in reading.arrangement.players if player not in away] if away == groups else []
        here = resolve_in(named, frame.style)  # a flute plays before its orchestra
        names = resolve_in(away, frame.style)
        band = [name for name in frame.band if name in here or (name not in names and not is_removed(name, away))]
        band = [name for name in band if self.layers.get(name, 0) <= start]
        return ordered(band or frame.band)


def _cuts(changes: Sequence[Change], path: Sequence[Step], frame: Frame, whole: int) -> dict[Mark, int]:
    """Return where changes happen and energies begin, in bars from 0 on."""
    cuts: dict[Mark, int] = {}
    for change in changes:
        cuts[change] = bar_of(change, frame, whole)
    for number, step in enumerate(path):
        moment = moment_of(step, frame, whole)
        place = number / len(path) if step.place is None else step.place
        cuts[number] = round((whole if moment is None else moment) * place)
        if number and cuts[number] >= whole:  # "ends softly at 1:00", of a minute
            cuts[number] = max(cuts[number - 1] + 1, whole - TAIL_BARS)
    return cuts


def _seconds(starts: Sequence[int], tempi: Mapping[int, float], meters: Mapping[int, int], frame: Frame) -> list[float]:
    """Return when bars, from 0 on, begin, of a piece that does not keep its tempo or its metre."""
    found = [0.0]
    for start, end in pairwise(starts):
        bar = 60 * (in_force(meters, start) or frame.meter) / (in_force(tempi, start) or frame.bpm)
        found.append(round(found[-1] + (end - start) * bar, 9))
    return found


def _tempo(ramp: Ramp | None, ramp_from: int, start: int, end: int, whole: int) -> Ramp | None:
    """Return the tempo of a section of bars `start` to `end`, None where it is the piece's own."""
    if ramp is None or end <= ramp_from:
        return None
    shares = [(bar - ramp_from) / (whole - ramp_from) for bar in (start, end)]
    return tuple(round(ramp[0] + (ramp[1] - ramp[0]) * share, 9) for share in shares)  # type: ignore[return-value]


def _ramp_name(ramp: Ramp | None) -> str:
    return "accelerando" if ramp and ramp[1] > ramp[0] else "ritardando"


def _name(changes: Sequence[Change], number: int, count: int) -> str:
    section = next((one.section for one in changes if one.section), None)
    if count == 2 and section is not None:
        return (("intro" if section == "verse" else "verse"), section)[number]
    return ("first part", "second part")[number] if count == 2 else f"part {number + 1}"


def _named(changes: Sequence[Change], cuts: dict[Mark, int], start: int) -> str | None:
    """Return the name of the section that plays from a bar on, where the text says when sections begin."""
    begun = [change for change in changes if cuts[change] <= start]
    if begun:
        return max(begun, key=lambda change: cuts[change]).section
    return BEFORE.get(theme_of(changes[0].section or ""), "intro") if changes else None


def _energy(path: Sequence[Step], cuts: dict[Mark, int], start: int) -> str | None:
    begun = [step.energy for number, step in enumerate(path) if cuts[number] <= start]
    return begun[-1] if begun else None


def _entries(reading: Reading) -> list[Change]:
    """Return who enters or leaves."""
    return [one for one in reading.changes if one.kind in ("enter", "leave")] + as_changes(reading)


def _bars_of(change: Change, frame: Frame) -> int:
    """Return the bars after which a change is undone."""
    unit, number = change.lasts or ("bars", 0.0)
    return max(1, round(number if unit == "bars" else number * frame.bpm / 60 / frame.meter))


def _layers(reading: Reading, frame: Frame, whole: int) -> dict[str, int]:
    """Return the bars at which players enter one after the other, those who are named first."""
    change = change_of(reading, "layers")
    if change is None:
        return {}
    named = resolve_in(reading.arrangement.players, frame.style)
    order = list(dict.fromkeys([*(name for name in named if name in frame.band), *frame.band]))
    return {name: number * (change.every or max(1, whole // len(order))) for number, name in enumerate(order)}
