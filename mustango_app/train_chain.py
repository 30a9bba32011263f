"""The whole training as one command: `mustango train configs/pocket_chain.json --minutes N`.

    {"stage": "chain", "out": FOLDER, "codec": FOLDER, "decoder": {...}, "munet": {...}, "distill": {...}}

`decoder` and `munet` are configurations of their own without `stage`, `out` and what the chain fills in, `distill` is
that part of MuNet's (see `mustango_app.train`). The codec's decoder is trained in a process of its own, since the
encoder, and so the latents, never change: beside MuNet, or, with `decoder_share`, after it in that share of the time
(two trainings on one GPU slow each other down by more than half). What is left out is skipped; what fails is said, and
the rest goes on. At the end everything lies in `out/export`:
`pocket` (what is shipped), `teacher` (MuNet before the distillation, to go on from), and both as archives in parts
small enough to be sent. Where the decoder comes last, `pocket` lies there once MuNet is done, with the decoder as it
was.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from munet.errors import RequestError
from munet.training.pack import pack

FIELDS = ("stage", "out", "codec", "decoder", "decoder_share", "munet", "distill", "text_encoder", "minutes", "device")
RESERVE = 0.1  # share of the time kept for packing, at most
MOST_RESERVE_SECONDS = 45.0
PART_BYTES = 15_000_000
LINES_OF_A_FAILURE = 25
LATE_SECONDS = 20.0  # by which a stage may be late before it is ended
LEAD_SECONDS = 25.0  # by which a decoder that comes after MuNet starts early: it imports, and fetches its excerpts


@dataclass
class Stage:
    """A stage that runs: its process, its log and its newest checkpoint."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    latest: Path

    def wait(self, seconds: float) -> None:
        """Wait at most so long for its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(seconds, 0.0))

    def finish(self, seconds: float) -> bool:
        """Wait at most so long, end it otherwise; return whether it left a checkpoint, and say how it went."""
        try:
            code = self.process.wait(max(seconds, 1.0))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        print(f"chain: {self.name} ended with {code}", flush=True)
        for line in lines[-4 if code == 0 else -LINES_OF_A_FAILURE :]:
            print(f"  {line[:300]}", flush=True)
        return self.latest.is_dir()


class Chain:
    """One run of the chain.

    Args:
        config: as above.
        minutes: of everything, packing included.
        device: of all stages, None for the best there is.

    Raises:
        RequestError: the configuration is wrong; the message names the field.
    """

    def __init__(self, config: Mapping[str, Any], minutes: float | None, device: str | None) -> None:
        if unknown := sorted(set(config) - set(FIELDS)):
            raise RequestError(f"config: expected fields among {', '.join(FIELDS)}, got {unknown}")
        if missing := sorted({"out", "codec", "munet"} - set(config)):
            raise RequestError(f"config: expected the fields out, codec and munet, missing {missing}")
        share = config.get("decoder_share")
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1):
            raise RequestError(f"decoder_share: expected a share between 0 and 1, got {share!r}")
        if minutes is None or not 0 < minutes < float("inf"):
            raise RequestError(f"minutes: expected the minutes of the chain (--minutes), got {minutes!r}")
        self.config, self.device, self.out = config, device, Path(config["out"])
        self.began = time.monotonic()
        self.end = self.began + 60 * minutes
        self.trained = self.end - min(RESERVE * 60 * minutes, MOST_RESERVE_SECONDS)
        self.out.mkdir(parents=True, exist_ok=True)

    def run(self) -> Path:
        """Run all stages and pack; returns the folder of what came out.

        Raises:
            RequestError: MuNet left no checkpoint.
        """
        codec, share = Path(self.config["codec"]), self.config.get("decoder_share")
        decoder = self._begin("decoder", {}, self.trained) if "decoder" in self.config and share is None else None
        munet_end = self.trained - (share or 0.0) * (self.trained - self.began)
        munet = self._begin("munet", {"autoencoder": self.config["codec"]}, munet_end)
        if "decoder" in self.config and share is not None:
            munet.wait(munet_end - LEAD_SECONDS - time.monotonic())
            decoder = self._begin("decoder", {}, self.trained)
        if not munet.finish(munet_end + LATE_SECONDS - time.monotonic()):
            if decoder is not None:
                decoder.finish(0.0)
            raise RequestError(f"munet: expected a checkpoint in {str(munet.latest)!r}, got none; see {munet.log}")
        if share is not None:
            self._export(munet.latest / "pipeline", codec)
        if decoder is not None and decoder.finish(self.trained + LATE_SECONDS - time.monotonic()):
            codec = decoder.latest / "codec"
        return self._export(munet.latest / "pipeline", codec)

    def _begin(self, name: str, training: Mapping[str, str], end: float) -> Stage:
        """Start a stage that is over at `end`, on the monotonic clock."""
        config = {**self.config[name], "stage": name}
        config["training"] = {**config.get("training", {}), **training, "out": str(self.out / name)}
        if name == "decoder":
            config["training"].setdefault("start", self.config["codec"])
        elif "text_encoder" in self.config:
            config["training"]["text_encoder"] = self.config["text_encoder"]
        if name == "munet" and "distill" in self.config:
            config["distill"] = {**self.config["distill"], "out": str(self.out / "distill")}
        file, log = self.out / f"{name}.json", self.out / f"{name}.log"
        file.write_text(json.dumps(config, indent=2))
        minutes = max(end - time.monotonic(), 1.0) / 60
        command = [sys.executable, "-u", "-m", "mustango_app", "train", str(file), "--minutes", f"{minutes:.3f}"]
        command += [] if self.device is None else ["--device", self.device]
        print(f"chain: {name} for {60 * minutes:.0f} s", flush=True)
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        return Stage(name, process, log, self.out / name / "latest")

    def _export(self, teacher: Path, codec: Path) -> Path:
        """Pack the student, if there is one, and the teacher, and write both as archives in parts."""
        folder, student = self.out / "export", self.out / "distill" / "latest" / "pipeline"
        student = student if student.is_dir() else None
        shutil.rmtree(folder, ignore_errors=True)
        text_encoder = self.config.get("text_encoder")
        pack(student or teacher, codec, folder / "pocket", text_encoder=text_encoder)
        archives = {"pocket": folder / "pocket"}
        if student is not None:
            pack(teacher, codec, folder / "teacher", text_encoder=text_encoder, with_codec=False)
            archives["teacher"] = folder / "teacher"
        for name, path in archives.items():
            write_parts(name, path, folder)
        logs = self.out / "logs"
        logs.mkdir(exist_ok=True)
        for path in (*self.out.glob("*.log"), *self.out.glob("*/log.csv")):
            target = path.name if path.parent == self.out else f"{path.parent.name}.csv"
            (logs / target).write_bytes(path.read_bytes())
        write_parts("logs", logs, folder)
        print(f"chain: {time.monotonic() - self.began:.0f} s in all", flush=True)
        return folder


def write_parts(name: str, folder: Path, out: Path, part_bytes: int = PART_BYTES) -> list[Path]:
    """Write `folder` as a tar archive in parts `out/name.tar.0`, `.1`, ...: `cat name.tar.* | tar x` brings it back."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, arcname=name)
    data, paths = buffer.getvalue(), []
    for index, first in enumerate(range(0, len(data), part_bytes)):
        paths.append(out / f"{name}.tar.{index}")
        paths[-1].write_bytes(data[first : first + part_bytes])
    return paths
