"""Where a piece goes: a tempo, a key or a metre that does not stay, and the bars from which another one holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from augmentation.reading.readers.changes import Change
from augmentation.reading.readers.ends import mode_of
from augmentation.reading.stated import Reading
from augmentation.reading.tokens import Kind, Token
from munet.music import Key
from munet.music.checks import BPM_RANGE
from mustango_app.planning.form import FEELS, Frame, change_of, key_beside, stated_keys

_RAMP = 1.5  # how much faster or slower a piece becomes where no number says it
_HALF = 0.5
_REACH = 8  # tokens behind "modulates"
Ramp = tuple[float, float]
Value = TypeVar("Value")


class Said(Protocol):
    """What a text may place at a bar or a second."""

    @property
    def bar(self) -> int | None: ...
    @property
    def second(self) -> float | None: ...


def moment_of(said: Said, frame: Frame, whole: int) -> int | None:
    """Return the bar, from 0 on, that a text says as a bar or a second; None if it says none."""
    if said.bar is not None:
        return said.bar - 1 if said.bar > 0 else max(0, whole + said.bar)
    if said.second is None:
        return None
    bar = round(said.second * frame.bpm / 60 / frame.meter)
    return bar if said.second >= 0 else max(0, whole + min(bar, -1))


def bar_of(change: Change, frame: Frame, whole: int) -> int:
    """Return the bar, from 0 on, where a change happens; in the middle if the text does not say it."""
    moment = moment_of(change, frame, whole)
    return round(whole * (_HALF if change.place is None else change.place)) if moment is None else moment


def keys_of(reading: Reading, frame: Frame, whole: int) -> dict[int, Key]:
    """Return the keys to which the piece goes, by the bar from which they hold."""
    change, turn = change_of(reading, "modulate"), change_of(reading, "mood")
    if change is None and turn is not None:
        mode = mode_of(reading.tokens, turn.last - 1)
        other = frame.key.is_minor != (mode == "minor")
        return {bar_of(turn, frame, whole): frame.key.relative()} if other else {}
    target = target_of(reading, frame)
    if change is None or target is None:
        return {}
    if change.every is None:
        return {bar_of(change, frame, whole): target}
    keys, key, steps = {}, frame.key, (target.tonic_pc - frame.key.tonic_pc + 6) % 12 - 6
    for bar in range(change.every, whole, change.every):
        keys[bar] = key = key.transpose(steps)
    return keys


def in_force(values: Mapping[int, Value], start: int) -> Value | None:
    """Return the value that holds from a bar on, None where none does yet."""
    begun = [bar for bar in values if bar <= start]
    return values[max(begun)] if begun else None


def meters_of(reading: Reading, frame: Frame, whole: int) -> dict[int, int]:
    """Return the beats of a bar to which the piece goes, by the bar from which they hold."""
    said = {one.first: one.value[0] for one in reading.meters}
    return {bar_of(change, frame, whole): said[change.first] for change in reading.changes if change.kind == "meter"}


def feels_of(reading: Reading, frame: Frame, whole: int) -> dict[int, float]:
    """Return the tempi in BPM of a piece that is said to be half or twice as fast from a place on, by the bar."""
    found = {}
    for change in reading.changes:
        bpm = frame.bpm * FEELS.get(change.kind, 0.0)
        if change.place is not None and BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
            found[bar_of(change, frame, whole)] = bpm
    return found


def bars_of(reading: Reading, frame: Frame) -> int:
    """Return how many bars a piece has; of one whose tempo goes by steps those that begin in its time."""
    change = change_of(reading, "tempo step")
    if change is None or change.every is None:
        return round(frame.duration * frame.bpm / 60 / frame.meter)
    bars, left = 0, frame.duration
    while left > 60 / BPM_RANGE[1]:
        bpm = min(max(_stepped(change, frame, bars), BPM_RANGE[0]), BPM_RANGE[1])
        bars, left = bars + 1, left - 60 * frame.meter / bpm
    return bars


def steps_of(reading: Reading, frame: Frame, whole: int) -> dict[int, float]:
    """Return the tempi in BPM of a piece whose tempo goes by steps ("10 bpm more every 8 bars"), by the bar."""
    change = change_of(reading, "tempo step")
    if change is None or change.every is None:
        return {}
    tempi = {bar: _stepped(change, frame, bar) for bar in range(change.every, whole, change.every)}
    return {bar: bpm for bar, bpm in tempi.items() if BPM_RANGE[0] <= bpm <= BPM_RANGE[1]}


def _stepped(change: Change, frame: Frame, bar: int) -> float:
    """Return the tempo in BPM that a bar has by steps, in range or not."""
    return frame.bpm + bar // (change.every or 1) * change.step


def ramp_of(reading: Reading, frame: Frame) -> Ramp | None:
    """Return the tempi between which the text says that the piece goes."""
    stated = reading.tempo.value.to if reading.tempo else None
    change = change_of(reading, "faster", "slower")
    if stated is not None:
        ends = (frame.bpm, stated)
    elif change is None:
        return None
    else:
        behind = [one.value.bpm for one in reading.tempos if one.first > change.first and one is not reading.tempo]
        paces = [word for word in reading.arrangement.paces if word.index > change.first and word.prior.tempo]
        factor = _RAMP if change.kind == "faster" else 1 / _RAMP
        to = behind[0] if behind else frame.bpm * factor
        middle = sum(paces[0].prior.tempo) / 2 if paces and paces[0].prior.tempo else to
        if not behind and (middle > frame.bpm) == (change.kind == "faster"):
            to = middle
        ends = (frame.bpm, to)
    low, high = BPM_RANGE
    ramp = (min(max(ends[0], low), high), min(max(round(ends[1], 3), low), high))
    return ramp if ramp[0] != ramp[1] else None


def target_of(reading: Reading, frame: Frame) -> Key | None:
    """Return the key to which the text says that the piece goes; without a name two semitones up."""
    change = change_of(reading, "modulate")
    if change is None:
        return None
    ahead = [key for key, at in stated_keys(reading) if at > change.first and key != frame.key]
    if ahead:
        return ahead[-1]
    words = [token.word for token in reading.tokens[change.first : change.first + _REACH]]
    if beside := key_beside(words, frame.key):
        return beside
    reach = reading.tokens[max(0, change.first - 1) if words[0] in ("higher", "lower") else change.first :]
    steps = next(filter(None, map(_semitones, reach)), 2.0)
    down = any(word in ("down", "lower") for word in words)
    return frame.key.transpose(int(-steps if down else steps))


def _semitones(token: Token) -> float:
    """Return the semitones of an interval in steps ("a half step", "two tones"), 0 of anything else."""
    count, unit = token.get(Kind.QUANTITY, (1.0, token.get(Kind.UNIT)))
    whole = "semi" not in token.word and "half" not in token.word
    return count * (2 if whole else 1) if unit == "semitone" else 0.0
