"""MusicBench's eleven versions of a clip: pitch, tempo and volume, audio and labels changed in one call.

Pure functions `(audio, sample_rate, record, transform) -> (audio, record)`. Audio is float32 `(channels, samples)` in
[-1, 1], a row has MusicBench's fields (`augmentation.dataset.records`); inputs are never touched. The row says in
`augmentation` what was done, and only a row without that field is taken: changes must not compound.

After a change of pitch or tempo the sentences of the row are redrawn from the new labels by
`augmentation.dataset.sentences.state_row`; the ones that became false are already empty here.

Source: Melechovsky et al., "Mustango" (NAACL 2024), augmentation module. The stretching is Signalsmith Stretch's:
clicks stay within 2 ms of where the labels put them, where a plain phase vocoder is up to 20 ms off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import pyloudnorm
import soxr
from python_stretch.Signalsmith import Stretch

from augmentation.captions.control import volume_sentence
from augmentation.dataset.labels import Record
from munet.errors import expect

SEMITONES = (-3, -2, -1, 1, 2, 3)
TEMPO_VERSIONS = 4
FACTOR_RANGE = (1.05, 1.25)  # speeding up; slowing down is the inverse
LOW_RANGE = (0.1, 0.4)  # gain at the soft end of a change of volume
BLOCK, OVERLAP = 0.25, 4  # seconds; the library's 0.12 blurs thirds below middle C, and longer ones blur attacks
PEAK = 0.891  # one decibel below full scale
RATES = (8000, 192000)  # Hz


@dataclass(frozen=True)
class Pitch:
    """Transposition by whole semitones, from an octave down to an octave up."""

    semitones: int
    kind: ClassVar[str] = "pitch"

    def __post_init__(self) -> None:
        whole = isinstance(self.semitones, int) and not isinstance(self.semitones, bool)
        expect("semitones", whole and abs(self.semitones) <= 12, "a whole number from -12 to 12", self.semitones)

    @property
    def suffix(self) -> str:
        return f"p{self.semitones:+d}"


@dataclass(frozen=True)
class Tempo:
    """Playing `factor` times as fast, from half to twice; the pitch stays."""

    factor: float
    kind: ClassVar[str] = "tempo"

    def __post_init__(self) -> None:
        expect("factor", 0.5 <= self.factor <= 2, "a number from 0.5 to 2", self.factor)

    @property
    def suffix(self) -> str:
        return f"t{float(self.factor)}"


@dataclass(frozen=True)
class Volume:
    """Crescendo (`rising`) or decrescendo between two seconds, steady before and after, exponential between.

    Args:
        rising: Whether the clip gets louder.
        low: Gain at the soft end, above 0 and below 1; the loud end is left as it is.
        start: Second where the change begins.
        end: Second where it is done.
    """

    rising: bool
    low: float
    start: float
    end: float
    kind: ClassVar[str] = "volume"

    def __post_init__(self) -> None:
        expect("low", 0 < self.low < 1, "a gain above 0 and below 1", self.low)
        expect("end", 0 <= self.start < self.end, "a second after a start of at least 0", (self.start, self.end))

    @property
    def suffix(self) -> str:
        return f"v{'+' if self.rising else '-'}{float(self.low)}_{float(self.start)}-{float(self.end)}"


Transform = Pitch | Tempo | Volume


# --- audio ------------------------------------------------------------------------------------------------------------


def _checked(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    low, high = RATES
    expect("sample_rate", low <= sample_rate <= high, f"Hz from {low} to {high}", sample_rate)
    shaped = isinstance(audio, np.ndarray) and audio.ndim == 2 and audio.shape[0] >= 1 and audio.shape[1] >= 1
    expect("audio", shaped and audio.dtype == np.float32, "float32 (channels, samples)", _shape(audio))
    expect("audio", bool(np.isfinite(audio).all()), "finite samples", "NaN or infinity")
    return audio


def _shape(audio: object) -> object:
    return (audio.dtype, audio.shape) if isinstance(audio, np.ndarray) else type(audio)


def loudness(audio: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770); minus infinity for silence and for less than 0.4 s."""
    meter = pyloudnorm.Meter(sample_rate)
    if audio.shape[1] < meter.block_size * sample_rate:
        return -math.inf
    return float(meter.integrated_loudness(audio.T))


def as_loud_as(audio: np.ndarray, sample_rate: int, wanted: float) -> np.ndarray:
    """Audio at a loudness in LUFS; as it is where it has none. Peaks may exceed full scale, see `with_headroom`."""
    found = loudness(audio, sample_rate)
    if not (math.isfinite(found) and math.isfinite(wanted)):
        return audio
    return audio * np.float32(10 ** ((wanted - found) / 20))


def with_headroom(versions: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Turn all versions of a clip down by the same gain, if one of them would come nearer to full scale than `PEAK`.

    A stretched sound adds its partials up to other peaks than before. Turning down one version alone would make its
    level a clue to what was done. One version at a time, so that they are not all in memory twice.
    """
    peak = max((float(np.abs(audio).max()) for audio in versions), default=0.0)
    for audio in versions:
        yield audio if peak <= PEAK else audio * np.float32(PEAK / peak)


def change_tempo(audio: np.ndarray, sample_rate: int, factor: float) -> np.ndarray:
    """Play audio `factor` times as fast at the same pitch.

    Args:
        audio: float32 `(channels, samples)`.
        sample_rate: Hz.
        factor: 0.5 to 2; beyond, the library's phases are random.

    Both ends are stretched with their mirror image around them, as the library fades in and out.

    Returns:
        `(channels, samples / factor)`, rounded to a whole number of samples; a new array. Peaks may exceed full scale.
    """
    expect("factor", 0.5 <= factor <= 2, "a number from 0.5 to 2", factor)
    if factor == 1:
        return _checked(audio, sample_rate).copy()
    stretch, block = Stretch(), round(BLOCK * sample_rate)
    stretch.configure(_checked(audio, sample_rate).shape[0], block, block // OVERLAP)
    stretch.timeFactor = factor
    samples = audio.shape[1]
    edge = min(block, samples - 1)
    stretched = stretch.process(np.pad(audio, ((0, 0), (edge, edge)), mode="reflect"))
    first, length = round(edge / factor), round(samples / factor)
    return np.ascontiguousarray(stretched[:, first : first + length])


def change_pitch(audio: np.ndarray, sample_rate: int, semitones: float) -> np.ndarray:
    """Transpose audio at the same tempo: stretched in time, then resampled to the length it had.

    The library's own transposition is up to 10 cents off; this way it is less than 1.

    Args:
        audio: float32 `(channels, samples)`.
        sample_rate: Hz.
        semitones: -12 to 12.

    Returns:
        `(channels, samples)`, a new array. Peaks may exceed full scale.
    """
    if semitones == 0:
        return _checked(audio, sample_rate).copy()
    stretched = change_tempo(audio, sample_rate, 2 ** (-semitones / 12))
    resampled = soxr.resample(stretched.T, stretched.shape[1], audio.shape[1]).T
    return np.ascontiguousarray(resampled)


def volume_envelope(samples: int, sample_rate: int, change: Volume) -> np.ndarray:
    """Gains of a change of volume, float64 `(samples,)`; the ramp reaches both of its ends."""
    first = min(samples, math.floor(change.start * sample_rate + 1e-6))
    last = min(samples, math.ceil(change.end * sample_rate - 1e-6))
    before, after = (change.low, 1.0) if change.rising else (1.0, change.low)
    ramp = np.geomspace(before, after, last - first)
    return np.concatenate([np.full(first, before), ramp, np.full(samples - last, after)])


# --- audio and row ----------------------------------------------------------------------------------------------------


def apply(audio: np.ndarray, sample_rate: int, record: Record, transform: Transform) -> tuple[np.ndarray, Record]:
    """Change a clip and its labels.

    Args:
        audio: float32 `(channels, samples)`.
        sample_rate: Hz.
        record: Row of the clip. Labels of a tempo change follow the true ratio of the sample counts.
        transform: What to do. `Pitch(0)` and `Tempo(1)` give equal audio and an equal row.

    Returns:
        New audio and a new row. `augmentation` holds the transform's kind and parameters; a change of volume puts
        its sentence in `prompt_aug`.

    Raises:
        ValueError: If the audio or a label is malformed, the row is augmented already, the tempo leaves the range
            of a `MusicPlan`, or a change of volume does not lie within the clip.
    """
    done = record.fields.get("augmentation")
    expect("row", not done, "one that is not augmented yet", done)
    _checked(audio, sample_rate)
    note = {"kind": transform.kind, **asdict(transform)}
    if isinstance(transform, Volume):
        samples = audio.shape[1]
        expect("end", transform.end * sample_rate < samples + 1, f"within {samples / sample_rate} s", transform.end)
        gains = volume_envelope(samples, sample_rate, transform).astype(np.float32)
        sentence = volume_sentence(transform.rising, transform.start, transform.end, form=0)
        return audio * gains, record.with_fields(augmentation=note, prompt_aug=sentence)
    if transform in (Pitch(0), Tempo(1)):
        return audio.copy(), record
    if isinstance(transform, Pitch):
        changed = change_pitch(audio, sample_rate, transform.semitones)
        return changed, record.transpose(transform.semitones).with_fields(augmentation=note)
    changed = change_tempo(audio, sample_rate, transform.factor)
    return changed, record.stretch(audio.shape[1] / changed.shape[1]).with_fields(augmentation=note)


def crop(audio: np.ndarray, sample_rate: int, record: Record, seconds: float) -> tuple[np.ndarray, Record]:
    """The first `seconds` of a clip and its labels (MusicBench keeps 10 s of what was slowed down)."""
    samples = round(seconds * sample_rate)
    if samples >= _checked(audio, sample_rate).shape[1]:
        return audio.copy(), record
    return audio[:, :samples].copy(), record.crop(samples / sample_rate)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def draw_tempi(rng: np.random.Generator, count: int, factors: tuple[float, float] = FACTOR_RANGE) -> tuple[Tempo, ...]:
    """Tempi of the versions of a clip: half of them faster, half slower, each half spread over the range of factors.

    Faster ones have a factor from the range, one from each of as many equal parts of it as there are faster versions;
    slower ones the inverse of such. Four decimals; an odd one is either, by chance.
    """
    low, high = factors
    faster = count // 2 + (int(rng.integers(2)) if count % 2 else 0)
    tempi = []
    for number, way in ((faster, 1), (count - faster, -1)):
        for part in range(number):
            factor = low + (high - low) * (part + rng.random()) / number
            tempi.append(Tempo(round(float(factor**way), 4)))
    return tuple(tempi)


def draw_volume(rng: np.random.Generator, duration: float, lows: tuple[float, float] = LOW_RANGE) -> Volume:
    """A crescendo or decrescendo from the start of the clip to a point, or from the point to its end (seconds).

    The point follows the raised cosine distribution over the clip: most often in the middle, never at the ends.
    """
    while True:  # rejection sampling; half of the points are kept
        point = round(float(rng.uniform(0, duration)), 2)
        if rng.uniform(0, 2) < 1 - math.cos(2 * math.pi * point / duration) and 0 < point < duration:
            break
    low = round(float(rng.uniform(*lows)), 3)
    start, end = (0.0, point) if rng.random() < 0.5 else (point, duration)
    return Volume(bool(rng.random() < 0.5), low, start, end)


def version_name(name: str, transform: Transform) -> str:
    """Name of a version's file without its ending: "ID_p+2", "ID_t1.125", "ID_v+0.2_0.0-4.57".

    Distinct parameters give distinct names, of characters that every file system takes.
    """
    return f"{name}_{transform.suffix}"
