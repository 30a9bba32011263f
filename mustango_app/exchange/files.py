"""Any file that holds music in some form, as a plan."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from augmentation.audio import read_audio
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.sheets import read_lead_sheet
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.exchange.midi_read import read_midi

MIDI = (".mid", ".midi", ".kar")
SHEETS = (".cho", ".chopro", ".chordpro", ".crd", ".pro", ".txt")
RECORDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
LARGEST_TEXT = 1_000_000  # bytes


def plan_from_file(path: str | os.PathLike[str]) -> MusicPlan:
    """Read a plan from a MIDI file, a lead sheet (ChordPro or plain text), a plan as JSON or a recording.

    A sheet becomes a complete plan; of a recording what is heard in it, of JSON what it states.

    Raises:
        RequestError: the file does not exist, is of no such kind, or cannot be read as what its name says.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.is_file():
        raise RequestError(f"file: expected an existing file, got {str(path)!r}")
    if suffix in MIDI:
        return read_midi(path)
    if suffix == ".json":
        return MusicPlan.from_json(read_text(path))
    if suffix in SHEETS:
        return read_lead_sheet(read_text(path)).to_plan()
    if audio := read_recording(path):
        from augmentation.hearing.listen import listen  # its recognisers load slowly

        return plan_from_heard(listen(*audio))
    kinds = f"MIDI ({' '.join(MIDI)}), a sheet ({' '.join(SHEETS)}), .json or a recording ({' '.join(RECORDINGS[:4])})"
    raise RequestError(f"file: expected {kinds}, got {path.name!r}")


def read_recording(path: str | os.PathLike[str]) -> tuple[np.ndarray, int] | None:
    """Read a recording, float32 `(channels, samples)` and its rate in Hz; None for a file of another kind.

    Raises:
        RequestError: it cannot be read.
    """
    return read_audio(path) if Path(path).suffix.lower() in RECORDINGS else None


def read_text(path: Path) -> str:
    """Read a text in UTF-8 (or UTF-16 with its mark, or Latin-1 where neither fits a sheet).

    Raises:
        RequestError: the file is too large, or holds bytes that are no text.
    """
    data = path.read_bytes()
    if len(data) > LARGEST_TEXT:
        raise RequestError(f"file: expected a text of at most {LARGEST_TEXT / 1e6:g} MB, got {path.name!r}")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise RequestError(f"file: expected a text, got {path.name!r}, which holds bytes that are none")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
