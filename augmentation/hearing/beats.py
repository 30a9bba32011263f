"""Beats, downbeats, tempo and metre of a short recording.

Input everywhere: mono float32 `(samples,)` at 44.1 kHz, peak near 0.9 (see `listen.front_end`). Times are seconds.
Default: madmom's downbeat network (Böck, Krebs, Widmer, ISMIR 2016), its beat activation averaged with that of
madmom's beat network, decoded by a dynamic Bayesian network for 2, 3 and 4 beats a bar. Eighth notes taken for beats
are found out and decoded again (see `pulse`), and a recording has one phase (see `phase`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from augmentation.hearing.backends import first_available
from augmentation.hearing.madmom.compat import load_madmom, signal
from augmentation.hearing.madmom.recurrent import run_together
from augmentation.hearing.phase import in_one_phase
from augmentation.hearing.pulse import HOLLOW, alternation
from munet.compiled import load_librosa

SAMPLE_RATE = 44100  # Hz
FRAMES_PER_SECOND = 100
BAR_LENGTHS = (2, 3, 4)  # beats
TRANSITION_LAMBDA = 300  # higher than madmom's 100: clips of ten seconds keep their tempo
MINIMUM_BEATS_FOR_TEMPO = 4
CONFIDENCE_REACH = 3  # frames on either side of a beat
# BPM. A pulse from twice the lowest to twice the highest may be one of eighth notes (see `pulse`).
SLOW_RANGE = (50.0, 105.0)
SAME_TEMPO = 0.04  # how far the slower beats may be from exactly half
PIECE, MARGIN = 30, 5  # seconds that the networks hear at once, and that they hear twice on either side

Span = tuple[float, float]  # seconds


@dataclass(frozen=True)
class BeatTrack:
    """Beats found in a recording.

    Attributes:
        beats: (second, position in the bar); 1 is a downbeat, 0 means that the position is unknown. None when not
            measured, empty when there are none.
        bpm: beats per minute, None with fewer than four beats.
        meter: beats per bar, None where downbeats are unknown.
        confidence: mean activation at the beats, 0 to 1; below 0.3 the tempo is often wrong. None without networks.
        missing: what could not be measured, and why.
        counted: whether the beats were counted, so that their positions in the bar and the metre mean something.
        phase: how surely the pulse is on the beats and not halfway between them, 0 to 1: one minus the activation
            there over that at the beats; of a recording that contradicts itself, see `phase`. None without networks.
    """

    beats: tuple[tuple[float, int], ...] | None
    bpm: float | None
    meter: int | None
    confidence: float | None
    missing: tuple[str, ...] = ()
    counted: bool = True
    phase: float | None = None

    def within(self, start: float, end: float) -> BeatTrack:
        """Return the track of the part from `start` to `end` (seconds), its times counted from `start`."""
        beats = tuple((time - start, at) for time, at in self.beats or () if start <= time < end)
        return replace(self, beats=beats, bpm=tempo(np.array([time for time, _ in beats])))


def tempo(times: np.ndarray) -> float | None:
    """Beats per minute from the slope of the line through beat times `(beats,)` in seconds; None below four beats."""
    if len(times) < MINIMUM_BEATS_FOR_TEMPO:
        return None
    slope = float(np.polyfit(np.arange(len(times)), times, 1)[0])
    return 60.0 / slope if slope > 0 else None


def average_activations(downbeat_net: np.ndarray, beat_net: np.ndarray) -> np.ndarray:
    """Average the beat activation of two networks; the downbeat activation stays as it is.

    Of four ways to share the average between the columns, this one misread four beats a bar as two least often.

    Args:
        downbeat_net: `(frames, 2)`, probabilities of an ordinary beat and of a downbeat.
        beat_net: `(frames,)`, probability of a beat of either kind.

    Returns:
        `(frames, 2)`, no row above 1 in sum.
    """
    frames = min(len(downbeat_net), len(beat_net))
    beat, downbeat = downbeat_net[:frames].astype(np.float64).T
    return np.column_stack([np.minimum((beat + beat_net[:frames]) / 2, 1 - downbeat), downbeat])


def beat_confidence(activations: np.ndarray, times: np.ndarray) -> float:
    """Mean over the beats of the highest beat-or-downbeat activation within three frames; 0 without beats.

    Args:
        activations: `(frames, 2)` of the downbeat network, 100 frames a second.
        times: `(beats,)` seconds.
    """
    if len(times) == 0 or len(activations) == 0:
        return 0.0
    either = activations.sum(axis=1)
    frames = np.clip(np.round(times * FRAMES_PER_SECOND).astype(int), 0, len(either) - 1)
    return float(np.mean([either[max(0, f - CONFIDENCE_REACH) : f + CONFIDENCE_REACH + 1].max() for f in frames]))


def phase_certainty(activations: np.ndarray, times: np.ndarray) -> float:
    """One minus the share that the activation halfway between the beats has of that at the beats, from 0.

    A snare on every off-beat, a syncopated riff or a tempo taken twice too slow make it small: a listener has two
    pulses to choose from.

    Args:
        activations: `(frames, 2)` of the downbeat network, 100 frames a second.
        times: `(beats,)` seconds.
    """
    on = beat_confidence(activations, times)
    return max(0.0, 1 - beat_confidence(activations, (times[1:] + times[:-1]) / 2) / on) if on else 0.0


@functools.cache
def _madmom_processors() -> tuple[Callable[[Any], list[np.ndarray]], Any]:
    """Build madmom's downbeat and beat networks, joined, and its bar decoder once per process."""
    load_madmom()
    from madmom.features.beats import RNNBeatProcessor
    from madmom.features.downbeats import DBNDownBeatTrackingProcessor, RNNDownBeatProcessor

    decoder = DBNDownBeatTrackingProcessor(
        beats_per_bar=list(BAR_LENGTHS), transition_lambda=TRANSITION_LAMBDA, fps=FRAMES_PER_SECOND
    )
    return run_together(RNNDownBeatProcessor(), RNNBeatProcessor(fps=FRAMES_PER_SECOND)), decoder


@functools.cache
def _slow_decoder() -> Any:
    """Build a bar decoder for slow tempi only, once per process."""
    from madmom.features.downbeats import DBNDownBeatTrackingProcessor

    low, high = SLOW_RANGE
    return DBNDownBeatTrackingProcessor(
        beats_per_bar=list(BAR_LENGTHS),
        min_bpm=low,
        max_bpm=high,
        transition_lambda=TRANSITION_LAMBDA,
        fps=FRAMES_PER_SECOND,
    )


def _decode(samples: np.ndarray, activations: np.ndarray) -> np.ndarray:
    """Beats and positions `(beats, 2)` of `(frames, 2)` activations, at half the tempo if only hats fall between."""
    with np.errstate(divide="ignore"):  # the decoders take the logarithm of what is certain, and mean it
        found = _madmom_processors()[1](activations)
        bpm = tempo(found[:, 0])
        if bpm is None or not 2 * SLOW_RANGE[0] <= bpm <= 2 * SLOW_RANGE[1] or found[:, 1].max() % 2:
            return found
        if alternation(samples, activations.sum(axis=1), found[:, 0]) >= HOLLOW:
            return found
        slower = _slow_decoder()(activations)
    half = tempo(slower[:, 0])
    return slower if half is not None and abs(2 * half / bpm - 1) < SAME_TEMPO else found


def _activations(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Activations of both networks, `(frames, 2)` and `(frames,)`; a long recording in overlapping pieces."""
    network, piece, margin = _madmom_processors()[0], PIECE * SAMPLE_RATE, MARGIN * SAMPLE_RATE
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, max(1, len(samples) - margin), piece):
        first = max(0, start - margin)
        last = len(samples) if start + piece + margin >= len(samples) else start + piece + margin
        downbeat_net, beat_net = network(signal(samples[first:last]))
        keep = slice(
            (start - first) * FRAMES_PER_SECOND // SAMPLE_RATE,
            None if last == len(samples) else (start - first + piece) * FRAMES_PER_SECOND // SAMPLE_RATE,
        )
        found.append((downbeat_net[keep], beat_net[keep]))
        if last == len(samples):
            break
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])


@dataclass(frozen=True)
class Pulse:
    """The beats of a whole recording, from which those of any part of it are taken.

    Attributes:
        beats: (second, position in the bar) `(beats, 2)`.
        activations: of the downbeat network, `(frames, 2)`.
        certainty: of the phase of all of them, 0 to 1; None where each part has its own.
    """

    beats: np.ndarray
    activations: np.ndarray
    certainty: float | None = None

    def track(self, span: Span | None = None) -> BeatTrack:
        """Return the beats of a part (seconds), counted from its start; None for all of the recording."""
        times, positions = self.beats[:, 0], self.beats[:, 1].astype(int)
        track = BeatTrack(
            beats=tuple((float(time), int(position)) for time, position in zip(times, positions, strict=True)),
            bpm=tempo(times),
            meter=int(positions.max()) if len(positions) else None,
            confidence=None,
        )
        if span is not None:
            track, times = track.within(*span), times[(times >= span[0]) & (times < span[1])]
        phase = phase_certainty(self.activations, times) if self.certainty is None else self.certainty
        return replace(track, confidence=beat_confidence(self.activations, times), phase=phase)


def find_pulse(samples: np.ndarray) -> Pulse:
    """Beats of a recording `(samples,)` by madmom.

    Raises:
        ImportError: madmom is not installed.
    """
    activations, beat_net = _activations(samples)
    averaged = average_activations(activations, beat_net)
    beats, certainty = in_one_phase(_decode(samples, averaged), averaged)
    return Pulse(beats, activations, certainty)


def track_with_madmom(samples: np.ndarray, span: Span | None = None) -> BeatTrack:
    """Track beats and downbeats with madmom.

    Args:
        samples: mono `(samples,)`.
        span: part of them (seconds) that is asked about; what stands around it decides the pulse with it.

    Raises:
        ImportError: madmom is not installed.
    """
    return find_pulse(samples).track(span)


def track_with_librosa(samples: np.ndarray, span: Span | None = None) -> BeatTrack:
    """Track beats by dynamic programming (Ellis 2007, librosa); downbeats and metre stay unknown.

    Raises:
        ImportError: librosa is not installed.
    """
    librosa = load_librosa("beat")
    _, times = librosa.beat.beat_track(y=samples, sr=SAMPLE_RATE, units="time")
    track = BeatTrack(
        beats=tuple((float(time), 0) for time in times),
        bpm=tempo(times),
        meter=None,
        confidence=None,
        missing=("downbeats and metre: librosa finds beats only",),
        counted=False,
    )
    return track if span is None else track.within(*span)


BACK_ENDS: Mapping[str, Callable[[np.ndarray, Span | None], BeatTrack]] = MappingProxyType(
    {"madmom": track_with_madmom, "librosa": track_with_librosa}
)


def track_beats(
    samples: np.ndarray,
    back_ends: Mapping[str, Callable[[np.ndarray, Span | None], BeatTrack]] = BACK_ENDS,
    span: Span | None = None,
) -> BeatTrack:
    """Track the beats with the first back end that is installed; `missing` names those that are not.

    Args:
        samples: mono `(samples,)` float32 at 44.1 kHz.
        back_ends: functions by name, best first.
        span: part of the samples (seconds) that is asked about, None for all of it. Times count from its start.
    """
    track, missing = first_available("beats", back_ends, samples, span)
    if track is None:
        return BeatTrack(beats=None, bpm=None, meter=None, confidence=None, missing=missing, counted=False)
    return replace(track, missing=missing + track.missing)
