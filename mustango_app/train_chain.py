"""The whole training as one command: `mustango train configs/pocket_chain.json --minutes N`.

    {"stage": "chain", "out": FOLDER, "codec": FOLDER, "decoder": {...}, "munet": {...}, "distill": {...},
     "munet_share": 0.7}

Each stage is a configuration of its own without `stage`, `out` and what the chain fills in, and runs as a process:
the codec's decoder beside MuNet and its distillation, since the encoder, and so the latents, never change. A stage
that is left out is skipped; one that fails is said, and the rest goes on. At the end everything lies in `out/export`:
`pocket` (what is shipped), `teacher` (MuNet before the distillation, to go on from), and both as archives in parts
small enough to be sent.
"""

from __future__ import annotations

import io
import json
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

FIELDS = ("stage", "out", "codec", "decoder", "munet", "distill", "munet_share", "text_encoder", "minutes", "device")
RESERVE = 0.1  # share of the time kept for packing, at most
MOST_RESERVE_SECONDS = 45.0
PART_BYTES = 15_000_000
LINES_OF_A_FAILURE = 25


@dataclass
class Stage:
    """A stage that runs: its process, its log and its newest checkpoint."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    latest: Path

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
        if minutes is None or not 0 < minutes < float("inf"):
            raise RequestError(f"minutes: expected the minutes of the chain (--minutes), got {minutes!r}")
        if not 0 < config.get("munet_share", 0.7) <= 1:
            raise RequestError(f"munet_share: expected a share above 0 and up to 1, got {config['munet_share']!r}")
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
        decoder = self._begin("decoder", self.trained, {}) if "decoder" in self.config else None
        share = self.config.get("munet_share", 0.7) if "distill" in self.config else 1.0
        until = time.monotonic() + share * (self.trained - time.monotonic())
        munet = self._begin("munet", until, {"autoencoder": self.config["codec"]})
        if not munet.finish(until + 20 - time.monotonic()):
            if decoder is not None:
                decoder.finish(self.trained + 20 - time.monotonic())
            raise RequestError(f"munet: expected a checkpoint in {str(munet.latest)!r}, got none; see {munet.log}")
        teacher = munet.latest / "pipeline"
        student = None
        if "distill" in self.config:
            start = {"autoencoder": self.config["codec"], "start": str(teacher)}
            distilled = self._begin("distill", self.trained, start)
            if distilled.finish(self.trained + 20 - time.monotonic()):
                student = distilled.latest / "pipeline"
        codec = Path(self.config["codec"])
        if decoder is not None and decoder.finish(self.trained + 20 - time.monotonic()):
            codec = decoder.latest / "codec"
        return self._export(teacher, student, codec)

    def _begin(self, name: str, until: float, training: Mapping[str, str]) -> Stage:
        """Start a stage that is over at `until`."""
        config = {**self.config[name], "stage": name}
        config["training"] = {**config.get("training", {}), **training, "out": str(self.out / name)}
        if name == "decoder":
            config["training"].setdefault("start", self.config["codec"])
        elif "text_encoder" in self.config:
            config["training"]["text_encoder"] = self.config["text_encoder"]
        file, log = self.out / f"{name}.json", self.out / f"{name}.log"
        file.write_text(json.dumps(config, indent=2))
        minutes = max(until - time.monotonic(), 1.0) / 60
        command = [sys.executable, "-u", "-m", "mustango_app", "train", str(file), "--minutes", f"{minutes:.3f}"]
        command += [] if self.device is None else ["--device", self.device]
        print(f"chain: {name} for {60 * minutes:.0f} s", flush=True)
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        return Stage(name, process, log, self.out / name / "latest")

    def _export(self, teacher: Path, student: Path | None, codec: Path) -> Path:
        """Pack student and teacher, and write both as archives in parts."""
        folder = self.out / "export"
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
