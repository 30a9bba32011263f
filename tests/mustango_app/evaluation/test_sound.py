"""Figures of one clip against values computed by hand on synthetic sounds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentation.audio import resample
from mustango_app.evaluation.sound import CLIP_LEVEL, FLOOR_DB, mono_at, power_spectrum, sound_facts

RATE = 16000


def sine(frequency: float, amplitude: float = 1.0, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def noise(seed: int, deviation: float = 0.1, seconds: float = 4.0, rate: int = RATE) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, deviation, round(seconds * rate))


def band_limited(highest: float, rate: int = RATE) -> np.ndarray:
    """Noise of even density up to `highest` Hz and nothing above: the Fourier transform of the whole is cut."""
    spectrum = np.fft.rfft(noise(1, rate=rate))
    spectrum[np.fft.rfftfreq(4 * rate, 1 / rate) > highest] = 0
    return np.fft.irfft(spectrum)


def test_levels_of_a_sine() -> None:
    # Half of full scale: peak 20 log10(1/2) = -6.02 dB; RMS 1/2 / sqrt(2), 3.01 dB below the peak.
    facts = sound_facts(sine(1000, 0.5)[None], RATE)
    assert facts["peak_dbfs"] == pytest.approx(-6.0206, abs=1e-3)
    assert facts["rms_dbfs"] == pytest.approx(-9.0309, abs=1e-3)
    assert facts["crest_db"] == pytest.approx(3.0103, abs=1e-3)
    assert facts["duration"] == 1.0


def test_levels_are_of_all_channels_together() -> None:
    # Mean square of a square wave of amplitude 1 beside silence is 1/2.
    facts = sound_facts(np.stack([np.ones(RATE), np.zeros(RATE)]), RATE)
    assert facts["rms_dbfs"] == pytest.approx(-3.0103, abs=1e-4)
    assert facts["peak_dbfs"] == 0.0


@settings(max_examples=20)
@given(st.floats(-60, 0))
def test_a_gain_moves_the_levels_and_nothing_else(gain: float) -> None:
    clip = np.stack([sine(500, 0.4) + sine(2100, 0.1), sine(500, 0.3)])
    before, after = sound_facts(clip, RATE), sound_facts(clip * 10 ** (gain / 20), RATE)
    assert after["rms_dbfs"] == pytest.approx(before["rms_dbfs"] + gain, abs=1e-6)
    assert after["peak_dbfs"] == pytest.approx(before["peak_dbfs"] + gain, abs=1e-6)
    for name in ("crest_db", "rolloff_99", "channel_correlation", "side_share"):
        assert after[name] == pytest.approx(before[name], abs=1e-6)


def test_clipping_counts_samples_and_runs() -> None:
    clip = np.zeros((2, 1000))
    clip[0, [3, 10, 11]] = 1.0
    clip[0, 995:] = -1.2  # five at the end of the left channel...
    clip[1, :4] = CLIP_LEVEL  # ... do not join the four at the start of the right one
    clip[1, 500] = CLIP_LEVEL - 1e-6
    facts = sound_facts(clip, 1000)
    assert facts["clipped_share"] == (3 + 5 + 4) / 2000
    assert facts["longest_clip"] == 5 / 1000


def test_a_clipped_sine_stays_at_full_scale() -> None:
    # Driven to twice full scale, a sine is beyond it from 30 to 150 degrees of every half wave: two thirds of the time;
    # a half wave of 10 Hz lasts 0.05 s.
    facts = sound_facts(np.clip(sine(10, 2.0), -1, 1)[None], RATE)
    assert facts["clipped_share"] == pytest.approx(2 / 3, abs=1e-3)
    assert facts["longest_clip"] == pytest.approx(0.05 * 2 / 3, abs=1e-4)


def test_a_sine_at_full_scale_is_not_clipped() -> None:
    facts = sound_facts(sine(997)[None], RATE)
    assert facts["clipped_share"] < 0.01
    assert facts["longest_clip"] <= 1 / RATE


def test_silent_share() -> None:
    # Frames of 0.05 s: 0.3 s of sound, 0.5 s near -80 dBFS, 0.2 s of zeros, and 10 ms of sound that fill no frame.
    parts = (sine(1000, 0.1, 0.3), sine(1000, 1e-4, 0.5), np.zeros(3200), sine(1000, 0.1, 0.01))
    facts = sound_facts(np.concatenate(parts)[None], RATE)
    assert facts["silent_share"] == pytest.approx(0.7 / 1.01)


def test_one_sounding_channel_is_not_silence() -> None:
    assert sound_facts(np.stack([np.zeros(RATE), sine(300, 0.1)]), RATE)["silent_share"] == 0.0


def test_dc_offset_is_that_of_the_worst_channel() -> None:
    facts = sound_facts(np.stack([sine(100, 0.5) + 0.01, sine(100, 0.5) - 0.03]), RATE)
    assert facts["dc_offset"] == pytest.approx(0.03, abs=1e-9)
    # An offset is no music: the 99 % are counted without it.
    assert facts["rolloff_99"] == pytest.approx(100, abs=20)


def test_power_spectrum_adds_up_to_the_power() -> None:
    frequencies, density = power_spectrum(np.stack([sine(1000, 0.5, 10), noise(2, seconds=10)]), RATE)
    step = frequencies[1]
    assert step == 10.0
    near = np.abs(frequencies - 1000) <= 20
    # Two channels: the sine's 0.125, the noise's 0.01 spread over 8 kHz.
    assert density.sum() * step == pytest.approx(0.125 + 0.01, rel=0.02)
    assert density[near].sum() * step == pytest.approx(0.125, rel=0.02)
    assert np.median(density[~near]) == pytest.approx(0.01 / 8000, rel=0.05)


@pytest.mark.parametrize(("rate", "highest"), [(16000, 5000), (44100, 5000), (44100, 16000), (48000, 20000)])
def test_bandwidth_of_band_limited_noise(rate: int, highest: int) -> None:
    facts = sound_facts(band_limited(highest, rate)[None], rate)
    assert facts["rolloff_99"] == pytest.approx(0.99 * highest, rel=0.01)
    assert facts["highest_frequency"] == pytest.approx(highest, abs=200)


def test_rounding_to_16_bits_is_no_bandwidth() -> None:
    rounded = np.round(band_limited(3000)[None] * 32767) / 32768
    assert sound_facts(rounded, RATE)["highest_frequency"] == pytest.approx(3000, abs=200)
    dither = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1, 4 * RATE)).sum(axis=0)
    dithered = np.round(band_limited(3000)[None] * 32767 + dither) / 32768
    assert sound_facts(dithered, RATE)["highest_frequency"] == pytest.approx(3000, abs=200)


def test_a_narrow_recording_in_a_wide_file_is_found_out() -> None:
    narrow = noise(3)[None].astype(np.float32)
    assert sound_facts(narrow, RATE)["highest_frequency"] == RATE / 2
    assert sound_facts(resample(narrow, RATE, 44100), 44100)["highest_frequency"] == pytest.approx(RATE / 2, abs=400)


def test_a_tone_far_below_another_still_stands() -> None:
    # 70 dB below the strongest, in a band of 100 Hz like it; 100 dB below does not count.
    assert sound_facts((sine(200, 0.5) + sine(6050, 0.5 * 10**-3.5))[None], RATE)["highest_frequency"] == 6100
    assert sound_facts((sine(200, 0.5) + sine(6050, 0.5 * 10**-5))[None], RATE)["highest_frequency"] < 1000


@pytest.mark.parametrize(
    ("right", "correlation", "side"),
    [
        *((lambda left: left, 1.0, 0.0), (lambda left: -left, -1.0, 1.0), (lambda left: 0 * left, 0.0, 0.5)),
        # Half as loud: side (1/4)^2 against middle (3/4)^2.
        (lambda left: left / 2, 1.0, 1 / 10),
        (lambda left: -left / 2, -1.0, 9 / 10),
    ],
)
def test_stereo_by_hand(right: object, correlation: float, side: float) -> None:
    left = sine(440, 0.5)
    facts = sound_facts(np.stack([left, right(left)]), RATE)
    assert facts["mono"] is False
    assert facts["identical_channels"] is (side == 0.0)
    assert facts["channel_correlation"] == pytest.approx(correlation, abs=1e-9)
    assert facts["side_share"] == pytest.approx(side, abs=1e-9)


def test_independent_channels_and_mono() -> None:
    facts = sound_facts(np.stack([noise(1), noise(2)]), RATE)
    assert facts["channel_correlation"] == pytest.approx(0, abs=0.02)
    assert facts["side_share"] == pytest.approx(0.5, abs=0.02)
    mono = sound_facts(noise(1)[None], RATE)
    assert (mono["mono"], mono["identical_channels"]) == (True, True)
    assert (mono["channel_correlation"], mono["side_share"]) == (1.0, 0.0)


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_has_figures_too(channels: int) -> None:
    facts = sound_facts(np.zeros((channels, RATE), dtype=np.float32), RATE)
    assert (facts["rms_dbfs"], facts["peak_dbfs"], facts["crest_db"]) == (FLOOR_DB, FLOOR_DB, 0.0)
    assert (facts["silent_share"], facts["rolloff_99"], facts["highest_frequency"]) == (1.0, 0.0, 0.0)
    assert facts["identical_channels"] is True


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_samples_are_counted_and_left_out(value: float) -> None:
    clip = np.stack([sine(440, 0.5), sine(440, 0.5)])
    clip[0, 100:103] = value
    facts = sound_facts(clip, RATE)
    clip[0, 100:103] = 0.0
    assert facts["non_finite_samples"] == 3
    assert facts | {"non_finite_samples": 0} == sound_facts(clip, RATE)


@given(st.integers(1, 2), st.integers(1, 3000), st.sampled_from([8000, 22050, 44100, 96000]), st.integers(0, 99))
def test_facts_are_plain_finite_values_at_any_length_and_rate(
    channels: int, samples: int, rate: int, seed: int
) -> None:
    clip = np.random.default_rng(seed).normal(0, 0.3, (channels, samples)).astype(np.float32)
    facts = sound_facts(clip, rate)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert all(type(value) in (int, float, bool) for value in facts.values())
    assert 0 <= facts["rolloff_99"] <= rate / 2
    assert facts["highest_frequency"] <= rate / 2
    for name in ("clipped_share", "silent_share", "side_share"):
        assert 0 <= facts[name] <= 1


@pytest.mark.parametrize("shape", [(100,), (0, 100), (2, 0), (3, 100), (1, 2, 100)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"audio: expected shape \(1 or 2 channels, samples\), got"):
        sound_facts(np.zeros(shape), RATE)


def test_other_types_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="audio: expected floating point samples, got int16"):
        sound_facts(np.zeros((1, 100), dtype=np.int16), RATE)
    with pytest.raises(ValueError, match="sample_rate: expected at least 1000 Hz, got 0"):
        sound_facts(np.zeros((1, 100)), 0)


def test_mono_at_is_the_mean_of_the_channels_at_the_rate() -> None:
    left = sine(440, 0.4)
    assert np.allclose(mono_at(np.stack([left, left / 2]), RATE, RATE), 0.75 * left, atol=1e-7)
    higher = mono_at(left[None], RATE, 48000)
    assert np.allclose(higher[500:-500], sine(440, 0.4, rate=48000)[500:-500], atol=1e-3)
    with pytest.raises(ValueError, match="audio: expected finite samples, got 1 that are not"):
        mono_at(np.array([[0.0, math.nan]]), RATE, RATE)
