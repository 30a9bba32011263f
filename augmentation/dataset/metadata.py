"""Lines of METADATA as people have them: CSV of any usual dialect, JSON arrays, JSON lines, a folder with sidecars.

A file's encoding is found by its byte order mark, else it is UTF-8 or, failing that, Windows-1252. A CSV's delimiter is
the one among comma, semicolon, tab and bar that its header has most of; names of columns count in small letters. A line
that cannot be used is an `Entry` with a problem, never the end of a build.

In a bare folder every audio file is a line. Beside `song.mp3`, `song.txt` is its caption, and `song.json` an object of
the fields that a JSON line has; what has neither is captioned by machine (`augmentation.dataset.machine`).
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augmentation.dataset.records import METADATA
from munet.errors import RequestError, expect

# Endings in the order in which they are preferred when a recording lies there in several formats.
ENDINGS = (".flac", ".wav", ".aiff", ".aif", ".au", ".caf", ".w64", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4",
           ".aac", ".webm", ".wma", ".mkv", ".mov", ".avi", ".m4v")  # fmt: skip
DELIMITERS = ",;\t|"
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_CELL = 2**24  # characters
FOLDER_METADATA = (METADATA, "metadata.csv", "metadata.json")


@dataclass(frozen=True)
class Entry:
    """One line of METADATA: its fields, or why it cannot be used. `where` says which line it is."""

    where: str
    row: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def decode_text(data: bytes, name: str) -> str:
    """Text of a file, by its byte order mark, as UTF-8, or as Windows-1252.

    Raises:
        RequestError: It holds zero bytes, as no text does.
    """
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), None)
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    expect("metadata", "\0" not in text, "text", f"{name} with zero bytes")
    return text


def metadata_file(path: Path) -> Path | None:
    """The file of lines that METADATA stands for; None for a bare folder of audio.

    Raises:
        RequestError: There is no such file or folder.
    """
    expect("metadata", path.exists(), "a CSV or JSON file, or a folder", str(path))
    if path.is_file():
        return path
    return next((path / name for name in FOLDER_METADATA if (path / name).is_file()), None)


def read_entries(metadata: str | Path) -> list[Entry]:
    """Read METADATA, whatever its form.

    Raises:
        RequestError: The file is missing, or holds no lines at all of any form that is known.
    """
    path = metadata_file(Path(metadata))
    if path is None:
        return list(_folder(Path(metadata)))
    text = decode_text(path.read_bytes(), path.name)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return list(_csv(text))
    return list(_array(text, path.name) if text.lstrip().startswith("[") else _json_lines(text))


# --- CSV --------------------------------------------------------------------------------------------------------------


def _csv(text: str) -> Iterator[Entry]:
    lines = text.splitlines(keepends=True)
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    names: list[str] | None = None
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield Entry(f"metadata, row {number}", problem=f"expected CSV, got {error} on line {reader.line_num}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = [cell.strip().lower() for cell in cells]
            continue
        number += 1
        where = f"metadata, row {number}"
        if len(cells) != len(names):
            advice = "" if len(cells) < len(names) else f"; quote a caption that holds {delimiter!r}"
            problem = f"expected {len(names)} columns, got {len(cells)} on line {reader.line_num}{advice}"
            yield Entry(where, problem=problem)
        else:
            yield Entry(where, {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()})


# --- JSON -------------------------------------------------------------------------------------------------------------


def _entry(where: str, value: Any) -> Entry:
    if not isinstance(value, dict):
        return Entry(where, problem=f"expected a JSON object, got {str(value)[:60]!r}")
    return Entry(where, value)


def _array(text: str, name: str) -> Iterator[Entry]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise RequestError(f"metadata: expected a JSON array in {name}, got {error}") from error
    for number, value in enumerate(values, start=1):
        yield _entry(f"metadata, row {number}", value)


def _json_lines(text: str) -> Iterator[Entry]:
    number = 0
    for line_number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        number += 1
        where = f"metadata, row {number}"
        try:
            yield _entry(where, json.loads(line))
        except json.JSONDecodeError as error:
            yield Entry(where, problem=f"expected a JSON object on line {line_number}, got {error}")


# --- a folder of audio ------------------------------------------------------------------------------------------------


def audio_files(folder: Path) -> list[Path]:
    """Audio files anywhere in a folder, by their endings, in order of their paths; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def sidecars(audio: Path) -> tuple[Path, ...]:
    """The files beside a recording that speak of it: `song.json`, `song.txt`."""
    return tuple(path for path in (audio.with_suffix(".json"), audio.with_suffix(".txt")) if path.is_file())


def _folder(folder: Path) -> Iterator[Entry]:
    paths = audio_files(folder)
    expect("metadata", bool(paths), "a file of captions, or a folder of audio", str(folder))
    for path in paths:
        name = path.relative_to(folder).as_posix()
        row: dict[str, Any] = {}
        try:
            for sidecar in sidecars(path):
                text = decode_text(sidecar.read_bytes(), sidecar.name)
                told = json.loads(text) if sidecar.suffix == ".json" else {"caption": " ".join(text.split())}
                row = {**_object(told, sidecar), **row}
        except (json.JSONDecodeError, RequestError) as error:
            yield Entry(name, {"file": name}, problem=f"expected a JSON object beside it, got {error}")
            continue
        yield Entry(name, {**row, "file": name})


def _object(value: Any, path: Path) -> dict[str, Any]:
    expect(path.name, isinstance(value, dict), "a JSON object", str(value)[:60])
    return value


def fingerprint(metadata: Path, entries: Sequence[Entry]) -> bytes:
    """What decides whether METADATA are the same as before: the bytes of the file, or the lines of a bare folder."""
    path = metadata_file(metadata)
    if path is not None:
        return path.read_bytes()
    return "".join(f"{json.dumps(entry.row, sort_keys=True)}\n" for entry in entries).encode()
