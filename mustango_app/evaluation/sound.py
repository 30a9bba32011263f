"""What can be said of the sound of one clip by counting: level, clipping, silence, offset, bandwidth, stereo.

Adherence says whether a clip keeps to its plan; these figures say whether it is fit to be heard: not clipped, not
empty, not in phase opposition, as bright as its sample rate promises. No figure needs a second clip or a trained model.

Conventions: audio is float `(channels, samples)`, one or two channels, at any sample rate (Hz). Levels are in dB
relative to full scale (amplitude 1, so that a full-scale sine has an RMS level of -3.01 dBFS) and end at `FLOOR_DB`,
which stands for digital silence. Shares lie between 0 and 1. The functions for one figure expect checked, finite
float64 audio; `sound_facts` checks, and counts the samples that are not finite.
"""

from __future__ import annotations

import numpy as np
import scipy.signal

from augmentation.audio import resample
from munet.errors import RequestError

FLOOR_DB = -120.0
# The largest positive value of 16 bits: what a limiter or a converter leaves of everything beyond.
CLIP_LEVEL = 32767 / 32768
SILENCE_DB = -60.0
SILENCE_FRAME = 0.05  # seconds
SPECTRUM_FRAME = 0.1  # seconds, so that the bins of the spectrum lie 10 Hz apart
BAND_BINS = 10  # bins per band in which the highest frequency is looked for, 100 Hz
ENERGY_SHARE = 0.99
# Rounding to 16 bits leaves noise of the power step^2 / 12, spread evenly over all frequencies (Widrow and Kollar,
# Quantization Noise, 2008); with triangular dither three times that.
ROUNDING_POWER = (2 / 65536) ** 2 / 12
ABOVE_ROUNDING_DB = 10.0
BELOW_STRONGEST_DB = 90.0
LOWEST_RATE = 1000


def check_audio(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return `audio` as float64.

    Raises:
        RequestError: if the shape is not `(1 or 2, at least one sample)`, the samples are not floats or the rate is
            below 1000 Hz.
    """
    audio = np.asarray(audio)
    if audio.ndim != 2 or audio.shape[0] not in (1, 2) or audio.shape[1] == 0:
        raise RequestError(f"audio: expected shape (1 or 2 channels, samples), got {audio.shape}")
    if not np.issubdtype(audio.dtype, np.floating):
        raise RequestError(f"audio: expected floating point samples, got {audio.dtype}")
    if sample_rate < LOWEST_RATE:
        raise RequestError(f"sample_rate: expected at least {LOWEST_RATE} Hz, got {sample_rate}")
    return audio.astype(np.float64)


def mono_at(audio: np.ndarray, sample_rate: int, target_rate: int) -> np.ndarray:
    """Mean of the channels of `audio` at `target_rate` (Hz), float32 `(samples,)`: what the embeddings listen to.

    Raises:
        RequestError: as `check_audio`, and if a sample is not finite.
    """
    audio = check_audio(audio, sample_rate)
    if not np.isfinite(audio).all():
        raise RequestError(f"audio: expected finite samples, got {np.count_nonzero(~np.isfinite(audio))} that are not")
    return resample(audio.mean(axis=0, keepdims=True).astype(np.float32), sample_rate, target_rate)[0]


def decibels(power: float) -> float:
    """Return `power` (mean square, full scale 1) in dBFS, never below `FLOOR_DB`."""
    return FLOOR_DB if power <= 0 else max(FLOOR_DB, 10 * float(np.log10(power)))


def levels(audio: np.ndarray) -> dict[str, float]:
    """RMS level over all channels and samples, peak level (both dBFS) and their difference, the crest factor (dB)."""
    rms = decibels(float(np.mean(np.square(audio))))
    peak = decibels(float(np.abs(audio).max()) ** 2)
    return {"rms_dbfs": rms, "peak_dbfs": peak, "crest_db": peak - rms}


def clipping(audio: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Share of the samples at or beyond full scale (`CLIP_LEVEL`), and their longest run in one channel (seconds).

    A clip that is merely normalised to full scale touches it with single samples; what is clipped stays there.
    """
    clipped = np.abs(audio) >= CLIP_LEVEL
    # A run begins where the padded row steps up and ends where it steps down; rows cannot run into each other.
    steps = np.diff(np.pad(clipped, ((0, 0), (1, 1))).astype(np.int8), axis=1).ravel()
    runs = np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)
    return {"clipped_share": float(clipped.mean()), "longest_clip": float(runs.max(initial=0)) / sample_rate}


def silent_share(audio: np.ndarray, sample_rate: int) -> float:
    """Share of the time in frames of 50 ms whose RMS level over all channels is below -60 dBFS."""
    samples = audio.shape[1]
    starts = np.arange(0, samples, round(SILENCE_FRAME * sample_rate))
    lengths = np.diff(starts, append=samples)  # the last frame may be shorter
    power = np.add.reduceat(np.square(audio).mean(axis=0), starts) / lengths
    return float(lengths[power < 10 ** (SILENCE_DB / 10)].sum() / samples)


def dc_offset(audio: np.ndarray) -> float:
    """Largest absolute mean of a channel, full scale 1."""
    return float(np.abs(audio.mean(axis=1)).max())


def power_spectrum(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Average power density of the clip without its offset, summed over the channels (Welch, IEEE TAE 1967).

    Hann windows of 0.1 s overlap by half; the end is filled up with zeros.

    Returns:
        Frequencies (Hz) and density (full scale squared per Hz, one-sided), both `(bins,)`.
    """
    frame = round(SPECTRUM_FRAME * sample_rate)
    hop = frame // 2
    audio = audio - audio.mean(axis=1, keepdims=True)
    fill = max(frame - audio.shape[1], -(audio.shape[1] - frame) % hop)
    padded = np.pad(audio, ((0, 0), (0, fill)))
    frequencies, density = scipy.signal.welch(padded, sample_rate, nperseg=frame, noverlap=frame - hop, detrend=False)
    return frequencies, density.sum(axis=0)


def bandwidth(audio: np.ndarray, sample_rate: int) -> dict[str, float]:
    """How far up the sound reaches, in Hz; 0 for silence.

    `rolloff_99`: the frequency below which 99 % of the energy lies; it follows the music. `highest_frequency`: the
    upper edge of the highest band of 100 Hz that stands 10 dB above the noise of rounding to 16 bits and no more than
    90 dB below the strongest band; it follows the recording, and betrays a narrower one inside a file of a high rate.
    """
    frequencies, density = power_spectrum(audio, sample_rate)
    energy = np.cumsum(density)
    if energy[-1] <= 0:
        return {"rolloff_99": 0.0, "highest_frequency": 0.0}
    starts = np.arange(0, len(density), BAND_BINS)
    bands = np.add.reduceat(density, starts) / np.diff(starts, append=len(density))
    rounding = audio.shape[0] * ROUNDING_POWER / (sample_rate / 2)
    floor = max(rounding * 10 ** (ABOVE_ROUNDING_DB / 10), bands.max() * 10 ** (-BELOW_STRONGEST_DB / 10))
    standing = np.flatnonzero(bands >= floor)
    edges = np.append(frequencies[starts[1:]], sample_rate / 2)
    return {
        "rolloff_99": float(frequencies[np.searchsorted(energy, ENERGY_SHARE * energy[-1])]),
        "highest_frequency": float(edges[standing[-1]]) if len(standing) else 0.0,
    }


def stereo(audio: np.ndarray) -> dict[str, float | bool]:
    """How the channels differ.

    Returns:
        `mono`: one channel only. `identical_channels`: nothing distinguishes the channels (true of one channel).
        `channel_correlation`: Pearson's, 1 for identical channels, 0 where only one channel moves. `side_share`: the
        energy of the side (left - right) / 2 in that of side and middle (left + right) / 2; 0 for identical channels,
        0.5 for one channel only in use and about 0.5 for independent ones, 1 for phase opposition.
    """
    left, right = audio[0], audio[-1]
    identical = bool(np.array_equal(left, right))
    correlation = 1.0 if identical else _correlation(left, right)
    side_share = 0.0 if identical else float(np.square(left - right).sum() / (2 * np.square(audio).sum()))
    return {
        "mono": audio.shape[0] == 1,
        "identical_channels": identical,
        "channel_correlation": correlation,
        "side_share": side_share,
    }


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Pearson's correlation of two channels `(samples,)`; 0 where one does not move."""
    left, right = left - left.mean(), right - right.mean()
    scale = float(np.sqrt((left @ left) * (right @ right)))
    return 0.0 if scale == 0 else float(np.clip(left @ right / scale, -1, 1))


def sound_facts(audio: np.ndarray, sample_rate: int) -> dict[str, float | bool]:
    """All figures of this module for one clip, ready for JSON (finite numbers and booleans only).

    Args:
        audio: float `(channels, samples)`, one or two channels.
        sample_rate: Hz.

    Returns:
        `duration` (seconds), `non_finite_samples` (their number; they count as 0 in all other figures), `dc_offset`,
        `silent_share`, and what `levels`, `clipping`, `bandwidth` and `stereo` return.

    Raises:
        RequestError: if the audio has another shape or type.
    """
    audio = check_audio(audio, sample_rate)
    finite = np.isfinite(audio)
    audio = np.where(finite, audio, 0.0)
    return {
        "duration": audio.shape[1] / sample_rate,
        "non_finite_samples": int(finite.size - np.count_nonzero(finite)),
        **levels(audio),
        **clipping(audio, sample_rate),
        "silent_share": silent_share(audio, sample_rate),
        "dc_offset": dc_offset(audio),
        **bandwidth(audio, sample_rate),
        **stereo(audio),
    }
