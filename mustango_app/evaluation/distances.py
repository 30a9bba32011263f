"""How far one set of clips lies from another, and two embeddings of a clip that need no trained weights.

Distances are between arrays of embeddings `(clips, dims)`:
- `frechet_distance`, between the Gaussians that fit the sets (Heusel et al., NeurIPS 2017; Dowson and Landau 1982);
- `kernel_distance`, the squared maximum mean discrepancy with a cubic kernel (Binkowski et al., ICLR 2018).

Small sets. The Frechet distance of finite sets lies above that of their distributions (Chong and Forsyth, CVPR 2020;
for music Gui et al., ICASSP 2024). Two sets of m and n clips from one normal distribution with d independent dimensions
of variance 1 lie about (d + d (d + 1) / 4) (1 / m + 1 / n) apart instead of 0: 22 for 64 dimensions and 100 clips each.
So compare sets of equal size only, with several clips for each dimension, and read the distance beside that between two
halves of the reference. The kernel distance has no such bias. Both depend on the units of the embeddings: `standardize`
first where the dimensions are of different kinds.

The embeddings look at mono sound at 16 kHz, so that systems of different rates compare; what lies above is left to
`mustango_app.evaluation.sound`. They measure timbre and its movement (`log_mel_statistics`) and harmony and its
movement (`chroma_statistics`), not whether a listener is pleased. Chroma follows the key: compare sets made for the
same plans.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from munet.compiled import load_librosa
from munet.errors import RequestError
from mustango_app.evaluation.sound import mono_at

COMMON_RATE = 16000  # Hz
MEL_FRAME, MEL_HOP = 1024, 512  # samples, 64 and 32 ms
# Few, for the sake of the Frechet distance. On 100 composed clips 32 bands hold no more than 16 (3.3 and 3.1 separate
# dimensions by the participation ratio) but double the distance between two halves of one set (14.0 and 6.6).
MEL_BANDS = 16
# Below the edge of the resampler's filter, so that a native 16 kHz recording has no advantage.
MEL_HIGHEST = 7000.0  # Hz
MEL_RANGE_DB = 80.0
CHROMA_FRAME, CHROMA_HOP = 4096, 1600  # samples, 256 and 100 ms: a semitone apart from 130 Hz upwards
CUBIC = 3


class KernelDistance(NamedTuple):
    """Squared maximum mean discrepancy and its standard error; the former may fall below 0 where the sets agree."""

    distance: float
    standard_error: float


def _check_sets(first: np.ndarray, second: np.ndarray, fewest: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets as float64.

    Raises:
        RequestError: naming the set that is not finite `(clips, dims)` with `fewest` clips and the other's dims.
    """
    sets = {"first": np.asarray(first, dtype=np.float64), "second": np.asarray(second, dtype=np.float64)}
    for name, values in sets.items():
        if values.ndim != 2 or len(values) < fewest or values.shape[1] == 0:
            raise RequestError(f"{name}: expected shape (at least {fewest} clips, dims), got {values.shape}")
        if not np.isfinite(values).all():
            raise RequestError(f"{name}: expected finite embeddings, got some that are not")
    first, second = sets.values()
    if first.shape[1] != second.shape[1]:
        raise RequestError(f"second: expected {first.shape[1]} dimensions as in the first, got {second.shape[1]}")
    return first, second


def standardize(reference: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale both sets `(clips, dims)` so that each dimension of `reference` has mean 0 and deviation 1.

    Raises:
        RequestError: if the sets do not fit each other or a dimension of `reference` does not vary.
    """
    reference, other = _check_sets(reference, other)
    mean, deviation = reference.mean(axis=0), reference.std(axis=0, ddof=1)
    if not deviation.all():
        raise RequestError(
            f"reference: expected every dimension to vary, got {np.flatnonzero(deviation == 0)} constant"
        )
    return (reference - mean) / deviation, (other - mean) / deviation


def _covariance_root(embeddings: np.ndarray) -> np.ndarray:
    """Return R `(min(clips, dims), dims)` with R^T R the unbiased covariance of `embeddings` `(clips, dims)`."""
    centred = embeddings - embeddings.mean(axis=0)
    return np.linalg.qr(centred / np.sqrt(len(embeddings) - 1), mode="r")


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Frechet distance |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two sets `(clips, dims)`.

    The trace of the root is the sum of the singular values of R1 R2^T, where Ci = Ri^T Ri: the same number as the trace
    of the symmetric root of C1^(1/2) C2 C1^(1/2), but no root of a singular matrix is drawn, nothing becomes complex,
    and covariances of lower rank (fewer clips than dimensions) cost no accuracy. Their bias remains: see the module.

    Raises:
        RequestError: if a set is not finite, has fewer than two clips, or their dimensions differ.
    """
    first, second = _check_sets(first, second)
    roots = _covariance_root(first), _covariance_root(second)
    shift = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    spread = sum(np.square(root).sum() for root in roots)
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    # Only rounding can bring the sum below 0.
    return max(0.0, float(shift + spread - 2 * shared))


def _cubic_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (x y / dims + 1)^3 of all pairs, `(first clips, second clips)`."""
    return (first @ second.T / first.shape[1] + 1) ** CUBIC


def _discrepancy(within_first: np.ndarray, within_second: np.ndarray, between: np.ndarray) -> float:
    """Unbiased squared MMD from the kernel matrices (Gretton et al., JMLR 2012, equation 3): no clip meets itself."""
    first, second = between.shape
    own = (within_first.sum() - np.trace(within_first)) / (first * (first - 1))
    other = (within_second.sum() - np.trace(within_second)) / (second * (second - 1))
    return float(own + other - 2 * between.mean())


def kernel_distance(first: np.ndarray, second: np.ndarray, subsets: int = 200, seed: int = 0) -> KernelDistance:
    """Unbiased squared maximum mean discrepancy of two sets `(clips, dims)` with the kernel (x y / dims + 1)^3.

    The distance uses every clip. Its standard error is the deviation of the distance between random halves of the sets,
    drawn without replacement: halves vary around the whole as much as the whole varies around the truth (the jackknife
    that deletes half; Shao and Wu, Annals of Statistics 1989). Where the sets agree it errs on the large side.

    Args:
        first: embeddings `(clips, dims)`.
        second: the same; the numbers of clips may differ.
        subsets: pairs of halves that are drawn.
        seed: of the draws.

    Raises:
        RequestError: a set is not finite or has under four clips, their dimensions differ, or `subsets` is below 2.
    """
    first, second = _check_sets(first, second, fewest=4)
    if subsets < 2:
        raise RequestError(f"subsets: expected at least 2, got {subsets}")
    within_first, within_second = _cubic_kernel(first, first), _cubic_kernel(second, second)
    between = _cubic_kernel(first, second)
    rng = np.random.default_rng(seed)
    halves = []
    for _ in range(subsets):
        rows = rng.permutation(len(first))[: len(first) // 2]
        columns = rng.permutation(len(second))[: len(second) // 2]
        halves.append(
            _discrepancy(
                within_first[np.ix_(rows, rows)],
                within_second[np.ix_(columns, columns)],
                between[np.ix_(rows, columns)],
            )
        )
    return KernelDistance(_discrepancy(within_first, within_second, between), float(np.std(halves, ddof=1)))


def _common_mono(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean of the channels of `audio` `(channels, samples)` at 16 kHz, `(samples,)`.

    Raises:
        RequestError: as `mono_at`, and if the sound is shorter than a frame of the chroma.
    """
    mono = mono_at(audio, sample_rate, COMMON_RATE)
    if len(mono) < CHROMA_FRAME:
        shortest = CHROMA_FRAME / COMMON_RATE
        raise RequestError(f"audio: expected at least {shortest:g} seconds, got {len(mono) / COMMON_RATE:g}")
    return mono


def log_mel_statistics(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean and deviation over time of a log mel spectrogram: the colour of the sound and how much it moves.

    The spectrogram (Slaney's bands up to 7 kHz) is taken relative to the clip's own mean power, because loudness is a
    choice of mastering and has its own figure; what lies 80 dB below that counts as 80 dB below.

    Args:
        audio: float `(channels, samples)`, one or two channels, at least 0.256 s.
        sample_rate: Hz.

    Returns:
        `(32,)` in dB: 16 means, 16 deviations, low bands first.

    Raises:
        RequestError: if the audio is not finite, of another shape or type, or too short.
    """
    mono = _common_mono(audio, sample_rate)
    power = (
        load_librosa()
        .feature.melspectrogram(
            y=mono, sr=COMMON_RATE, n_fft=MEL_FRAME, hop_length=MEL_HOP, n_mels=MEL_BANDS, fmax=MEL_HIGHEST
        )
        .astype(np.float64)
    )
    mean = power.mean()
    relative = power / mean if mean > 0 else power
    decibels = 10 * np.log10(np.maximum(relative, 10 ** (-MEL_RANGE_DB / 10)))
    return np.concatenate([decibels.mean(axis=1), decibels.std(axis=1)])


def chroma_statistics(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean and deviation over time of the pitch classes, and the deviation of their change from frame to frame.

    Chroma is librosa's, from a short-time Fourier transform tuned to 440 Hz; the strongest class of a frame counts 1.

    Args:
        audio: float `(channels, samples)`, one or two channels, at least 0.256 s.
        sample_rate: Hz.

    Returns:
        `(36,)`, no unit: 12 means, 12 deviations, 12 deviations of the change in 0.1 s; C first.

    Raises:
        RequestError: if the audio is not finite, of another shape or type, or too short.
    """
    mono = _common_mono(audio, sample_rate)
    chroma_of = load_librosa().feature.chroma_stft
    chroma = chroma_of(y=mono, sr=COMMON_RATE, n_fft=CHROMA_FRAME, hop_length=CHROMA_HOP, tuning=0.0)
    return np.concatenate([chroma.mean(axis=1), chroma.std(axis=1), np.diff(chroma).std(axis=1)]).astype(np.float64)
