"""What a person asks for: one frozen object, checked when it is made, for command line, page, HTTP and Python.

There is no torch here, so that plans and error messages come at once, before any model is loaded.
"""

from __future__ import annotations

import math
import numbers
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from munet.errors import RequestError
from munet.guidance_weights import Guidance, Interval, check_interval, guidance_weights
from munet.music import MusicPlan
from munet.music.events import Parts, begun_within, checked_parts
from mustango_app.planning import planner
from mustango_app.planning.asked import field_value
from mustango_app.planning.planner import Sources
from mustango_app.planning.translate import to_english

PROMPT_LENGTH = 2000
SECONDS_RANGE = (1.0, 600.0)  # a model may take less, see `model_planner`
DEFAULT_SECONDS = 10.0
COMPOSED = "composed"  # in place of parts: let the composer write them
MAX_CLIPS, MAX_BARS = 64, 400
SEED_RANGE = (0, 2**63 - 65)
STEPS_RANGE = (1, 1000)
# What is asked of the music, by name; the rest of a request says how it is made.
MUSIC_FIELDS = (
    "bpm", "meter", "key", "chords", "style", "instruments", "energy", "melody", "sections", "loop",
)  # fmt: skip


class Draft(NamedTuple):
    """A complete plan, and where each field of it comes from: "given", "stated", "default", ..."""

    plan: MusicPlan
    sources: Sources


def check_prompt(prompt: object) -> str:
    """Return the prompt without the white space around it.

    Raises:
        RequestError: if it is no text, empty or longer than 2000 characters.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise RequestError(f"prompt: expected a description of the music, got {prompt!r}")
    if len(prompt) > PROMPT_LENGTH:
        raise RequestError(f"prompt: expected at most {PROMPT_LENGTH} characters, got {len(prompt)}")
    return prompt.strip()


def check_number(argument: str, value: object, low: float, high: float) -> float:
    """Return a real number from `low` to `high` as float.

    Raises:
        RequestError: if it is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not low <= value <= high:
        raise RequestError(f"{argument}: expected a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def checked_sampling(steps: Any, guidance: Any, guidance_interval: Any) -> dict[str, Any]:
    """Return how to sample, as far as it is said, in its checked form; by the names of a `Request`'s fields.

    Raises:
        RequestError: naming what is out of range.
    """
    checked: dict[str, Any] = {}
    if steps is not None:
        checked["steps"] = check_integer("steps", steps, *STEPS_RANGE)
    if guidance is not None:
        checked["guidance"] = guidance_weights(guidance)
    if guidance_interval is not None:
        checked["guidance_interval"] = check_interval(guidance_interval)
    return checked


def check_integer(argument: str, value: object, low: int, high: int) -> int:
    """Return an integer from `low` to `high`; a whole float such as 25.0 counts as one.

    Raises:
        RequestError: if it is no such integer.
    """
    whole = isinstance(value, numbers.Real) and not isinstance(value, bool) and value == value // 1
    if not whole or not low <= value <= high:
        raise RequestError(f"{argument}: expected an integer from {low} to {high}, got {value!r}")
    return int(value)


@dataclass(frozen=True)
class Request:
    """Music to be made. None leaves a field to the text, and what the text leaves open is chosen by the seed.

    Given fields win over `plan`, `plan` over the text. A new tempo or metre lays a new beat grid; a plan longer than
    the seconds asked for is cut, a shorter one is an error.

    Args:
        prompt: what to play, at most 2000 characters.
        bpm: tempo in beats per minute, 30 to 300.
        meter: beats per bar.
        key: such as "G major".
        chords: such as "G D/F# Em C" (spread over the bars) or "G@0 Em@2.5" (seconds), or a list of either kind.
        seconds: length, 1 to 600 (a model may take less); 10 if neither this nor `bars` nor `plan` nor the text says.
        bars: length in bars at the plan's tempo and metre, instead of seconds.
        melody: as in `MusicPlan`, or the path of a MIDI file, whose tempo, metre, key and chords are then taken as well
            and moved to the tempo and key asked for.
        parts: what everybody plays, note by note: the path of a MIDI file, of which all else is taken as of a melody's;
            notes (instrument, MIDI pitch, start, end, velocity), seconds; or "composed": the composer writes them for
            the plan. Without any the model finds its own notes; one that always does keeps of a file all but the notes.
        style, instruments, energy, sections, loop: as in `MusicPlan`.
        plan: a plan, in parts or whole.
        seed: equal seeds make equal clips on one machine; drawn when the request is made if None.
        steps: denoising steps, 1 to 1000; the model's own if None.
        guidance: weight of classifier-free guidance, 0 to 30, 1 is none; or weights of "text", "chords", "beats",
            "instruments", "melody" by name; the model's own if None.
        guidance_interval: noise levels (low, high) from 0 to 1 between which guidance acts; the model's own if None.
        num_clips: how many; clip i has `seeds[i]`.
        best_of: candidates made for each clip, of which the one that keeps to the plan best is kept.

    Attributes:
        draft: the complete plan for the first seed and its sources, as far as they do not depend on the model.
        played: the notes of `parts` at the tempo and in the key asked for; None where none are given.

    Raises:
        RequestError: naming the field that cannot be used.
    """

    prompt: str
    bpm: float | None = None
    meter: int | None = None
    key: str | None = None
    chords: str | Sequence[Any] | None = None
    seconds: float | None = None
    bars: int | None = None
    style: str | None = None
    instruments: Sequence[str] | None = None
    energy: str | None = None
    melody: Sequence[Any] | str | os.PathLike[str] | None = None
    parts: Sequence[Any] | str | os.PathLike[str] | None = None
    sections: Sequence[Any] | None = None
    loop: bool | None = None
    plan: MusicPlan | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: Guidance | None = None
    guidance_interval: Interval | None = None
    num_clips: int = 1
    best_of: int = 1
    draft: Draft = field(init=False, repr=False, compare=False)
    played: Parts | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        seed = secrets.randbelow(2**32) if self.seed is None else self.seed
        checked: dict[str, Any] = {
            "prompt": check_prompt(self.prompt),
            "seed": check_integer("seed", seed, *SEED_RANGE),
            "num_clips": check_integer("num_clips", self.num_clips, 1, MAX_CLIPS),
            "best_of": check_integer("best_of", self.best_of, 1, MAX_CLIPS),
        }
        if self.seconds is not None:
            checked["seconds"] = check_number("seconds", self.seconds, *SECONDS_RANGE)
        if self.bars is not None:
            checked["bars"] = check_integer("bars", self.bars, 1, MAX_BARS)
            if self.seconds is not None:
                raise RequestError(f"bars: expected either bars or seconds, got both ({self.bars}, {self.seconds:g})")
        if self.parts is not None and isinstance(self.melody, str | os.PathLike):
            raise RequestError("parts: expected either parts or the file of a melody, got both")
        checked |= checked_sampling(self.steps, self.guidance, self.guidance_interval)
        if self.plan is not None and not isinstance(self.plan, MusicPlan):
            raise RequestError(f"plan: expected a MusicPlan, got {self.plan!r}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "draft", self._drafted())

    @property
    def seeds(self) -> tuple[int, ...]:
        """First seed of each clip; the candidates of clip i have the seeds from there on."""
        return tuple(self.seed + i * self.best_of for i in range(self.num_clips))

    @property
    def english(self) -> str:
        """The prompt in English, which is what the text encoder knows."""
        return to_english(self.prompt).english

    def at(self, seed: int) -> Request:
        """Return the request for one clip of another seed."""
        return self if (seed, 1) == (self.seed, self.num_clips) else replace(self, seed=seed, num_clips=1)

    def _drafted(self) -> Draft:
        """Have the planner complete what is asked.

        Raises:
            RequestError: naming what cannot be used.
        """
        fixed = self._fixed(self.seconds)
        if self.bars is not None and "seconds" not in fixed:
            fixed["bars"] = self.bars
        draft = self._complete(fixed)
        if self.bars is not None:
            seconds = round(self.bars * draft.plan.meter * 60 / draft.plan.bpm, 9)
            if not SECONDS_RANGE[0] <= seconds <= SECONDS_RANGE[1]:
                low, high = SECONDS_RANGE
                raise RequestError(f"bars: expected {low:g} to {high:g} seconds, got {self.bars} ({seconds:g} s)")
            draft = draft if "bars" in fixed else self._complete(self._fixed(seconds))
        check_number("seconds", draft.plan.duration, *SECONDS_RANGE)
        return draft

    def _complete(self, fixed: Mapping[str, Any]) -> Draft:
        """Complete the fields given; a length that only the text states is cut to the longest clip."""
        return Draft(*planner.plan_with_sources(self.prompt, seed=self.seed, longest=SECONDS_RANGE[1], **fixed))

    def _fixed(self, seconds: float | None) -> dict[str, Any]:
        """Merge what is asked and what the plan holds into the planner's arguments, cut to `seconds`."""
        asked = {name: getattr(self, name) for name in MUSIC_FIELDS if getattr(self, name) is not None}
        if seconds is not None:
            asked["seconds"] = seconds
        plan, longest = self.plan, asked.get("seconds", SECONDS_RANGE[1])
        if isinstance(self.melody, str | os.PathLike):
            plan = self._with_tune(self.melody, longest)
            for name in ("melody", "bpm", "key"):  # the tune has been fitted to them
                asked.pop(name, None)
        elif self.parts is not None and self.parts != COMPOSED:
            plan = self._with_parts(longest)
            if isinstance(self.parts, str | os.PathLike):
                for name in ("bpm", "key"):  # all of it has been fitted to them
                    asked.pop(name, None)
        if plan is None:
            return asked
        if plan.duration is not None and seconds is not None:
            if seconds > plan.duration:
                raise RequestError(f"seconds: expected at most the plan's {plan.duration:g}, got {seconds:g}")
            plan = plan.crop(0.0, seconds)
        held = {name: value for name, value in plan.given().items() if name != "notes"}
        if "duration" in held:
            held["seconds"] = held.pop("duration")
        if {"bpm", "meter"} & set(asked):
            held.pop("beats", None)
        return held | asked

    def _with_tune(self, path: str | os.PathLike[str], seconds: float) -> MusicPlan:
        """Return the plan of a MIDI file at the tempo and in the key asked for, what `plan` holds before it."""
        from mustango_app.exchange.midi_read import read_melody  # MIDI is not needed without a tune
        from mustango_app.exchange.tune import fit_tune

        given = {} if self.plan is None else self.plan.given()
        tune = fit_tune(read_melody(path), *self._tempo_and_key(given), seconds)
        return tune.with_(**{name: value for name, value in given.items() if name != "melody"})

    def _tempo_and_key(self, given: Mapping[str, Any]) -> tuple[float | None, str | None]:
        """The tempo and key that music from a file is moved to, where they are asked for."""
        return field_value("bpm", self.bpm or given.get("bpm")), field_value("key", self.key or given.get("key"))

    def _with_parts(self, seconds: float) -> MusicPlan:
        """Return what `plan` holds, and of `parts` what it leaves open; keep the notes as `played`."""
        given = {} if self.plan is None else self.plan.given()
        if isinstance(self.parts, str | os.PathLike):
            from mustango_app.exchange.parts_midi import read_parts  # MIDI is not needed without parts
            from mustango_app.exchange.tune import fit_parts, fit_tune

            whole, notes = read_parts(self.parts)
            wanted = (*self._tempo_and_key(given), seconds)
            found, notes = fit_tune(whole, *wanted).given(), fit_parts(notes, whole, *wanted)
        else:
            notes = begun_within(checked_parts(self.parts), 0.0, seconds)
            found = {"instruments": tuple(dict.fromkeys(note.instrument for note in notes))}
            if self.seconds is None and self.bars is None:
                last = float(math.ceil(max(note.end for note in notes)))
                found["duration"] = min(max(last, SECONDS_RANGE[0]), SECONDS_RANGE[1])
        object.__setattr__(self, "played", notes)
        return MusicPlan(**found | given)
