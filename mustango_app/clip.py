"""The result of a generation: the sound together with everything that is needed to make it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentation.audio import write_audio

if TYPE_CHECKING:
    from augmentation.hearing.listen import Heard
    from munet.music import MusicPlan
    from munet.music.events import Parts


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece of generated music; usable wherever a numpy array of its samples is.

    Args:
        audio: float32 `(channels, samples)` in [-1, 1].
        sample_rate: in Hz.
        plan: the complete plan that was asked of the model.
        prompt: the text.
        seed: with prompt, plan, settings, parts and machine it determines the sound bit for bit.
        settings: model, steps, guidance, device: plain values, ready for JSON.
        parts: what everybody was told to play, note by note; None where the model found its own notes.
    """

    audio: np.ndarray
    sample_rate: int
    plan: MusicPlan
    prompt: str
    seed: int
    settings: Mapping[str, Any]
    parts: Parts | None = field(default=None, repr=False)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.audio.shape[-1] / self.sample_rate

    @property
    def peak(self) -> float:
        """Largest absolute sample, 0 to 1."""
        return float(np.abs(self.audio).max(initial=0.0))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sound to a .wav, .flac, .ogg or .mp3 file, whole or not at all.

        Raises:
            ValueError: if the suffix is unknown or the folder cannot be written to.
        """
        return write_audio(path, self.audio, self.sample_rate)

    def export(self, folder: str | os.PathLike[str], title: str | None = None) -> Path:
        """Write a folder with sound, plan, MIDI, parts (if any), chord sheet, click and facts, whole or not at all.

        Args:
            folder: to make; an earlier export there is replaced.
            title: of the chord sheet; the prompt if None.

        Raises:
            RequestError: the folder holds other files or cannot be written to.
        """
        from mustango_app.exchange.export import export  # MIDI is not needed to make music

        sound = (self.audio, self.sample_rate)
        return export(folder, self.plan, sound, self.to_dict(), title or self.prompt, self.parts)

    def analyze(self) -> Heard:
        """Extract tempo, beats, metre, key, chords, players and style back from the sound."""
        from augmentation.hearing.listen import listen  # its recognisers load slowly

        return listen(self.audio, self.sample_rate)

    def adherence(self, heard: Heard | None = None) -> dict[str, float | None]:
        """Score what is heard against the plan, from 0 to 1, by the names in
        `mustango_app.evaluation.adherence.MEASURES`.

        Args:
            heard: what `analyze` found, if it has been asked before.
        """
        from mustango_app.evaluation.adherence import adherence

        return adherence(self.plan, heard or self.analyze())

    def players(self) -> dict[str, float]:
        """Return the classes of instruments that the shipped judge hears, the surest first, with their probabilities.

        Raises:
            FileNotFoundError: this installation has no judge.
        """
        from augmentation.hearing.judge import shipped_judge

        judge = shipped_judge()
        return judge.heard_players(judge.hear(self.audio, self.sample_rate))

    def to_dict(self) -> dict[str, Any]:
        """Return all but the samples as plain values, ready for JSON."""
        facts = {"prompt": self.prompt, "seed": self.seed, "plan": self.plan.to_dict(), "settings": dict(self.settings)}
        return facts | {
            "sample_rate": self.sample_rate,
            "duration": round(self.duration, 6),
            "peak": round(self.peak, 6),
        }

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.audio, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.audio)

    def __repr__(self) -> str:
        channels, samples = self.audio.shape
        return f"Clip({self.duration:.2f} s, {channels} x {samples} at {self.sample_rate} Hz, seed {self.seed})"
