"""The beats of whole songs, tracked once and kept, so that all clips of a song agree on the beat and on the bar.

Each clip then costs its own length, not that of what surrounds it as well. Times are seconds.

    OUT/beats/SONG-HASH.npz    beats and activations of one song; empty where it cannot be heard
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from augmentation.audio import LONGEST, read_audio
from augmentation.hearing.beats import FRAMES_PER_SECOND, Pulse, find_pulse
from augmentation.hearing.listen import front_end
from munet.errors import RequestError
from munet.files import write_atomically

FOLDER = "beats"


def place_of(folder: Path, path: str) -> Path:
    """File in the dataset's folder that keeps the beats of the song at `path`."""
    known = f"{Path(path).name}:{Path(path).stat().st_size}"
    return folder / FOLDER / f"{Path(path).stem[:40]}-{hashlib.sha256(known.encode()).hexdigest()[:16]}.npz"


def keep_pulse(folder: Path, path: str) -> None:
    """Track the beats of a song's first ten minutes and keep them; where there is nothing to hear, nothing.

    Without madmom there are none, but what there is to cut is known.
    """
    kept: dict[str, np.ndarray] = {}
    try:
        audio, rate = read_audio(path, None, 0.0, LONGEST)
        seconds = audio.shape[1] / rate
        samples = front_end(audio, rate)
        del audio  # twice as large as what is listened to
        try:
            with threadpool_limits(1):
                pulse = find_pulse(samples)
        except ImportError:
            frames = round(seconds * FRAMES_PER_SECOND)
            pulse = Pulse(np.empty((0, 2)), np.zeros((frames, 2)))
        kept = {"beats": pulse.beats, "activations": pulse.activations.astype(np.float16)}
        kept |= {} if pulse.certainty is None else {"certainty": np.array(pulse.certainty)}
    except RequestError:
        pass
    buffer = io.BytesIO()
    np.savez(buffer, **kept)
    write_atomically(place_of(folder, path), buffer.getvalue())


def kept_pulse(folder: Path, path: str) -> Pulse | None:
    """What `keep_pulse` found in a song; None if nothing, or if nobody has listened yet."""
    place = place_of(folder, path)
    if not place.is_file():
        return None
    with np.load(place) as kept:
        if "beats" not in kept:
            return None
        certainty = float(kept["certainty"]) if "certainty" in kept else None
        return Pulse(kept["beats"], kept["activations"].astype(np.float32), certainty)


def length_of(pulse: Pulse) -> float:
    """Seconds that were listened to."""
    return len(pulse.activations) / FRAMES_PER_SECOND
