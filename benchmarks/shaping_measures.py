"""What `benchmarks.shaping` computes of sound: scores of a stretch, likeness of two, jumps at a place, seams found.

Sound is float32 `(channels, samples)`, times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augmentation.hearing.judge import Arrangement, Judge, agreement
from augmentation.hearing.listen import Heard
from munet.compiled import load_librosa
from munet.music import MusicPlan
from mustango_app.evaluation.adherence import BEAT_TOLERANCE, asked_chords, beat_f_measure, chord_scores

MARGIN = 1.0  # seconds beside a section's edges that do not count where its likeness to others is heard
MIDDLE = 10.0  # seconds in the middle of a section in which players are heard, as long as the clips beside it
LOOKS = (0.023, 0.093)  # seconds before and after a place whose spectra are compared
JUMPS = ("level", "spectrum", "spectrum_long", "treble", "centroid", "width", "step")
FOLDS = 5


def part_of(audio: np.ndarray, sample_rate: int, start: float, end: float) -> np.ndarray:
    """Return `(channels, n)` from `start` to `end`."""
    return audio[:, max(0, round(start * sample_rate)) : round(end * sample_rate)]


def stretch_scores(plan: MusicPlan, heard: Heard, start: float, end: float) -> dict[str, float | None]:
    """Score beats and chords from `start` to before `end` of what was heard of a whole piece."""
    asked = [second for second in plan.beat_times() if start - 1e-6 <= second < end - 1e-6]
    near = [second for second, _ in heard.beats or () if start - BEAT_TOLERANCE <= second < end - BEAT_TOLERANCE]
    segments = [
        (label, max(first, start), min(last, end))
        for label, first, last in asked_chords(plan, heard.duration)
        if first < end and last > start
    ]
    chords = chord_scores(segments, heard.chords or (), ("root", "majmin")) if segments else {}
    return {"beat_f": beat_f_measure(asked, near), **chords}


def players_scores(
    judge: Judge, heard: Arrangement, start: float, end: float, asked: Sequence[str]
) -> dict[str, float | None]:
    """Compare who is heard in the middle from `start` to `end` with who was asked for: recall and intrusion."""
    half = min(MIDDLE, end - start) / 2
    first = round((start + end) / 2 - half)
    last = max(first + 1, round((start + end) / 2 + half))
    part = Arrangement({name: row[first:last] for name, row in heard.instruments.items()}, heard.styles)
    return agreement(judge, part, asked)


def beat_chroma(audio: np.ndarray, sample_rate: int, beats: Sequence[float]) -> np.ndarray:
    """Return the mean chroma of every beat, `(beats - 1, 12)`, each of length 1."""
    librosa = load_librosa()
    mono = librosa.resample(audio.mean(axis=0), orig_sr=sample_rate, target_sr=22050)
    chroma = librosa.feature.chroma_cqt(y=mono, sr=22050, hop_length=512, tuning=0.0)
    edges = np.clip(np.round(np.asarray(beats) * 22050 / 512).astype(int), 0, chroma.shape[1])
    rows = [chroma[:, a : max(a + 1, b)].mean(axis=1) for a, b in pairwise(edges)]
    return np.stack([row / max(float(np.linalg.norm(row)), 1e-9) for row in rows])


def chroma_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return 1 - the mean cosine of two stretches beat by beat, as far as the shorter one goes."""
    length = min(len(first), len(second))
    return float(1 - (first[:length] * second[:length]).sum(axis=1).mean())


def embedding(judge: Judge, audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return what the judge's decision on style rests on, `(numbers,)`, of length 1."""
    kept: list[np.ndarray] = []
    hook = judge.style.register_forward_pre_hook(lambda _layer, inputs: kept.append(inputs[0][0].float().numpy()))
    try:
        judge.hear(audio, sample_rate)
    finally:
        hook.remove()
    mean = np.mean(kept, axis=0)
    return mean / np.linalg.norm(mean)


def level(audio: np.ndarray) -> float:
    """Return the level in dBFS."""
    return 10 * float(np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def jump_at(audio: np.ndarray, sample_rate: int, second: float) -> dict[str, float]:
    """Return how much the sound changes at a place, by the names in `JUMPS`.

    Level (dB) and long spectrum over 93 ms on either side, short spectrum, treble above 8 kHz (dB), centroid (octaves)
    and stereo width over 23 ms; step is the largest difference of neighbouring samples at the place against the usual.
    """
    place = round(second * sample_rate)
    sides = [_sides(audio, place, round(look * sample_rate)) for look in LOOKS]
    spectra = [[_log_spectrum(side, sample_rate) for side in pair] for pair in sides]
    short = [np.exp(one) for one in spectra[0]]
    treble = [10 * np.log10(one[-8:].sum() + 1e-9) for one in short]
    centroid = [np.log2((one * np.arange(1, len(one) + 1)).sum() / one.sum()) for one in short]
    width = [level(side[0] - side[-1]) - level(side[0] + side[-1]) for side in sides[0]]
    near = np.abs(np.diff(audio[:, max(0, place - 400) : place + 400], axis=1)).max(axis=0)
    middle = len(near) // 2
    return {
        "level": abs(level(sides[1][0]) - level(sides[1][1])),
        "spectrum": float(np.abs(spectra[0][0] - spectra[0][1]).mean()),
        "spectrum_long": float(np.abs(spectra[1][0] - spectra[1][1]).mean()),
        "treble": float(abs(treble[0] - treble[1])),
        "centroid": float(abs(centroid[0] - centroid[1])),
        "width": abs(width[0] - width[1]),
        "step": float(near[middle - 2 : middle + 2].max() / (np.percentile(near, 90) + 1e-6)),
    }


def _sides(audio: np.ndarray, place: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    return audio[:, max(0, place - length) : place], audio[:, place : place + length]


def _log_spectrum(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return natural logarithms of the power in 40 bands `(40,)` of a short stretch."""
    power = np.abs(np.fft.rfft(audio.mean(axis=0) * np.hanning(audio.shape[1]), 4096)) ** 2
    bands = load_librosa().filters.mel(sr=sample_rate, n_fft=4096, n_mels=40)
    return np.log(bands @ power + 1e-6)


def loop_jumps(audio: np.ndarray, sample_rate: int, beats: Sequence[float]) -> list[dict[str, float]]:
    """Return the jumps at the beats of a loop, of which the first, at 0, is the seam."""
    length = audio.shape[1]
    turned = np.concatenate([audio[:, length // 2 :], audio, audio[:, : length // 2]], axis=1)
    ahead = (length - length // 2) / sample_rate
    return [jump_at(turned, sample_rate, ahead + beat) for beat in beats]


def phase_step(plan: MusicPlan, heard: Heard, second: float, bars: float = 2.0) -> float | None:
    """Return by how many seconds the beats heard after a place lie differently from those before it.

    Against the plan's beats, the median over `bars` on either side; None where too few are heard.
    """
    span = bars * (plan.meter or 4) * 60 / (plan.bpm or 120)
    times = np.array([time for time, _ in heard.beats or ()])
    offsets: list[list[float]] = [[], []]
    for beat in plan.beat_times():
        if abs(beat - second) > span or not len(times):
            continue
        off = float(times[np.abs(times - beat).argmin()] - beat)
        if abs(off) <= BEAT_TOLERANCE:
            offsets[beat >= second - 1e-6].append(off)
    if min(len(side) for side in offsets) < 2:
        return None
    return float(np.median(offsets[1]) - np.median(offsets[0]))


def seams_found(seams: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> float | None:
    """Return how often a classifier tells seams from other places, 0.5 is chance; None for too few.

    Logistic regression on the jumps, tested on pairs that it was not trained on; pair i is seam i and place i.
    """
    if min(len(seams), len(others)) < FOLDS or len(seams) != len(others):
        return None
    features = np.array([[row[name] for name in JUMPS] for row in (*seams, *others)])
    labels = np.repeat([1, 0], len(seams))
    groups = np.tile(np.arange(len(seams)), 2)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    found = cross_val_predict(model, features, labels, groups=groups, cv=GroupKFold(FOLDS))
    return float((found == labels).mean())
