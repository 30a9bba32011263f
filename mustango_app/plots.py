"""A picture of a clip: its mel spectrogram under the chords and beats that were asked for.

Figures are made without pyplot, which keeps global state and is not safe in the threads of a server.
"""

from __future__ import annotations

import colorsys

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from munet.music import Chord, MusicPlan
from mustango_app.clip import Clip

INK = "#6b7280"  # readable on white and on black
FLOOR_DB = 70.0


def plot_clip(clip: Clip) -> Figure:
    """Return a figure of two rows: chord bands, and the mel spectrogram (dB) with beats; downbeats are heavier."""
    figure = Figure(figsize=(6.6, 3.1), dpi=150, layout="constrained", facecolor="none")
    bands, sound = figure.subplots(2, 1, sharex=True, height_ratios=(1, 7))
    _draw_chords(bands, clip.plan, clip.duration)
    _draw_spectrogram(sound, clip.audio.mean(axis=0), clip.sample_rate)
    for second, position in clip.plan.beats or ():
        first = position == 1
        sound.axvline(second, color="white", linewidth=1.4 if first else 0.6, alpha=0.9 if first else 0.45)
    sound.set_xlim(0.0, clip.duration)
    sound.set_xlabel("seconds", color=INK)
    sound.set_ylabel("Hz", color=INK)
    for axes in (bands, sound):
        axes.tick_params(colors=INK, labelsize=9)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def chord_color(chord: Chord) -> tuple[float, float, float]:
    """Return a light colour for a chord: neighbours on the circle of fifths look alike, minor is darker than major."""
    if chord.is_none:
        return (0.85, 0.85, 0.85)
    minor = 3 in {(tone - chord.root_pc) % 12 for tone in chord.pitch_classes()}
    return colorsys.hls_to_rgb(chord.root_pc * 7 % 12 / 12, 0.66 if minor else 0.78, 0.6)


def _draw_chords(axes: Axes, plan: MusicPlan, duration: float) -> None:
    axes.set_yticks([])
    axes.set_ylim(0.0, 1.0)
    axes.set_facecolor("none")
    axes.tick_params(bottom=False, labelbottom=False)
    for start, end, chord in plan.chord_intervals():
        end = min(end, duration)
        if end <= start:
            continue
        axes.axvspan(start, end, color=chord_color(chord), linewidth=0)
        # A symbol needs a fifth of a second of a ten-second picture for each of its letters.
        if end - start > 0.018 * duration * len(str(chord)):
            axes.text((start + end) / 2, 0.46, str(chord), ha="center", va="center", fontsize=11, color="#1f2937")


def _draw_spectrogram(axes: Axes, mono: np.ndarray, sample_rate: int, bins: int = 128, hop: int = 512) -> None:
    import librosa  # slow to import

    top = min(8000.0, sample_rate / 2)
    power = librosa.feature.melspectrogram(
        y=mono, sr=sample_rate, n_fft=2048, hop_length=hop, n_mels=bins, fmin=40, fmax=top
    )
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    loudest = max(float(decibels.max()), -60.0)
    extent = (0.0, len(mono) / sample_rate, 0.0, float(bins))
    axes.imshow(
        decibels, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=loudest - FLOOR_DB, vmax=loudest
    )
    marks = [hertz for hertz in (100, 500, 1000, 2000, 4000, 8000) if hertz <= top]
    edges = librosa.hz_to_mel(np.array([40.0, top]))
    places = (librosa.hz_to_mel(np.array(marks, dtype=float)) - edges[0]) / (edges[1] - edges[0]) * bins
    axes.set_yticks(places, [f"{hertz:g}" for hertz in marks])
