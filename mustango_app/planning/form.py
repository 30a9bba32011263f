"""Sections of a plan, from what the text marks or says of changes.

Explicit arguments win here too: a fixed tempo, key, metre or band leaves sections none of their own, and chords or
beats with times leave no sections at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from augmentation.compose.sections import lifted
from augmentation.compose.styles import STYLES
from augmentation.reading.readers.arrangement import Arrangement, Word
from augmentation.reading.readers.changes import Change
from augmentation.reading.readers.meter import count_bar
from augmentation.reading.stated import Reading, read
from augmentation.reading.tokens import Kind
from munet.music import Key, Section, theme_of
from munet.music.checks import BARS_RANGE, BPM_RANGE
from munet.music.notation import read_chord_line
from munet.music.sections import Tempo
from mustango_app.planning.asked import Asked
from mustango_app.planning.band import choose_band, is_removed, ordered, resolve_in
from mustango_app.planning.rhythm import in_beats, in_rhythm
from mustango_app.planning.style import main_style

OPEN_BARS = 8  # of a marked section that says no length
FEELS = MappingProxyType({"half-time": 0.5, "double-time": 2.0})
# How much livelier than the piece a section is.
_LIFT = MappingProxyType({"intro": -1, "outro": -1, "bridge": -1, "breakdown": -1, "episode": -1,
                          "chorus": 1, "drop": 1, "solo": 1})  # fmt: skip
_NEIGHBOURS = MappingProxyType({"dominant": 7, "subdominant": 5})
_MOST_BARS = BARS_RANGE[1]
_EVERYONE = ("full band", "whole band", "entire band", "everyone", "everyone plays", "full ensemble", "full orchestra")


@dataclass(frozen=True)
class Frame:
    """What holds for the whole piece, as far as it is decided.

    Args:
        bpm, meter, key, duration: of the plan.
        band: who plays.
        style: the composer's style.
        energy: of the piece.
    """

    bpm: float
    meter: int
    key: Key
    duration: float
    band: tuple[str, ...]
    style: str | None
    energy: str | None = None


def allows_sections(asked: Asked) -> bool:
    """Whether what is fixed leaves room for sections of the text."""
    return not (asked.plan.beats or asked.plan.chords or asked.plan.sections)


def home_key(asked: Asked) -> Key | None:
    """Return the key in which a text that modulates begins, where it follows from where it goes."""
    keys = stated_keys(asked.reading)
    change = change_of(asked.reading, "modulate")
    if change is None or not keys:
        return None
    ahead = [key for key, at in keys if at > change.first]
    before = [key for key, at in keys if at < change.first]
    if before or len(ahead) != 1:
        return (before or ahead or [keys[0][0]])[0]
    return (
        ahead[0].transpose(-2)
        if asked.reading.tokens.word(_at(asked.reading, ahead[0]) - 1) in ("to", "into")
        else ahead[0]
    )


def _at(reading: Reading, key: Key) -> int:
    return next(one.first for one in reading.keys if one.value == key)


def stated_keys(reading: Reading) -> list[tuple[Key, int]]:
    """Return the keys that a text plainly states, with their tokens."""
    return [(one.value, one.first) for one in reading.keys if one.rank <= 3]


def first_paces(reading: Reading) -> list[Word]:
    """Return the paces in which the piece begins: of one that becomes faster or slower those said before."""
    change = change_of(reading, "faster", "slower")
    return [word for word in reading.arrangement.paces if change is None or word.index < change.first]


def first_moods(reading: Reading) -> list[Word]:
    """Return the moods in which the piece begins: of one that turns into another those said before."""
    change = change_of(reading, "mood")
    return [word for word in reading.arrangement.moods if change is None or word.index < change.first]


def change_of(reading: Reading, *kinds: str) -> Change | None:
    """Return the first change of one of some kinds of which a text speaks."""
    return next((change for change in reading.changes if change.kind in kinds), None)


# --- sections that the text marks


def marked_sections(asked: Asked, frame: Frame, open_bars: int | None = OPEN_BARS) -> tuple[Section, ...]:
    """Return the sections that the text marks or tells, with what each says of itself.

    Args:
        asked: the request.
        frame: what holds for the whole piece.
        open_bars: bars of a section that says no length.
    """
    sections: list[Section] = []
    moods = [word for tagged in asked.reading.tagged for word in read(tagged.text).arrangement.moods]
    turns = {"major", "minor"} <= {word.prior.mode for word in moods}  # "sad verse, happy chorus"
    due = placed = 0.0  # seconds from the beginning by the times of a clock that the text says, and by whole bars
    head = read(asked.reading.tokens.text[: min(tagged.start for tagged in asked.reading.tagged)]).arrangement
    playing = ordered(resolve_in(head.players, frame.style)) or None
    for tagged in asked.reading.tagged:
        reading = read(tagged.text)
        joins = tagged.told and bool(sections) and Kind.WITH in reading.tokens[_first_player(reading) - 1]
        solo = theme_of(tagged.name) == "solo"
        here, says = _players(reading, playing, frame, joins or solo)
        playing = playing if solo else here  # who plays a solo joins the others for that time
        style_here = _style_within(reading, frame) if "style" not in asked.given else None
        if not says and style_here:
            here = playing = choose_band(reading.arrangement, style_here, asked.pick)
            says = True
        tempo, meter, _ = count_bar(reading.tempo.value if reading.tempo else None,
                                    reading.meter.value if reading.meter else None)  # fmt: skip
        tempo = _paced(reading, frame) if tempo is None else tempo
        if tempo is None and style_here is not None:
            tempo = _tempo_in(style_here, frame)
            meter = meter or _meter_in(style_here, frame)
        pulse = tempo or frame.bpm, meter or frame.meter
        due += tagged.seconds or 0.0
        key = reading.key.value if reading.key else _in_mode(reading, frame, turns)
        line = read_chord_line(reading.chords.value, key or frame.key) if reading.chords else None
        line = in_rhythm(in_beats(reading, pulse[0]), line, pulse[1]) if line else None
        own = _bars(reading, *pulse) or (len(line.bars) if line and line.bars else None)
        bars = _bars_in(due - placed, *pulse) if tagged.seconds else own or open_bars
        placed += (bars or 0) * 60 * pulse[1] / pulse[0]
        chords = None if line is None else line.over(bars or 1, pulse[1]) if line.bars else line.symbols
        if (alone := _chords_alone(tagged.body)) and not (line and line.bars):
            key, chords = None if len(alone) == 1 else key, alone
        to = reading.tempo.value.to if reading.tempo else None
        if (
            tempo is None
            and "bpm" not in asked.given
            and (feel := _feel(reading))
            and BPM_RANGE[0] <= frame.bpm * feel <= BPM_RANGE[1]
        ):
            tempo, bars = frame.bpm * feel, bars and max(1, round(bars * feel))
        sections.append(
            Section(
                tagged.name,
                bars,
                bpm=None if "bpm" in asked.given else (tempo, to) if tempo and to else tempo,
                meter=None if "meter" in asked.given or meter == frame.meter else meter,
                key=None if key is None or "key" in asked.given else str(key),
                chords=None if asked.line else chords,
                instruments=here if says and "instruments" not in asked.given else None,
                energy=None if "energy" in asked.given else energy_of(reading.arrangement),
                prompt=tagged.body or None,
            )
        )
    return _as_before(sections)


def with_said(asked: Asked, frame: Frame, sections: Sequence[Section]) -> tuple[Section, ...]:
    """Return the sections of a chosen form with what the text says of some of them, as far as the piece has room."""
    if not asked.reading.tagged or not sections:
        return tuple(sections)
    said = {one.name: one for one, tagged in zip(marked_sections(asked, frame, None), asked.reading.tagged, strict=True)
            if tagged.text}  # fmt: skip
    found = []
    for section in sections:
        own = said.get(theme_of(section.name), section)
        stated = {name: value for name, value in vars(own).items() if value is not None and name != "name"}
        found.append(section.with_(**({"chords": None} if own.key else {}), **stated))
    bar = 60 * frame.meter / frame.bpm
    fits = sum(section.bars or 0 for section in found[:-1]) * bar < frame.duration - bar
    lengths = found if fits else sections
    return (*(one.with_(bars=length.bars) for one, length in zip(found[:-1], lengths[:-1], strict=True)), found[-1])


def _style_within(reading: Reading, frame: Frame) -> str | None:
    """Return the style that a section names for itself, if it is another than the piece's."""
    word = main_style(reading.arrangement)
    return None if word is None or word.weak or word.prior.style == frame.style else word.prior.style


def _tempo_in(style: str, frame: Frame) -> float | None:
    """Return the tempo of a section in another style, if the piece's own is none of its."""
    low, _, high = STYLES[style].tempo
    return None if low <= frame.bpm <= high else min(max(frame.bpm, low), high)


def _meter_in(style: str, frame: Frame) -> int | None:
    """Return the beats of a bar in a section in another style, if the piece's own are none of its."""
    usual = [meter for meter, _ in STYLES[style].meters]
    return None if frame.meter in usual else usual[0]


def _paced(reading: Reading, frame: Frame) -> float | None:
    """Return the tempo of a section that is called slow or fast, if the piece's own is not so."""
    low, high = next((word.prior.tempo for word in reading.arrangement.paces if word.prior.tempo), (0.0, 0.0))
    return None if not high or low <= frame.bpm <= high else (low + high) / 2


def key_beside(words: Sequence[str], key: Key) -> Key | None:
    """Return the key that words name by its place beside another: "the relative minor", "the parallel major"."""
    for word, other in pairwise(words):
        if word == "relative" and other in ("major", "minor", "key"):
            return key.relative()
        if word == "parallel" and other in ("major", "minor", "key"):
            return Key(key.tonic, "major" if key.is_minor else "minor")
        if word == "the" and other in _NEIGHBOURS:
            return key.transpose(_NEIGHBOURS[other])
    return None


def _in_mode(reading: Reading, frame: Frame, turns: bool) -> Key | None:
    """Return the key of a section of which the text says the mode alone ("a chorus in major"), the relative one, or its
    place beside the piece's; if the sections' moods turn from one mode to the other, that of its mood."""
    if beside := key_beside([token.word for token in reading.tokens], frame.key):
        return beside
    if not (reading.modes or turns):
        return None
    moods = (word.prior.mode for word in reading.arrangement.moods)
    mode = reading.modes[0].value if reading.modes else next(filter(None, moods), None)
    if mode is None:
        return None
    if mode in ("major", "minor"):
        return frame.key if frame.key.is_minor == (mode == "minor") else frame.key.relative()
    return Key(frame.key.tonic, mode)  # the same tonic in another light


def _chords_alone(body: str) -> tuple[str, ...]:
    """Return the chords of a section that says nothing else before a comma: "Intro (4 bars): Am", "C G, 4 bars"."""
    tokens = read(body).tokens
    end = next(at for at in range(len(tokens) + 1) if tokens.ends(at))
    chords = [token.get(Kind.CHORD) for token in tokens[:end]]
    if None in chords or (end == 1 and Kind.KEY in tokens[0]):
        return ()
    return tuple(map(str, chords))


def _as_before(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Return sections of which those that return have what they do not say from their first appearance."""
    first: dict[str, Section] = {}
    found = []
    for section in sections:
        origin = first.setdefault(theme_of(section.name), section)
        inherited = {name: value for name, value in vars(origin).items() if getattr(section, name) is None}
        found.append(section.with_(**inherited))
    return tuple(found)


def _feel(reading: Reading) -> float | None:
    """Return how many beats are counted for one where a section has a half-time or double-time feel."""
    change = change_of(reading, *FEELS)
    return FEELS[change.kind] if change else None


def _bars(reading: Reading, bpm: float, meter: int) -> int | None:
    """Return the bars that a section says it has, or that its seconds are."""
    paced = [range(one.first, one.last) for one in (reading.harmonic_rhythm, reading.chords) if one]
    for index, token in enumerate(reading.tokens):
        number, unit = token.get(Kind.QUANTITY, (0.0, ""))
        if any(index in span for span in paced) or reading.tokens.word(index - 1) == "every":
            continue
        if unit == "bar" and 1 <= number <= _MOST_BARS:
            return int(number)
        if unit in ("second", "minute") and Kind.DECADE not in token:
            return _bars_in(number * (60 if unit == "minute" else 1), bpm, meter)
    return None


def _bars_in(seconds: float, bpm: float, meter: int) -> int:
    return min(_MOST_BARS, max(1, round(seconds * bpm / 60 / meter)))


def _first_player(reading: Reading) -> int:
    """Return the first token of who is named first, without an article or adjectives before it."""
    first = min((player.first for player in reading.arrangement.players), default=0)
    while first > 1 and not reading.tokens.ends(first - 1) and Kind.WITH not in reading.tokens[first - 1]:
        first -= 1
    return first


def _players(
    reading: Reading, before: tuple[str, ...] | None, frame: Frame, joins: bool
) -> tuple[tuple[str, ...] | None, bool]:
    """Return who plays in a section after those of the one before, and whether the section says anything of it.

    Who is named plays alone, or `joins` those who played before.
    """
    found = reading.arrangement
    everyone = any(token.word in _EVERYONE for token in reading.tokens)
    players = [player for player in found.players if reading.tokens.word(player.first) not in _EVERYONE]
    named = resolve_in(players, frame.style)
    if not (named or found.removed or everyone):
        return before, False
    added = {at for change in range(len(reading.tokens)) if reading.tokens[change].get(Kind.ENTER) in ("add", "enter")
             for at in range(change - 3, change + 12)}  # fmt: skip
    if everyone or (before is None and (joins or not named)):
        base: Sequence[str] = frame.band
    elif named and not joins and not any(player.first in added for player in players):
        base = () if not found.removed else before or ()
    else:
        base = before or ()
    band = [name for name in (*base, *named) if not any(is_removed(name, [player]) for player in found.removed)]
    return ordered(band) or before, True


def energy_of(found: Arrangement) -> str | None:
    """Return the energy that the words say: the first word for it, else that of the first mood or pace that has one."""
    if found.energies:
        return found.energies[0][0]
    return next((word.prior.energy for word in (*found.moods, *found.paces) if word.prior.energy), None)


def energy_within(stated: str | None, name: str) -> str:
    """Return the energy of a section; none has more than the text states."""
    steps = _LIFT.get(name, 0)
    return lifted(stated or "moderate", min(0, steps) if stated else steps)


def shared_out(sections: Sequence[Section], frame: Frame) -> tuple[Section, ...]:
    """Return sections of which those without a length share what the others leave of a piece; none if that is too
    little for a bar each, or if there are none of them."""
    bars = [60 * (section.meter or frame.meter) / _mean(section.bpm or frame.bpm) for section in sections]
    taken = sum(section.bars * bar for section, bar in zip(sections, bars, strict=True) if section.bars)
    needed = sum(bar for section, bar in zip(sections, bars, strict=True) if not section.bars)
    return tuple(sections) if 0 < needed <= frame.duration - taken else ()


def _mean(tempo: Tempo) -> float:
    return sum(tempo) / 2 if isinstance(tempo, tuple) else tempo


def cut_to(sections: Sequence[Section], frame: Frame, longest: float | None) -> tuple[tuple[Section, ...], bool]:
    """Return sections in bars as far as they fit into `longest` seconds, and whether something was cut."""
    kept: list[Section] = []
    if longest is None:
        return tuple(sections), False
    left = longest
    base = frame.bpm
    for section in sections:
        if section.bars is None:
            return tuple(sections), False
        tempo = section.bpm or base
        base = tempo[1] if isinstance(tempo, tuple) and tempo[0] != tempo[1] else base
        bar = 60 * (section.meter or frame.meter) / _mean(tempo)
        bars = min(section.bars, int(left / bar + 1e-6))
        if bars < 1:
            return tuple(kept) or (section.with_(bars=1),), True
        kept.append(section.with_(bars=bars))
        left -= bars * bar
        if bars < section.bars:
            return tuple(kept), True
    return tuple(kept), False
