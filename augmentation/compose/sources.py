"""The sound sources: one command fetches them, says what is missing and keeps their licences and credits.

`python -m augmentation sources DIR` downloads packages of Debian and npm with the ordinary clients, makes a soundfont
of each source in DIR and notes it in DIR/sources.json. What is there already is left alone, so an interrupted run goes
on where it was. Samples are not part of this project: without any source the soundfont of pretty_midi plays.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from augmentation.compose.programs import INSTRUMENTS
from augmentation.compose.soundfont import read_soundfont, write_soundfont
from augmentation.compose.soundfont_subset import reduce_soundfont
from augmentation.compose.source_builders import PIANO_LAYERS, build_kits, build_piano
from munet.errors import RequestError
from munet.files import atomic_path, write_atomically

MANIFEST = "sources.json"
DEBIAN, NPM = "apt", "npm"
_PATIENCE = 1800  # seconds for one download
_PIANO_PACKAGE = "@audio-samples/piano-velocity"
_FAILURES = (OSError, subprocess.SubprocessError, RequestError)
KITS_TO_KEEP = (0, 8, 16, 24, 25, 32, 40, 48)


@dataclass(frozen=True)
class Source:
    """A sound source: the packages it comes in, and the soundfont it becomes.

    Attributes:
        name, file: what it is called, and the soundfont in the folder.
        client: "apt" or "npm".
        packages: names of the packages.
        licence, credit: of the samples.
        megabytes: to download, about.
        needs: other sources it is built upon.
    """

    name: str
    file: str
    client: str
    packages: tuple[str, ...]
    licence: str
    credit: str
    megabytes: int
    needs: tuple[str, ...] = ()


SOURCES: tuple[Source, ...] = (
    Source("musescore", "musescore.sf3", DEBIAN, ("musescore-general-soundfont",), "MIT, parts public domain and CC0",
           "MuseScore_General by S. Christian Collins; after FluidR3 by Frank Wen and many sample makers", 76),
    Source("fluidr3mono", "fluidr3mono.sf3", DEBIAN, ("fluidr3mono-gm-soundfont",), "MIT",
           "FluidR3 by Frank Wen; mono edition by Michael Cowgill", 19),
    Source("fluidr3", "fluidr3.sf2", DEBIAN, ("fluid-soundfont-gm",), "MIT", "FluidR3 by Frank Wen", 120),
    Source("salamander", "salamander.sf3", NPM, tuple(f"{_PIANO_PACKAGE}{layer}" for layer in PIANO_LAYERS),
           "CC-BY-3.0", "Salamander Grand Piano by Alexander Holm; Ogg files by Jan Forst", 29),
    Source("kits", "kits.sf3", DEBIAN, ("hydrogen-drumkits", "sonic-pi-samples"),
           "rumpf_kit_z01: CC-BY-3.0; Audiophob, Sonic Pi: CC0; other keys as fluidr3mono",
           "rumpf_kit_z01 by Emanuel Rumpf; Audiophob by audiophobdubstep; samples of Sonic Pi from freesound.org", 165,
           ("fluidr3mono",)),
)  # fmt: skip
# Source -> how it is cut down to travel: arguments of `reduce_soundfont`, where it is not only compressed.
_ALL = tuple(sorted(set(INSTRUMENTS.values())))
TRAVEL: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "musescore": {"programs": _ALL, "kits": KITS_TO_KEEP, "limit": 240_000, "mono": (0, 1, 3, 45, 48, 49, 89)},
        # What MuseScore_General has from elsewhere; the rest of the two is the same recording.
        "fluidr3mono": {
            "programs": (0, 5, 10, 22, 38, 39, 42, 45, 48, 50, 52, 62, 80, 81, 87, 88, 89, 90, 92),
            "kits": (),
        },
        "salamander": {"programs": (0,), "kits": (), "limit": 6_000_000, "layers": 3},
        "kits": {"programs": (), "kits": (0, 1, 24, 25, 26, 27)},
    }
)


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a folder's manifest says of its sources, by name; empty if there is none."""
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _note(folder: Path, source: Source, **more: Any) -> None:
    known = read_manifest(folder)
    known[source.name] = {**asdict(source), "bytes": (folder / source.file).stat().st_size, **more}
    write_atomically(folder / MANIFEST, (json.dumps(known, indent=2, sort_keys=True) + "\n").encode())


def _run(command: Sequence[str], where: Path) -> None:
    """Run a client of a registry; what it says goes into the error if it fails."""
    if shutil.which(command[0]) is None:
        raise RequestError(f"{command[0]}: expected to be installed, got nothing of that name")
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise RequestError(f"{' '.join(command)}: {last}")


def _fetch(source: Source, work: Path) -> list[Path]:
    """Download and unpack the packages of a source; returns their folders, in order."""
    folders = []
    for index, package in enumerate(source.packages):
        cellar, inside = work / f"{index}", work / f"{index}" / "inside"
        inside.mkdir(parents=True)
        if source.client == DEBIAN:
            _run(["apt-get", "download", "-qq", package], cellar)
            (archive,) = cellar.glob("*.deb")
            _run(["dpkg-deb", "-x", str(archive), str(inside)], cellar)
        else:
            _run(["npm", "pack", "--silent", package], cellar)
            (archive,) = cellar.glob("*.tgz")
            shutil.unpack_archive(archive, inside, filter="data")
        folders.append(inside)
    return folders


def _versions(folders: Sequence[Path]) -> list[str]:
    """File names of the packages, which tell their versions."""
    return [path.name for folder in folders for path in folder.parent.glob("*.*") if path.suffix in (".deb", ".tgz")]


def _licences(folders: Sequence[Path]) -> bytes:
    """What the packages say of their licence, joined."""
    names = ("copyright", "LICENSE", "LICENSE.md", "README.md")
    texts = [path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.name in names]
    return b"\n".join(texts)


def _ready_made(folder: Path, source: Source, packages: Sequence[Path]) -> None:
    """Put the largest soundfont of a package into the folder, as it is."""
    suffix = Path(source.file).suffix
    found = max((p for p in packages[0].rglob(f"*{suffix}") if not p.is_symlink()), key=lambda p: p.stat().st_size)
    with atomic_path(folder / source.file) as partial:
        shutil.copyfile(found, partial)


def _piano(folder: Path, source: Source, packages: Sequence[Path]) -> None:
    presets = build_piano(dict(zip(PIANO_LAYERS, packages, strict=True)))
    write_soundfont(folder / source.file, presets, "Salamander", source.credit)


def _kits(folder: Path, source: Source, packages: Sequence[Path]) -> None:
    presets = build_kits(packages, read_soundfont(folder / "fluidr3mono.sf3"))
    write_soundfont(folder / source.file, presets, "Kits", source.credit)


_BUILDERS: Mapping[str, Callable[[Path, Source, Sequence[Path]], None]] = MappingProxyType(
    {"salamander": _piano, "kits": _kits}
)


def fetch_sources(folder: str | Path, only: Collection[str] = ()) -> list[dict[str, Any]]:
    """Fetch what is missing of the sound sources.

    Args:
        folder: where the soundfonts go; made if need be.
        only: names of `SOURCES`; all if empty.

    Returns:
        For each source `{"name", "file", "licence", "credit", "status", "reason"}`: status "there" (before), "fetched"
        or "missing", with the reason.

    Raises:
        RequestError: `only` names something else.
        OSError: the folder cannot be written to.
    """
    names = [source.name for source in SOURCES]
    if unknown := sorted(set(only) - set(names)):
        raise RequestError(f"only: expected some of {', '.join(names)}, got {', '.join(unknown)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    report = []
    for source in SOURCES:
        if only and source.name not in only:
            continue
        status, reason = _ensure(folder, source)
        told = {"name": source.name, "file": source.file, "licence": source.licence, "credit": source.credit}
        report.append({**told, "status": status, "reason": reason})
    return report


def _ensure(folder: Path, source: Source) -> tuple[str, str]:
    """Fetch a source unless it is there; its status and, if it is missing, the reason."""
    if source.name in read_manifest(folder) and (folder / source.file).is_file():
        return "there", ""
    for other in source.needs:
        if other not in read_manifest(folder):
            return "missing", f"needs {other}"
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as work:
            packages = _fetch(source, Path(work))
            _BUILDERS.get(source.name, _ready_made)(folder, source, packages)
            write_atomically(folder / f"{source.name}.licence.txt", _licences(packages))
            _note(folder, source, archives=_versions(packages))
    except _FAILURES as error:
        return "missing", str(error)
    return "fetched", ""


def make_travel_set(folder: str | Path, target: str | Path) -> dict[str, int]:
    """Write small editions of a folder's sources (about 30 MB together) for machines without a network.

    Args:
        folder: what `fetch_sources` filled.
        target: folder of the small soundfonts and their manifest.

    Returns:
        File name -> bytes.

    Raises:
        RequestError: the folder has none of the sources.
    """
    folder, target = Path(folder), Path(target)
    target.mkdir(parents=True, exist_ok=True)
    known = read_manifest(folder)
    sizes = {}
    for source in SOURCES:
        if source.name in known and source.name in TRAVEL:
            sizes[source.file] = reduce_soundfont(folder / source.file, target / source.file, **TRAVEL[source.name])
            _note(target, source)
    if not sizes:
        raise RequestError(f"sources: expected a folder that the command sources has filled, got {str(folder)!r}")
    return sizes
