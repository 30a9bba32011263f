"""How much the stereo codec keeps: round trips against the originals.

    python benchmarks/codec.py --codec DIR [--renders 10] [--recordings FOLDER] [--soundfonts FILE ...] [--out DIR]

Renders come from seeds that training never uses. Of the recordings every sixth by sorted name is held back from
training and measured here, from a fixed place. Zimtohrli and ViSQOL are separate packages (`pip install zimtohrli
visqol-python`); where one is missing its columns say so. Zimtohrli is the mean over left and right, ViSQOL mixes down
as it always does.

Columns: `zimtohrli`, `visqol`: MOS; `treble_db`: level above 10 kHz, decoded minus original; `side_db`: the same for
the level of side relative to mid (pieces with a side only); `level_db`: of the whole. Below the table: rise times of
isolated drum hits in both, decoded silence, processor-seconds for 10 s.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from augmentation.compose.composer import Note, Track, compose
from augmentation.compose.renderer import render
from munet.codec.stereo import StereoAutoencoder

RATE = 44100  # Hz
FIRST_SEED = 990_000  # of those held back
SECONDS = 10.0
HITS = (("kick", 36), ("snare", 38), ("hi-hat", 42), ("tom", 45), ("crash", 49), ("rim", 37))
ENDINGS = (".ogg", ".opus", ".flac", ".wav")


def held_back(folder: Path) -> list[Path]:
    """Every sixth recording by sorted name, the ones that training leaves out."""
    return sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS)[5::6]


def renders(count: int, soundfonts: Sequence[str | None]) -> Iterator[tuple[str, np.ndarray]]:
    """Names and stereo sound `(2, samples)` of composed pieces, the soundfonts taking turns."""
    for index in range(count):
        seed, font = FIRST_SEED + index, soundfonts[index % len(soundfonts)]
        yield f"{seed}", render(compose(seed), RATE, font)[:, : round(SECONDS * RATE)]


def recordings(folder: Path, limit: int) -> Iterator[tuple[str, np.ndarray]]:
    """Names and stereo sound of the held-back recordings, `SECONDS` from a third of the way on."""
    for path in held_back(folder)[:limit]:
        info = soundfile.info(path)
        audio, rate = soundfile.read(
            path, round(SECONDS * info.samplerate), info.frames // 3, dtype="float32", always_2d=True
        )
        audio = audio if rate == RATE else soxr.resample(audio, rate, RATE)
        yield f"{path.parent.name}/{path.stem}"[:40], np.ascontiguousarray(audio[:, [0, -1]].T)


def zimtohrli() -> Callable[[np.ndarray, np.ndarray], float] | None:
    """MOS of a decoded clip against its original, both `(2, samples)`; None where the package is missing."""
    if importlib.util.find_spec("zimtohrli") is None:
        return None
    from zimtohrli import mos_from_signals

    def measure(original: np.ndarray, decoded: np.ndarray) -> float:
        pairs = [[soxr.resample(side, RATE, 48000) for side in pair] for pair in zip(original, decoded, strict=True)]
        return float(np.mean([mos_from_signals(first, second) for first, second in pairs]))

    return measure


def visqol() -> Callable[[np.ndarray, np.ndarray], float] | None:
    """As `zimtohrli`, for ViSQOL in audio mode."""
    if importlib.util.find_spec("visqol") is None:
        return None
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")

    def measure(original: np.ndarray, decoded: np.ndarray) -> float:
        pair = [soxr.resample(audio.mean(axis=0), RATE, 48000).astype(np.float64) for audio in (original, decoded)]
        return float(api.measure_from_arrays(*pair, 48000).moslqo)

    return measure


def decibels(ratio: float) -> float:
    """Power ratio in dB."""
    return float(10 * np.log10(max(ratio, 1e-12)))


def treble(audio: np.ndarray, above: float = 10_000.0) -> float:
    """Power above a frequency (Hz), both channels."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    return float(power[:, round(above * audio.shape[1] / RATE) :].sum()) + 1e-9


def side_share(audio: np.ndarray) -> float:
    """Power of the side relative to that of the mid."""
    mid, side = audio[0] + audio[1], audio[0] - audio[1]
    return float((np.square(side).sum() + 1e-9) / (np.square(mid).sum() + 1e-9))


def rise(audio: np.ndarray) -> float:
    """Milliseconds that a hit `(2, samples)` takes to rise.

    From a tenth to seven tenths of its level, which is the mean of the 1 ms envelope over 20 ms from where that first
    reaches half its peak: drums stay loud for a while, so that the place of the very peak is chance.
    """
    width = RATE // 1000
    envelope = np.sqrt(np.convolve(np.square(audio).sum(axis=0), np.ones(width) / width, mode="same"))
    begin = int(np.argmax(envelope >= envelope.max() / 2))
    level = envelope[begin : begin + 20 * width].mean()
    return float(1000 / RATE * (np.argmax(envelope >= 0.7 * level) - np.argmax(envelope >= 0.1 * level)))


def hits(soundfont: str | None) -> Iterator[tuple[str, np.ndarray]]:
    """Isolated drum hits, each 0.3 s into a second of its own."""
    piece = compose(FIRST_SEED)
    for name, pitch in HITS:
        track = Track("drums", 0, True, (Note(0.3, 0.3, pitch, 110),))
        yield name, render(replace(piece, tracks=(track,)), RATE, soundfont)[:, :RATE]


class RoundTrip:
    """The codec as a function from sound to sound, with the processor time that its two halves took.

    Attributes:
        seconds: of sound so far; encoding, decoding: processor-seconds so far.
    """

    def __init__(self, codec: StereoAutoencoder) -> None:
        self.codec, self.seconds, self.encoding, self.decoding = codec, 0.0, 0.0, 0.0

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Sound `(2, samples)` after encoding and decoding."""
        began = time.process_time()
        latents = self.codec.encode(torch.from_numpy(audio)[None])
        encoded = time.process_time()
        decoded = self.codec.decode(latents, audio.shape[1])[0].numpy()
        self.encoding += encoded - began
        self.decoding += time.process_time() - encoded
        self.seconds += audio.shape[1] / RATE
        return decoded


def measure(trip: RoundTrip, clips: Iterator[tuple[str, np.ndarray]], keep: Path | None) -> list[dict[str, object]]:
    """One row of figures per clip; with `keep` both sounds are written there."""
    mos = {"zimtohrli": zimtohrli(), "visqol": visqol()}
    rows = []
    for name, original in clips:
        decoded = trip(original)
        row: dict[str, object] = {"clip": name}
        row |= {judge: float(rate(original, decoded)) if rate else None for judge, rate in mos.items()}
        row["treble_db"] = decibels(treble(decoded) / treble(original))
        row["side_db"] = decibels(side_share(decoded) / side_share(original)) if side_share(original) > 1e-4 else None
        row["level_db"] = decibels((np.square(decoded).sum() + 1e-9) / (np.square(original).sum() + 1e-9))
        rows.append(row)
        if keep:
            for kind, audio in (("original", original), ("decoded", decoded)):
                soundfile.write(keep / f"{name.replace('/', '_')}_{kind}.flac", audio.T, RATE)
        print(line(row), flush=True)
    return rows


def line(row: dict[str, object]) -> str:
    """A row as text, numbers with two places."""
    return "  ".join(f"{value:>9.2f}" if isinstance(value, float) else f"{value!s:>9.40}" for value in row.values())


def summary(rows: Sequence[dict[str, object]]) -> dict[str, float]:
    """Means of the figures; for those in dB the mean of their absolute values too."""
    result = {}
    for name in ("zimtohrli", "visqol", "treble_db", "side_db", "level_db"):
        values = [row[name] for row in rows if isinstance(row[name], float)]
        if values:
            result[name] = float(np.mean(values))
            if name.endswith("_db"):
                result[f"{name}_off"] = float(np.mean(np.abs(values)))
    return result


def main() -> None:
    """Measure and print; see the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", required=True, type=Path, help="folder of a StereoAutoencoder")
    parser.add_argument("--renders", type=int, default=10)
    parser.add_argument("--soundfonts", nargs="*", default=[], help="take turns; the packaged one if none is given")
    parser.add_argument("--recordings", type=Path, help="folder of real recordings")
    parser.add_argument("--limit", type=int, default=100, help="recordings at most")
    parser.add_argument("--out", type=Path, help="writes codec.json and the sounds here")
    given = parser.parse_args()
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
    trip = RoundTrip(StereoAutoencoder.from_pretrained(given.codec).eval())
    for package in ("zimtohrli", "visqol"):
        if importlib.util.find_spec(package) is None:
            print(f"{package}: not installed, its column is left out")
    fonts: list[str | None] = given.soundfonts or [None]
    report: dict[str, object] = {}
    print("clip  zimtohrli  visqol  treble_db  side_db  level_db")
    groups = [("renders", renders(given.renders, fonts))]
    if given.recordings:
        groups.append(("recordings", recordings(given.recordings, given.limit)))
    for name, clips in groups:
        rows = measure(trip, clips, given.out)
        report[name] = {"mean": summary(rows), "rows": rows}
        print(f"{name}: {json.dumps({key: round(value, 3) for key, value in summary(rows).items()})}", flush=True)
    report["decode_cpu_seconds_for_10_s"] = 10 * trip.decoding / trip.seconds
    report["encode_cpu_seconds_for_10_s"] = 10 * trip.encoding / trip.seconds
    report["rise_ms"] = {name: {"original": rise(hit), "decoded": rise(trip(hit))} for name, hit in hits(fonts[0])}
    report["silence_peak"] = float(np.abs(trip(np.zeros((2, RATE), np.float32))).max())
    print(json.dumps({key: value for key, value in report.items() if key not in ("renders", "recordings")}, indent=1))
    if given.out:
        (given.out / "codec.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
