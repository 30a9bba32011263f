"""Where training clips come from: composed on the fly, or read from a dataset folder; and the seeds held back.

There is no torch here: who only wants to know which seeds no training has seen waits for nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from augmentation.audio import read_audio, resample
from augmentation.captions.caption import caption, describe
from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.corpus import item_source
from augmentation.dataset.records import METADATA, plan_of, read_rows
from munet.music import MusicPlan

Clip = tuple[np.ndarray, MusicPlan, list[str]]
HELD_BACK_SEEDS = range(990_000, 1_000_000)  # composer seeds that no training may see


class ComposedClips:
    """Clips composed and rendered when they are asked for; clip i is that of the corpus with the same seed.

    Args:
        count: number of clips.
        seed: of the corpus.
        soundfont: .sf2 or .sf3 file, None for the packaged one.
        captions: captions drawn per clip.
    """

    def __init__(self, count: int, seed: int, soundfont: str | None, captions: int = 4) -> None:
        self.count, self.seed, self.soundfont, self.captions = count, seed, soundfont, captions

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, sample_rate: int, seconds: float) -> Clip:
        """Mono audio `(samples,)`, plan and captions of one clip."""
        piece_seed, rng = item_source(self.seed, index)
        if piece_seed in HELD_BACK_SEEDS:
            piece_seed += len(HELD_BACK_SEEDS)
        piece = compose(piece_seed, duration=seconds)
        captions = [caption(piece, rng) for _ in range(self.captions - 1)] + [describe(piece, rng)]
        return render(piece, sample_rate, self.soundfont).mean(axis=0), piece.plan, captions


class CorpusClips:
    """Clips of a dataset folder with `metadata.jsonl`, or of its folder `train` where it is split.

    Args:
        folder: where the dataset lies, as `python -m augmentation compose` or `build` has written it.

    Raises:
        RequestError: there are no rows.
    """

    def __init__(self, folder: str) -> None:
        whole, train = Path(folder), Path(folder) / "train"
        self.folder = train if (train / METADATA).is_file() and not (whole / METADATA).is_file() else whole
        self.rows = read_rows(self.folder)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int, sample_rate: int, seconds: float) -> Clip:
        """Mono audio `(samples,)`, cut or padded to `seconds`, plan and captions of one clip."""
        row = self.rows[index]
        audio, rate = read_audio(self.folder / row["file_name"], seconds=seconds)
        mono = resample(audio.mean(axis=0, keepdims=True), rate, sample_rate)[0]
        samples = round(seconds * sample_rate)
        mono = np.pad(mono[:samples], (0, max(0, samples - len(mono))))
        plan = plan_of(row)
        if plan.duration is not None and plan.duration > seconds:  # as the audio is cut
            plan = plan.crop(0.0, seconds)
        return mono, plan, [row["main_caption"], row.get("alt_caption") or row["main_caption"]]
