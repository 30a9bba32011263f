"""Moods and energies: words for the feeling of a piece, and what each changes in the playing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ENERGIES = ("calm", "moderate", "energetic")


@dataclass(frozen=True)
class Mood:
    """A word for the feeling of a piece and what it changes in the playing.

    Attributes:
        minor: weight that multiplies the odds of a minor key.
        register: shift of the melody and the voicings, in semitones.
        loudness: factor on all velocities.
        brightness: 0 (mellow end of each palette) to 1 (bright end).
        energies: the energies it goes with.
    """

    minor: float
    register: int
    loudness: float
    brightness: float
    energies: tuple[str, ...] = ENERGIES


MOODS: Mapping[str, Mood] = MappingProxyType(
    {
        "happy": Mood(0.15, 2, 1.0, 0.7, ("moderate", "energetic")),
        "uplifting": Mood(0.3, 2, 1.05, 0.8, ("moderate", "energetic")),
        "playful": Mood(0.4, 4, 0.95, 0.8, ("moderate", "energetic")),
        "sad": Mood(5.0, -2, 0.85, 0.2, ("calm", "moderate")),
        "melancholic": Mood(4.0, -1, 0.85, 0.3, ("calm", "moderate")),
        "dark": Mood(8.0, -5, 1.0, 0.1),
        "mysterious": Mood(5.0, -3, 0.85, 0.3, ("calm", "moderate")),
        "dreamy": Mood(1.0, 3, 0.8, 0.4, ("calm", "moderate")),
        "relaxing": Mood(0.6, 0, 0.8, 0.2, ("calm",)),
        "peaceful": Mood(0.4, 0, 0.75, 0.3, ("calm",)),
        "romantic": Mood(0.8, 0, 0.85, 0.4, ("calm", "moderate")),
        "nostalgic": Mood(1.2, 0, 0.85, 0.4, ("calm", "moderate")),
        "groovy": Mood(1.0, 0, 1.0, 0.5, ("moderate", "energetic")),
        "cool": Mood(1.2, -2, 0.9, 0.4, ("moderate",)),
        "hopeful": Mood(0.2, 2, 0.95, 0.6, ("calm", "moderate")),
        "epic": Mood(2.0, 0, 1.1, 0.7, ("energetic",)),
        "tense": Mood(6.0, -2, 1.05, 0.6, ("moderate", "energetic")),
        "aggressive": Mood(6.0, -3, 1.15, 0.9, ("energetic",)),
        "powerful": Mood(1.5, -1, 1.15, 0.7, ("energetic",)),
        "festive": Mood(0.3, 3, 1.05, 0.8, ("energetic",)),
        "solemn": Mood(1.5, -3, 0.95, 0.3, ("calm", "moderate")),
    }
)
