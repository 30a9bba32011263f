"""Pictures for reports: the mel spectrogram of a clip under the chords and beats that were asked for and heard.

Figures are made without pyplot, which keeps global state and is not safe in the threads of a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from augmentation.hearing.listen import Heard
from munet.compiled import load_librosa
from munet.files import atomic_path
from munet.music import Chord, MusicPlan
from mustango_app.page.timeline import chord_color

INK = "#6b7280"  # readable on white and on black
FLOOR_DB = 70.0

Span = tuple[float, float, Chord]  # start and end in seconds


def plot_asked_and_heard(audio: np.ndarray, sample_rate: int, asked: MusicPlan, heard: Heard) -> Figure:
    """Return a figure of three rows: chords asked, chords heard, and the mel spectrogram (dB) with the beats.

    Beats asked stand in the upper half, beats heard in the lower; downbeats are heavier. Where the clip keeps to its
    plan the bands have the same colours and the lines go through.

    Args:
        audio: `(channels, samples)`.
        sample_rate: Hz.
        asked: the plan.
        heard: what was heard in the clip.
    """
    duration = audio.shape[-1] / sample_rate
    figure = Figure(figsize=(8.0, 3.6), dpi=80, layout="constrained", facecolor="white")
    above, below, sound = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1, 7))
    heard_chords = [(start, end, Chord.from_harte(label)) for label, start, end in heard.chords or ()]
    for axes, name, chords in ((above, "asked", asked.chord_intervals()), (below, "heard", heard_chords)):
        _draw_chords(axes, chords, duration)
        axes.set_ylabel(name, color=INK, rotation=0, ha="right", va="center")
    _draw_spectrogram(sound, audio.mean(axis=0), sample_rate)
    _draw_beats(sound, asked.beats or (), 0.5, 1.0)
    _draw_beats(sound, heard.beats or (), 0.0, 0.5)
    _finish(sound, (above, below, sound), duration)
    return figure


def save_picture(figure: Figure, path: Path, request: str) -> None:
    """Write a figure as PNG, whole or not at all; `request` names what it shows."""
    with atomic_path(path) as partial:
        figure.savefig(partial, metadata={"Source": request})


def shows(path: Path, request: str) -> bool:
    """Whether `path` is a picture that `save_picture` made for the same `request`."""
    if not path.is_file():
        return False
    with Image.open(path) as picture:
        return picture.info.get("Source") == request


def _finish(sound: Axes, rows: Sequence[Axes], duration: float) -> None:
    sound.set_xlim(0.0, duration)
    sound.set_xlabel("seconds", color=INK)
    sound.set_ylabel("Hz", color=INK)
    for axes in rows:
        axes.tick_params(colors=INK, labelsize=9)
        for spine in axes.spines.values():
            spine.set_visible(False)


def _draw_beats(axes: Axes, beats: Sequence[tuple[float, int]], bottom: float, top: float) -> None:
    """Draw (second, position) as lines from `bottom` to `top`, both shares of the height."""
    for second, position in beats:
        first = position == 1
        width, alpha = (1.4, 0.9) if first else (0.6, 0.45)
        axes.axvline(second, bottom, top, color="white", linewidth=width, alpha=alpha)


def _draw_chords(axes: Axes, chords: Iterable[Span], duration: float) -> None:
    axes.set_yticks([])
    axes.set_ylim(0.0, 1.0)
    axes.set_facecolor("none")
    axes.tick_params(bottom=False, labelbottom=False)
    for start, end, chord in chords:
        end = min(end, duration)
        if end <= start:
            continue
        axes.axvspan(start, end, color=chord_color(chord), linewidth=0)
        # A symbol needs a fifth of a second of a ten-second picture for each of its letters.
        if end - start > 0.018 * duration * len(str(chord)):
            axes.text((start + end) / 2, 0.46, str(chord), ha="center", va="center", fontsize=11, color="#1f2937")


def _draw_spectrogram(axes: Axes, mono: np.ndarray, sample_rate: int, bins: int = 128, hop: int = 512) -> None:
    librosa = load_librosa()  # slow
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
