"""Beats of eighth-note hats, and beats that are real."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from augmentation.hearing.listen import listen
from augmentation.hearing.pulse import alternation

RATE = 44100
SECONDS = 10
needs_madmom = pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")


def tune(bpm: float, kick: tuple[float, ...], snare: tuple[float, ...], hat: float = 0.5) -> np.ndarray:
    """Bars of four: kick and snare on some beats (from 0), a hat every `hat` beats, a chord on each first beat."""
    rng = np.random.default_rng(0)
    time = np.arange(RATE // 4) / RATE
    drums = {
        "kick": np.sin(2 * np.pi * (50 * time + 2.3 * (1 - np.exp(-30 * time)))) * np.exp(-14 * time),
        "snare": (0.5 * rng.standard_normal(len(time)) + 0.4 * np.sin(2 * np.pi * 190 * time)) * np.exp(-20 * time),
        "hat": 0.25 * np.diff(rng.standard_normal(len(time) + 1)) * np.exp(-70 * time),
    }
    beat = 60 / bpm
    held = np.arange(int(4 * beat * RATE)) / RATE
    audio = np.zeros(SECONDS * RATE)

    def put(second: float, sound: np.ndarray) -> None:
        at = round(second * RATE)
        if at < len(audio):
            audio[at : at + len(sound)] += sound[: len(audio) - at]

    for bar in range(int(SECONDS / beat / 4) + 1):
        for name, places in (("kick", kick), ("snare", snare), ("hat", tuple(np.arange(0, 4, hat)))):
            for place in places:
                put((4 * bar + place) * beat, drums[name])
        for pitch in ((45, 57, 60, 64), (41, 53, 57, 60), (48, 55, 60, 64))[bar % 3]:
            wave = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * held) * np.exp(-1.5 * held)
            put(4 * bar * beat, 0.15 * wave)
    return (0.8 * audio / np.abs(audio).max()).astype(np.float32)


@needs_madmom
@pytest.mark.parametrize(
    ("bpm", "kick", "snare"),
    [(66, (0, 2), (1, 3)), (75, (0, 2), (1, 3)), (70, (0, 1, 2, 3), (1, 3)), (72, (0, 2, 2.5), (1, 3))],
)
def test_eighth_note_hats_are_no_beats(bpm: float, kick: tuple[float, ...], snare: tuple[float, ...]) -> None:
    found = listen(tune(bpm, kick, snare), RATE, parts=("beats",))
    assert found.bpm == pytest.approx(bpm, rel=0.02)
    assert found.meter == 4


@needs_madmom
@pytest.mark.parametrize(
    ("bpm", "kick", "snare"), [(132, (0, 2), (1, 3)), (150, (0, 1, 2, 3), (1, 3)), (120, (0, 2), (1, 3))]
)
def test_a_fast_tempo_is_not_halved(bpm: float, kick: tuple[float, ...], snare: tuple[float, ...]) -> None:
    assert listen(tune(bpm, kick, snare), RATE, parts=("beats",)).bpm == pytest.approx(bpm, rel=0.02)


def test_alternation_by_hand() -> None:
    # Bursts of bass and middle on every beat alike; the activation of every second beat is a quarter.
    times = 0.5 + 0.5 * np.arange(8)
    samples, activations = np.zeros(5 * RATE), np.zeros(500)
    for i, second in enumerate(times):
        at = int(second * RATE)
        length = np.arange(RATE // 10) / RATE
        samples[at : at + len(length)] += np.sin(2 * np.pi * 60 * length) + np.sin(2 * np.pi * 1000 * length)
        activations[round(100 * second)] = 0.2 if i % 2 else 0.8
    assert alternation(samples, activations, times) == pytest.approx(1, abs=0.02)
    for i in range(1, 8, 2):  # without sound on the weak ones, the activation is the largest share
        samples[int(times[i] * RATE) : int((times[i] + 0.2) * RATE)] = 0
    assert alternation(samples, activations, times) == pytest.approx(0.25, abs=0.02)
    assert alternation(samples, activations, times[:5]) == 1.0
