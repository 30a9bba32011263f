"""What is to be shaped: a clip, the folder of an exported one, or any recording, whose plan is then heard."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from augmentation.audio import read_audio
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.events import Parts
from mustango_app.clip import Clip
from mustango_app.exchange.export import AUDIO, FACTS, PLAN
from mustango_app.exchange.heard import plan_from_heard

Piece = Clip | str | os.PathLike[str] | tuple[np.ndarray, int]
SHORTEST, LONGEST = 1.0, 600.0  # seconds
_SILENCE = 0.5  # seconds at an end that do not belong to the piece


@dataclass(frozen=True)
class Source:
    """A piece as the model sees it.

    Args:
        audio: float32 `(channels, samples)` at the model's sample rate.
        plan: complete, with the sound's duration.
        prompt: what it was made from, or what is heard to play.
        name: for the record: a file's name, or "clip".
        parts: what everybody plays, of a clip whose notes are known.
    """

    audio: np.ndarray
    plan: MusicPlan
    prompt: str
    name: str
    parts: Parts | None = None


def source_of(piece: Piece, sample_rate: int, channels: int, plan: MusicPlan | None = None) -> Source:
    """Return what is to be shaped.

    Args:
        piece: a clip; an audio file; the folder that `Clip.export` made; or samples `(channels, samples)` and their
            rate in Hz.
        sample_rate, channels: the model's; a mono sound gets as many channels.
        plan: of the piece, where it is known; else that of the clip or folder, else what is heard.

    Raises:
        RequestError: no such file, sound that cannot be read or is too short or too long, or nothing is installed to
            hear a recording with.
    """
    prompt, name = None, "clip"
    if isinstance(piece, Clip):
        audio, rate, plan, prompt = piece.audio, piece.sample_rate, plan or piece.plan, piece.prompt
    elif isinstance(piece, tuple):
        audio, rate, name = *_checked(*piece), "sound"
    else:
        path = Path(piece)
        name = path.name
        if path.is_dir():
            plan, prompt = _exported(path, plan)
            path = path / AUDIO
        audio, rate = read_audio(path)
    seconds = audio.shape[1] / rate
    if not SHORTEST <= seconds <= LONGEST:
        raise RequestError(f"piece: expected {SHORTEST:g} to {LONGEST:g} seconds, got {seconds:.2f}")
    if plan is None:
        plan = _heard(audio, rate)
    audio = _as_the_model(audio, rate, sample_rate, channels)
    plan = _lasting(plan, audio.shape[1] / sample_rate)
    return Source(audio, plan, prompt or _described(plan), name, getattr(piece, "parts", None))


def sounding(source: Source, sample_rate: int, span: tuple[float, float]) -> tuple[float, float]:
    """Return where the piece begins and ends, seconds: a long silence at an end is no part of it."""
    duration = source.plan.duration or 0.0
    first, last = span
    return (first if first > _SILENCE else 0.0), (last if duration - last > _SILENCE else duration)


def _checked(audio: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    audio = np.atleast_2d(np.asarray(audio, dtype=np.float32))
    if audio.ndim != 2 or not np.isfinite(audio).all():
        raise RequestError(f"piece: expected finite samples (channels, samples), got shape {audio.shape}")
    return audio, int(rate)


def _exported(folder: Path, plan: MusicPlan | None) -> tuple[MusicPlan | None, str | None]:
    """Return plan and prompt of an exported clip."""
    if not (folder / AUDIO).is_file():
        raise RequestError(f"piece: expected an audio file or the folder of an exported clip, got {str(folder)!r}")
    if plan is None and (folder / PLAN).is_file():
        plan = MusicPlan.from_json((folder / PLAN).read_text(encoding="utf-8"))
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8")) if (folder / FACTS).is_file() else {}
    return plan, facts.get("prompt")


def _heard(audio: np.ndarray, rate: int) -> MusicPlan:
    """Return the plan of a recording."""
    from augmentation.hearing.listen import listen  # its recognisers load slowly

    return plan_from_heard(listen(audio, rate))


def _described(plan: MusicPlan) -> str:
    """Return words for a piece that nobody has described."""
    style, players = plan.style or "music", ", ".join(plan.instruments or ())
    return f"{style} with {players}" if players else style


def _as_the_model(audio: np.ndarray, rate: int, sample_rate: int, channels: int) -> np.ndarray:
    audio = audio if len(audio) <= 2 else audio.mean(axis=0, keepdims=True)
    if rate != sample_rate:
        audio = soxr.resample(audio.T, rate, sample_rate).T
    audio = np.repeat(audio, channels, axis=0) if len(audio) < channels else audio
    return np.ascontiguousarray(audio, dtype=np.float32)


def _lasting(plan: MusicPlan, seconds: float) -> MusicPlan:
    """Return a plan made complete that is as long as the sound."""
    plan = plan.complete() if plan.duration is not None else plan.with_(duration=seconds).complete()
    if abs((plan.duration or 0.0) - seconds) < 0.01:
        return plan.with_(duration=max(seconds, plan.duration or 0.0)) if not plan.loop else plan
    if (plan.duration or 0.0) < seconds:
        return plan.with_(loop=False).prolong(seconds)
    return plan.with_(loop=False).crop(0.0, seconds)
