"""Results as files: a folder for each clip, from which the page and its links are served and which expires.

A clip is kept as `sound.wav` and `card.json`; every other form (FLAC, MIDI, ZIP, ...) is made when it is asked for.
Only names of `FORMS` below a folder with an unguessable name are served.
"""

from __future__ import annotations

import errno
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
import soundfile

from augmentation.audio import read_audio, write_audio
from munet.errors import RequestError
from munet.files import write_atomically
from munet.music import MusicPlan
from munet.music.chordpro import write_chordpro
from munet.music.events import NoteEvent, Parts
from mustango_app.clip import Clip
from mustango_app.exchange.click import click_track
from mustango_app.exchange.export import CLICK, MIDI, PLAN, SHEET, export
from mustango_app.exchange.export import PARTS as PARTS_MIDI
from mustango_app.exchange.midi_write import write_midi
from mustango_app.exchange.parts_midi import write_parts
from mustango_app.page.live import Live

LIFETIME = 86_400.0  # seconds
PEAKS = 300
SAMPLING = ("steps", "guidance", "guidance_interval")
MADE_WITH = (*SAMPLING, "parts")  # settings of a clip that are arguments of `/generate`
SOUND, CARD, PARTS = "sound.wav", "card.json", "parts.json"
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "sound.wav": "audio/wav",
        "sound.flac": "audio/flac",
        "sound.mp3": "audio/mpeg",
        "sound.ogg": "audio/ogg",
        "plan.json": "application/json",
        "recipe.json": "application/json",
        "music.mid": "audio/midi",
        "parts.mid": "audio/midi",
        "chords.cho": "text/plain; charset=utf-8",
        "click.wav": "audio/wav",
        "all.zip": "application/zip",
    }
)
EXPORTS: Mapping[str, str] = MappingProxyType({"zip": "", "mid": MIDI, "cho": SHEET, "wav": CLICK, "json": PLAN})
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16}")


class Results:
    """The clips of all visitors, each under a token that only its visitor knows.

    Args:
        folder: where to keep them; a folder of our own in Gradio's temporary one if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(gr.utils.get_upload_folder()) / f"mustango-{secrets.token_hex(6)}"
        self._live: dict[str, Live] = {}

    @staticmethod
    def new_token() -> str:
        """Return the name of a clip to come, which nobody guesses."""
        return secrets.token_urlsafe(12)

    def save(self, clip: Clip, more: Mapping[str, Any], token: str | None = None) -> str:
        """Keep a clip, whole or not at all; return its token. What is older than a day goes.

        Args:
            clip: sound, plan and settings.
            more: plain values for its card.
            token: for it; a new one if None.

        Raises:
            OSError: there is no room for it, or the folder cannot be written to.
        """
        self._expire()
        token = token or self.new_token()
        home = self.folder / token
        home.mkdir(parents=True)
        try:
            clip.save(home / SOUND)
            if clip.parts is not None:
                write_atomically(home / PARTS, json.dumps(clip.parts).encode())
            facts = {"clip": clip.to_dict(), "recipe": recipe_of(clip), "peaks": _peaks(clip.audio)}
            self.note(token, facts | dict(more))
        except BaseException as error:
            shutil.rmtree(home, ignore_errors=True)
            if isinstance(error, soundfile.LibsndfileError):  # what libsndfile makes of a full disk
                raise OSError(errno.ENOSPC, error.error_string.rstrip(".")) from error
            raise
        return token

    def clip(self, token: str) -> Clip:
        """Return a clip as it was saved.

        Raises:
            RequestError: it is no longer there.
        """
        card = self.card(token)
        if card is None:
            raise RequestError("clip: expected one that is still kept, got another")
        facts = card["clip"]
        audio, rate = read_audio(self.folder / token / SOUND)
        made = (facts["prompt"], facts["seed"], facts["settings"], self.parts(token))
        return Clip(audio, rate, MusicPlan.from_dict(facts["plan"]), *made)

    def parts(self, token: str) -> Parts | None:
        """Return what everybody plays in a clip; None where its notes are not known."""
        path = self.folder / token / PARTS
        return tuple(NoteEvent(*note) for note in json.loads(path.read_text())) if path.is_file() else None

    def go_live(self, token: str, sample_rate: int, seconds: float, title: str) -> Live:
        """Let a clip that is being made be heard under its token."""
        return self._live.setdefault(token, Live(sample_rate, seconds, title))

    def live(self, token: str) -> Live | None:
        """Return a clip that is being made; None if there is none of that name."""
        return self._live.get(token)

    def end_live(self, token: str) -> None:
        """Say that a clip is made, or will not be."""
        live = self._live.pop(token, None)
        if live is not None:
            live.end()

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
        if card is None or (name == PARTS_MIDI and not (self.folder / token / PARTS).is_file()):
            return None
        path = self.folder / token / name
        if not path.is_file():
            self._make(path, card)
        return path

    def export(self, plan: MusicPlan, title: str | None, form: str) -> Path:
        """Write a plan in one of `EXPORTS`; return the file, which expires as a clip does.

        Raises:
            RequestError: there is no such form.
        """
        if not isinstance(form, str) or form not in EXPORTS:
            raise RequestError(f"format: expected one of {', '.join(EXPORTS)}, got {form!r}")
        self._expire()
        home = self.folder / self.new_token()
        export(home / "plan", plan, title=title)
        if EXPORTS[form]:
            return home / "plan" / EXPORTS[form]
        return Path(shutil.make_archive(str(home / "music"), "zip", home / "plan"))

    def _make(self, path: Path, card: Mapping[str, Any]) -> None:
        plan = MusicPlan.from_dict(card["clip"]["plan"])
        if path.suffix in (".flac", ".mp3", ".ogg"):
            write_audio(path, *read_audio(path.with_name(SOUND)))
        elif path.name == "click.wav":
            rate = card["clip"]["sample_rate"]
            write_audio(path, click_track(plan, rate, card["clip"]["duration"]), rate)
        elif path.name == PARTS_MIDI:
            write_parts(plan, self.parts(path.parent.name) or (), path)
        elif path.suffix == ".mid":
            write_midi(plan, path)
        elif path.suffix == ".cho":
            write_atomically(path, write_chordpro(plan, card["clip"]["prompt"]).encode())
        elif path.suffix == ".json":
            value = card["clip"]["plan"] if path.name == "plan.json" else card["recipe"] or card["clip"]
            write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())
        elif path.suffix == ".zip":
            write_atomically(path, self._zipped(path))

    def _zipped(self, path: Path) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in FORMS:
                form = None if name in (path.name, "sound.mp3", "sound.ogg") else self.form(path.parent.name, name)
                if form is not None:
                    archive.write(form, name)
        return buffer.getvalue()

    def _expire(self) -> None:
        limit = time.time() - LIFETIME
        for home in self.folder.iterdir() if self.folder.is_dir() else ():
            if _TOKEN.fullmatch(home.name) and home.stat().st_mtime < limit:
                shutil.rmtree(home, ignore_errors=True)


def recipe_of(clip: Clip) -> dict[str, Any]:
    """Return the arguments of `/generate` that make a clip again, byte for byte on the same machine.

    A clip that was the best of several has a seed of its own, so the recipe asks for that one alone. What was made of
    another sound, or of notes from elsewhere, has none: empty.
    """
    if "steps" not in clip.settings or "shaped" in clip.settings:
        return {}
    if clip.parts is not None and "parts" not in clip.settings:
        return {}
    settings = {name: clip.settings[name] for name in MADE_WITH if name in clip.settings}
    return {"prompt": clip.prompt, "plan": clip.plan.to_dict(), "seed": clip.seed, **settings, "best_of": 1}


def _peaks(audio: np.ndarray) -> list[float]:
    """Return the loudest sample of each of up to 300 equal parts of a sound, its highest as 1."""
    loud = np.abs(audio).max(axis=0)
    parts = np.array_split(loud, min(PEAKS, len(loud)))
    values = np.array([part.max() for part in parts])
    return [round(float(value), 3) for value in values / max(float(values.max()), 1e-6)]
