"""A folder with everything that goes with a piece: sound, plan, MIDI, parts, chord sheet, click."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.audio import write_audio
from munet.errors import RequestError
from munet.files import atomic_path
from munet.music import MusicPlan
from munet.music.chordpro import write_chordpro
from munet.music.events import Parts
from mustango_app.exchange.click import click_track
from mustango_app.exchange.midi_write import write_midi
from mustango_app.exchange.parts_midi import write_parts

AUDIO, PLAN, MIDI, SHEET, CLICK, FACTS = "audio.wav", "plan.json", "music.mid", "chords.cho", "click.wav", "clip.json"
PARTS = "parts.mid"
NAMES = (AUDIO, PLAN, MIDI, PARTS, SHEET, CLICK, FACTS)
CLICK_RATE = 44100  # Hz, of a click without sound beside it


def export(
    folder: str | os.PathLike[str],
    plan: MusicPlan,
    audio: tuple[np.ndarray, int] | None = None,
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    parts: Parts | None = None,
) -> Path:
    """Write a folder, whole or not at all; an earlier export there is replaced.

    Args:
        folder: to make; its parents are made as well.
        plan: in parts or whole; `plan.json` and the others hold the completed one.
        audio: float32 `(channels, samples)` and its rate in Hz, for `audio.wav`; the click is then as long.
        facts: plain values for `clip.json`.
        title: of the chord sheet.
        parts: what everybody plays, for `parts.mid`.

    Returns:
        The folder.

    Raises:
        RequestError: the folder holds other files, which would be lost, or cannot be written.
    """
    folder = Path(folder)
    _check(folder)
    whole = plan if plan.is_complete else plan.complete()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as partial:
        partial.mkdir()
        rate = CLICK_RATE
        if audio is not None:
            samples, rate = audio
            write_audio(partial / AUDIO, samples, rate)
        length = None if audio is None else audio[0].shape[-1] / rate
        write_audio(partial / CLICK, click_track(whole, rate, length), rate)
        (partial / PLAN).write_text(json.dumps(whole.to_dict(), indent=1) + "\n", encoding="utf-8")
        (partial / SHEET).write_text(write_chordpro(whole, title), encoding="utf-8")
        write_midi(whole, partial / MIDI)
        if parts:
            write_parts(whole, parts, partial / PARTS)
        if facts is not None:
            (partial / FACTS).write_text(json.dumps(dict(facts), indent=1) + "\n", encoding="utf-8")
    return folder


def _check(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RequestError(f"folder: expected a folder to make, got the file {str(folder)!r}")
    others = sorted(path.name for path in folder.iterdir() if path.name not in NAMES) if folder.is_dir() else []
    if others:
        raise RequestError(f"folder: expected a new or empty folder, got {str(folder)!r} with {others[0]!r} in it")
