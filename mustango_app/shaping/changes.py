"""What a person wants done to a piece: go on, play a region anew, vary; frozen, and checked when it is made."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from munet.errors import RequestError
from munet.guidance_weights import Guidance, Interval
from munet.music import ENERGIES
from munet.music.checks import BPM_RANGE, check_choice, check_instruments, check_number
from mustango_app.planning.asked import field_value
from mustango_app.request import (
    MAX_BARS,
    MAX_CLIPS,
    SECONDS_RANGE,
    SEED_RANGE,
    check_integer,
    check_prompt,
    checked_sampling,
)

MUSIC = ("bpm", "key", "chords", "instruments", "energy", "melody")  # what may be asked of the new stretch


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a change is made; the base of all.

    Args:
        seed: equal seeds make equal sound; drawn when the change is made if None.
        steps, guidance, guidance_interval: as in a `Request`.
        best_of: candidates, of which the one that keeps to its plan best is kept.

    Raises:
        RequestError: naming the argument that cannot be used.
    """

    seed: int | None = None
    steps: int | None = None
    guidance: Guidance | None = None
    guidance_interval: Interval | None = None
    best_of: int = 1

    def __post_init__(self) -> None:
        seed = secrets.randbelow(2**32) if self.seed is None else self.seed
        self._hold("seed", check_integer("seed", seed, *SEED_RANGE))
        self._hold("best_of", check_integer("best_of", self.best_of, 1, MAX_CLIPS))
        for name, value in checked_sampling(self.steps, self.guidance, self.guidance_interval).items():
            self._hold(name, value)

    def _hold(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The word for it: "extension", "edit", "variation"."""
        return type(self).__name__.lower()

    def given(self) -> dict[str, Any]:
        """Return the arguments other than their defaults, as plain values, ready for JSON."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        plain = {name: os.fspath(v) if isinstance(v, os.PathLike) else v for name, v in values.items()}
        return {item.name: plain[item.name] for item in fields(self) if plain[item.name] != item.default}


@dataclass(frozen=True, kw_only=True)
class _Music(Change):
    """A change that asks for music; what neither its fields nor its words say stays as it is in the piece.

    Args:
        prompt: words about the new stretch, at most 2000 characters. An instrument joins those that play, unless the
            words say otherwise ("only piano", "no drums").
        bpm, key, chords, instruments, energy: as in a `Request`, for the new stretch; chords are spread over its bars.
            A key without chords moves those that are there.
        melody: rows (MIDI pitch, start, end) in seconds from the beginning of the new stretch, or a MIDI file.
    """

    prompt: str | None = None
    bpm: float | None = None
    key: str | None = None
    chords: str | Sequence[Any] | None = None
    instruments: Sequence[str] | None = None
    energy: str | None = None
    melody: Sequence[Any] | str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prompt is not None:
            self._hold("prompt", check_prompt(self.prompt))
        if self.bpm is not None:
            self._hold("bpm", check_number("bpm", field_value("bpm", self.bpm), BPM_RANGE))
        if self.key is not None:
            self._hold("key", field_value("key", self.key))
        if self.instruments is not None:
            self._hold("instruments", check_instruments("instruments", self.instruments))
        if self.energy is not None:
            self._hold("energy", check_choice("energy", self.energy, ENERGIES))

    @property
    def asks(self) -> bool:
        """Whether it asks for other music than what would follow anyway."""
        return self.prompt is not None or any(getattr(self, name) is not None for name in MUSIC)


@dataclass(frozen=True, kw_only=True)
class Extension(_Music):
    """The piece goes on, or gets a beginning; the seam lies on a beat.

    Args:
        seconds: by how much the piece gets longer.
        bars: the same in bars; a bar that is not whole at the end is completed besides.
        before: whether the new stretch comes before the piece.
    """

    seconds: float | None = None
    bars: int | None = None
    before: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.seconds is None) == (self.bars is None):
            raise RequestError(f"seconds: expected either seconds or bars, got {self.seconds!r} and {self.bars!r}")
        if self.seconds is not None:
            self._hold("seconds", check_number("seconds", self.seconds, SECONDS_RANGE))
        if self.bars is not None:
            self._hold("bars", check_integer("bars", self.bars, 1, MAX_BARS))
        if not isinstance(self.before, bool):
            raise RequestError(f"before: expected true or false, got {self.before!r}")


@dataclass(frozen=True, kw_only=True)
class Edit(_Music):
    """A region is played anew; outside of it not a sample changes.

    Args:
        start, end: of the region, seconds; the piece's beginning and end if only the other one is given.
        bars: (first, last) bar of the region, counted from 1, instead of seconds; or one bar.
        strength: 1 makes the region anew, less keeps something of what is there, in (0, 1].
    """

    start: float | None = None
    end: float | None = None
    bars: int | Sequence[int] | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.bars is None) == (self.start is None and self.end is None):
            got = f"bars {self.bars!r}, start {self.start!r}, end {self.end!r}"
            raise RequestError(f"bars: expected either bars or seconds of a region, got {got}")
        for name in ("start", "end"):
            if getattr(self, name) is not None:
                self._hold(name, check_number(name, getattr(self, name), (0.0, SECONDS_RANGE[1])))
        if self.bars is not None:
            self._hold("bars", _bars(self.bars))
        self._hold("strength", check_strength(self.strength))


@dataclass(frozen=True, kw_only=True)
class Variation(Change):
    """The same plan played again, starting from the sound that is there.

    Args:
        strength: 1 keeps nothing but the plan, in (0, 1].
    """

    strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold("strength", check_strength(self.strength))


def check_strength(value: object) -> float:
    """Return a strength.

    Raises:
        RequestError: it is no number in (0, 1].
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise RequestError(f"strength: expected a number in (0, 1], got {value!r}")
    return float(value)


def _bars(value: int | Sequence[int]) -> tuple[int, int]:
    """Return the first and the last bar of a region."""
    ends = (value, value) if isinstance(value, int) else value
    if isinstance(ends, str) or not isinstance(ends, Sequence) or len(ends) != 2:
        raise RequestError(f"bars: expected a first and a last bar, got {value!r}")
    first, last = (check_integer("bars", end, 1, MAX_BARS) for end in ends)
    if last < first:
        raise RequestError(f"bars: expected the last bar not before the first, got {first} to {last}")
    return first, last
