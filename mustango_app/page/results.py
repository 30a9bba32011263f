"""Results as files: a folder for each clip, from which the page and its links are served and which expires.

A clip is kept as `sound.wav` and `card.json`; every other form (FLAC, MIDI, ZIP, ...) is made when it is asked for.
Only names of `FORMS` below a folder with an unguessable name are served.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr
import numpy as np

from augmentation.audio import read_audio, write_audio
from munet.files import write_atomically
from munet.music import MusicPlan
from munet.music.chordpro import write_chordpro
from mustango_app.clip import Clip
from mustango_app.exchange.click import click_track
from mustango_app.exchange.midi_write import write_midi

LIFETIME = 86_400.0  # seconds
PEAKS = 300
SOUND, CARD = "sound.wav", "card.json"
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "sound.wav": "audio/wav",
        "sound.flac": "audio/flac",
        "sound.mp3": "audio/mpeg",
        "sound.ogg": "audio/ogg",
        "plan.json": "application/json",
        "recipe.json": "application/json",
        "music.mid": "audio/midi",
        "chords.cho": "text/plain; charset=utf-8",
        "click.wav": "audio/wav",
        "all.zip": "application/zip",
    }
)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16}")


class Results:
    """The clips of all visitors, each under a token that only its visitor knows.

    Args:
        folder: where to keep them; a folder of our own in Gradio's temporary one if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(gr.utils.get_upload_folder()) / f"mustango-{secrets.token_hex(6)}"

    def save(self, clip: Clip, more: Mapping[str, Any]) -> str:
        """Keep a clip; return its token. What is older than a day goes.

        Args:
            clip: sound, plan and settings.
            more: plain values for its card.
        """
        self._expire()
        token = secrets.token_urlsafe(12)
        home = self.folder / token
        home.mkdir(parents=True)
        clip.save(home / SOUND)
        self.note(token, {"clip": clip.to_dict(), "recipe": recipe_of(clip), "peaks": _peaks(clip.audio), **more})
        return token

    def note(self, token: str, more: Mapping[str, Any]) -> None:
        """Write plain values onto the card of a clip."""
        path = self.folder / token / CARD
        held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        write_atomically(path, json.dumps({**held, **more}).encode())

    def card(self, token: str) -> dict[str, Any] | None:
        """Return the card of a clip, None if there is no such clip any more."""
        path = self.folder / token / CARD
        if not _TOKEN.fullmatch(token) or not path.is_file():
            return None
        return json.loads(path.read_text(encoding="utf-8"))

    def delete(self, token: str) -> None:
        """Forget a clip."""
        if _TOKEN.fullmatch(token):
            shutil.rmtree(self.folder / token, ignore_errors=True)

    def clear(self) -> None:
        """Forget all clips."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def form(self, token: str, name: str) -> Path | None:
        """Return the file of a clip in one of `FORMS`, made if need be; None if there is no such clip or form."""
        card = self.card(token) if name in FORMS else None
        if card is None:
            return None
        path = self.folder / token / name
        if not path.is_file():
            self._make(path, card)
        return path

    def _make(self, path: Path, card: Mapping[str, Any]) -> None:
        plan = MusicPlan.from_dict(card["clip"]["plan"])
        if path.suffix in (".flac", ".mp3", ".ogg"):
            write_audio(path, *read_audio(path.with_name(SOUND)))
        elif path.name == "click.wav":
            rate = card["clip"]["sample_rate"]
            write_audio(path, click_track(plan, rate, card["clip"]["duration"]), rate)
        elif path.suffix == ".mid":
            write_midi(plan, path)
        elif path.suffix == ".cho":
            write_atomically(path, write_chordpro(plan, card["clip"]["prompt"]).encode())
        elif path.suffix == ".json":
            value = card["clip"]["plan"] if path.name == "plan.json" else card["recipe"]
            write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())
        elif path.suffix == ".zip":
            write_atomically(path, self._zipped(path))

    def _zipped(self, path: Path) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in FORMS:
                if name not in (path.name, "sound.mp3", "sound.ogg"):
                    archive.write(self.form(path.parent.name, name) or path, name)
        return buffer.getvalue()

    def _expire(self) -> None:
        limit = time.time() - LIFETIME
        for home in self.folder.iterdir() if self.folder.is_dir() else ():
            if _TOKEN.fullmatch(home.name) and home.stat().st_mtime < limit:
                shutil.rmtree(home, ignore_errors=True)


def recipe_of(clip: Clip) -> dict[str, Any]:
    """Return the arguments of `/generate` that make a clip again, byte for byte on the same machine.

    A clip that was the best of several has a seed of its own, so the recipe asks for that one alone.
    """
    settings = {name: clip.settings[name] for name in ("steps", "guidance")}
    return {"prompt": clip.prompt, "plan": clip.plan.to_dict(), "seed": clip.seed, **settings, "best_of": 1}


def _peaks(audio: np.ndarray) -> list[float]:
    """Return the loudest sample of each of up to 300 equal parts of a sound, its highest as 1."""
    loud = np.abs(audio).max(axis=0)
    parts = np.array_split(loud, min(PEAKS, len(loud)))
    values = np.array([part.max() for part in parts])
    return [round(float(value), 3) for value in values / max(float(values.max()), 1e-6)]
