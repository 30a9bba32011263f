"""Hear a recording: beats, tempo, metre, key, chords and who plays, from any sample rate and number of channels.

`listen` brings the sound to the form all extractors were measured with (44.1 kHz, mono, peak 0.9, float32), asks each
of them once and collects the answers in a `Heard`. What an installation cannot measure is named, never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from augmentation.audio import LONGEST, MAXIMUM_CHANNELS, check_rate
from augmentation.hearing.backends import explain
from augmentation.hearing.beats import BeatTrack, track_beats
from augmentation.hearing.channels import to_mono
from augmentation.hearing.chords import recognise_chords
from augmentation.hearing.key import estimate_key
from augmentation.hearing.tuning import REFERENCE, estimate_tuning
from munet.errors import RequestError

SAMPLE_RATE = 44100  # Hz, what the networks were trained with
PEAK = 0.9
MINIMUM_SECONDS = 1.0
MINIMUM_LEVEL = -60.0  # dBFS, root mean square over the channels
SAMPLES_AT_ONCE = 2**18
PARTS = ("beats", "chords", "key")  # that a dataset has labels of
EVERYTHING = (*PARTS, "players")


@dataclass(frozen=True)
class Heard:
    """What was heard in a recording. None: not measured (see `missing`) or not found.

    Attributes:
        duration: seconds.
        bpm: beats per minute, from the line through the beats.
        meter: beats per bar.
        beats: (second, position in the bar); 1 is a downbeat, 0 means that the position is unknown.
        beat_confidence: 0 to 1; below 0.3 the tempo is often wrong.
        key: such as "C minor".
        key_confidence: share of the methods that agree with `key`; None when the key was not listened for.
        chords: (Harte label, start second, end second).
        tuning: cents above A = 440 Hz; None without pitch, or when neither chords nor key were listened for.
        missing: what could not be measured, and why.
        counted: whether the beats were counted, so that their positions in the bar and the metre mean something.
        chord_confidence: how sure the recogniser is of roots and triads, 0 to 1; below 0.5 often wrong.
        beat_phase: how surely the pulse is on the beats and not halfway between them, 0 to 1; below 0.5 it may be
            either.
        players: class of instruments -> how surely it plays, 0 to 1 (see `augmentation.hearing.judge`).
        playing: those classes that count as heard, the surest first.
        style: the likeliest one; style_confidence: its probability.
    """

    duration: float
    bpm: float | None = None
    meter: int | None = None
    beats: tuple[tuple[float, int], ...] | None = None
    beat_confidence: float | None = None
    key: str | None = None
    key_confidence: float | None = None
    chords: tuple[tuple[str, float, float], ...] | None = None
    tuning: float | None = None
    missing: tuple[str, ...] = ()
    counted: bool = True
    beat_phase: float | None = None
    chord_confidence: float | None = None
    players: Mapping[str, float] | None = None
    playing: tuple[str, ...] | None = None
    style: str | None = None
    style_confidence: float | None = None

    @property
    def concert_pitch(self) -> float | None:
        """Hz of the A that the recording is tuned to; None where `tuning` is."""
        return None if self.tuning is None else REFERENCE * 2 ** (self.tuning / 1200)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain numbers, strings and lists, ready for JSON."""
        fields = asdict(self)
        for name in ("beats", "chords"):
            if fields[name] is not None:
                fields[name] = [list(item) for item in fields[name]]
        lists = {name: None if fields[name] is None else list(fields[name]) for name in ("missing", "playing")}
        return fields | lists

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Heard:
        """Rebuild from `to_dict`."""
        restored = dict(fields)
        for name in ("beats", "chords"):
            if restored.get(name) is not None:
                restored[name] = tuple(tuple(item) for item in restored[name])
        for name in ("missing", "playing"):
            if restored.get(name) is not None:
                restored[name] = tuple(restored[name])
        return cls(**restored)


def level_of(samples: np.ndarray) -> float:
    """Root mean square of samples in dBFS, -300 for digital silence."""
    power = sum(float(np.square(some, dtype=np.float64).sum()) for some in _parts(samples)) / samples.size
    return 10 * math.log10(max(power, 1e-30))


def _parts(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Some seconds of a recording at a time: what is made of them is small beside it."""
    for first in range(0, samples.shape[-1], SAMPLES_AT_ONCE):
        yield samples[..., first : first + SAMPLES_AT_ONCE]


def is_silent(audio: np.ndarray) -> bool:
    """Whether `audio` `(channels, samples)` is too quiet for `listen`."""
    return level_of(audio) < MINIMUM_LEVEL


def front_end(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mix to mono, resample to 44.1 kHz and set the peak to 0.9.

    The networks are not level invariant: at a hundredth of full scale they lose beats and chords.

    Args:
        audio: `(channels, samples)` or `(samples,)`, floating point.
        sample_rate: Hz.

    Returns:
        `(samples,)` float32.

    Raises:
        RequestError: the audio has no such shape or type, is shorter than 1 s or longer than `LONGEST`, silent or not
            finite.
        ImportError: soxr is needed for this sample rate and is not installed.
    """
    samples = np.asarray(audio)
    _check(samples, sample_rate)
    mono = to_mono(np.atleast_2d(samples))
    if sample_rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, sample_rate, SAMPLE_RATE)
    mono *= PEAK / max(mono.max(), -mono.min())  # in place: of a whole song, each copy counts
    return mono.astype(np.float32)


def _check(samples: np.ndarray, sample_rate: float) -> None:
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        raise RequestError(
            f"audio: expected floating point (channels, samples) or (samples,), got {samples.dtype} {samples.shape}"
        )
    if samples.ndim == 2 and not 1 <= samples.shape[0] <= MAXIMUM_CHANNELS:
        raise RequestError(
            f"audio: expected (channels, samples), 1 to {MAXIMUM_CHANNELS} channels, got {samples.shape}"
        )
    check_rate(sample_rate)
    seconds = samples.shape[-1] / sample_rate
    if seconds < MINIMUM_SECONDS:
        raise RequestError(f"audio: expected at least {MINIMUM_SECONDS:g} s, got {seconds:.3g} s")
    if seconds > LONGEST:
        raise RequestError(f"audio: expected at most {LONGEST:g} s, got {seconds:.0f} s: cut it")
    if not all(np.isfinite(some).all() for some in _parts(samples)):
        raise RequestError("audio: expected finite samples, got NaN or infinity")
    if is_silent(samples):
        level = level_of(samples)
        raise RequestError(
            f"audio: expected a level of at least {MINIMUM_LEVEL:g} dBFS, got {level:.0f} dBFS (silence)"
        )


def beat_fields(track: BeatTrack) -> dict[str, Any]:
    """The fields of `Heard` that a track of beats fills."""
    return {"beats": track.beats, "bpm": track.bpm, "meter": track.meter, "beat_confidence": track.confidence,
            "counted": track.counted, "beat_phase": track.phase}  # fmt: skip


def listen(
    audio: np.ndarray,
    sample_rate: int,
    parts: Collection[str] = EVERYTHING,
    span: tuple[float, float] | None = None,
) -> Heard:
    """Extract beats, tempo, metre, chords, key, players and style from a recording, or from a part of one.

    Takes about one second of a core for a clip of ten, and half a minute more on the first call in a process.

    Args:
        audio: `(channels, samples)` or `(samples,)`, floating point.
        sample_rate: Hz.
        parts: what to measure, of "beats" (tempo and metre with them), "chords", "key" and "players" (and style).
        span: the part of the audio (seconds) that is asked about, None for all of it. The beats are tracked in all of
            it: ten seconds alone often do not say on which side of a snare the beat is. Times count from its start.

    Raises:
        RequestError: unusable audio (see `front_end`), an unknown part, or a span outside of the audio.
    """
    unknown = sorted(set(parts) - set(EVERYTHING))
    if unknown:
        raise RequestError(f"parts: expected some of {EVERYTHING}, got {unknown[0]!r}")
    missing: tuple[str, ...] = ()
    surroundings: np.ndarray | None
    try:
        surroundings = front_end(audio, sample_rate)
    except ImportError as error:
        surroundings, missing = None, (f"everything: {explain(error)}",)
    whole = np.shape(audio)[-1] / sample_rate
    start, end = span or (0.0, whole)
    if not 0 <= start < end <= whole + 1e-6:
        raise RequestError(f"span: expected seconds within 0 and {whole:g}, got {span}")
    if surroundings is None:
        return Heard(duration=end - start, missing=missing)
    samples = surroundings
    if span is not None:
        samples = surroundings[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        samples = (PEAK / max(float(np.abs(samples).max()), 1e-6) * samples).astype(np.float32)
    found: dict[str, Any] = {}
    if "beats" in parts:
        track = track_beats(surroundings, span=span)
        found |= beat_fields(track)
        missing += track.missing
    if {"chords", "key"} & set(parts):
        found["tuning"] = estimate_tuning(samples)
    if "chords" in parts:
        chords = recognise_chords(samples, tuning=found["tuning"])
        found |= {"chords": chords.chords, "chord_confidence": chords.confidence}
        missing += chords.missing
    if "key" in parts:
        key = estimate_key(samples, found.get("chords") or (), tuning=found["tuning"])
        found |= {"key": key.key, "key_confidence": key.confidence}
        missing += key.missing
    if "players" in parts:
        fields, reasons = _arrangement(samples)
        found, missing = found | fields, missing + reasons
    return Heard(duration=end - start, missing=missing, **found)


def _arrangement(samples: np.ndarray) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields of `Heard` that the judge fills, and why it could not."""
    from augmentation.hearing.judge import shipped_judge  # torch and diffusers load slowly

    try:
        judge = shipped_judge()
    except FileNotFoundError as error:
        return {}, (f"players: {error}",)
    heard = judge.hear(samples, SAMPLE_RATE)
    return {
        "players": {name: round(sure, 4) for name, sure in heard.presence().items()},
        "playing": tuple(judge.heard_players(heard)),
        "style": heard.style,
        "style_confidence": round(heard.styles[heard.style], 4),
    }, ()
