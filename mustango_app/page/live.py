"""Sound that is heard while it is made: what is decoded of a long piece goes to whoever listens, as one MP3.

The first bytes are the beginning of the piece, whenever somebody begins to listen. What is heard is the sound as it
stays (`munet.long_form.StreamedSound`).
"""

from __future__ import annotations

import io
import threading

import numpy as np
import soundfile


class Live:
    """A piece that is being made.

    Args:
        sample_rate: Hz.
        seconds: how long it will be.
        title: the words that it is made from.
    """

    def __init__(self, sample_rate: int, seconds: float, title: str) -> None:
        self.sample_rate, self.seconds, self.title = sample_rate, seconds, title
        self._outlet = io.BytesIO()
        self._file: soundfile.SoundFile | None = None
        self._first = 0  # bytes before the first frame that is sent
        self._ended = False
        self._lock = threading.Lock()

    def add(self, audio: np.ndarray) -> None:
        """Take the next chunk, float `(channels, samples)`."""
        audio = np.clip(np.atleast_2d(audio), -1.0, 1.0)
        with self._lock:
            if self._file is None:
                self._file = soundfile.SoundFile(
                    self._outlet, "w", self.sample_rate, len(audio), format="MP3", subtype="MPEG_LAYER_III"
                )
            self._file.write(audio.T)
            if not self._first:
                # The first frame tells the length of the whole, which nobody knows yet: players do without it.
                held = self._outlet.getvalue()
                self._first = max(0, held.find(held[:2], 4))

    def end(self) -> None:
        """Say that nothing more will come."""
        with self._lock:
            if self._file is not None and not self._ended:
                self._file.close()
            self._ended = True

    def after(self, sent: int) -> tuple[bytes, bool]:
        """Return the MP3 behind its first `sent` bytes, as far as it is there, and whether it is all there."""
        with self._lock:
            return bytes(self._outlet.getbuffer()[self._first + sent :]), self._ended
