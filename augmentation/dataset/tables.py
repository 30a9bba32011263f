"""Rows of a finished dataset as files that others read: Hugging Face's `audiofolder`, MusicBench's JSON lines, Parquet.

    OUT/train/metadata.jsonl                        one row per audio file beside it
    OUT/musicbench/MusicBench_train.json            MusicBench's fields only, JSON lines as published
    OUT/musicbench/MusicBench_TestA.json, TestB     clips of the test split as they are: captions as given, and with
                                                    all that is known stated behind them
    OUT/parquet/train-00000-of-00003.parquet        all fields and the audio (`{"bytes", "path"}`), on request; by
                                                    reference the bytes stay in the FLAC file alone
    OUT/webdataset/train-000000.tar                 on request: KEY.flac and KEY.json of each row

and likewise for the other splits that have rows.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from augmentation.dataset.records import METADATA, json_lines
from augmentation.dataset.splits import SPLITS
from munet.errors import RequestError
from munet.files import atomic_path, write_atomically

if TYPE_CHECKING:
    import pyarrow

SENTENCES = ("prompt_ch", "prompt_bt", "prompt_bpm", "prompt_key")
PARQUET = ("", "reference", "embedded")
TAR_ROWS = 1200  # a hundred clips: about a gigabyte
PARQUET_ROWS = 240  # twenty clips: about 200 MB, which one worker's memory holds twice


class Field(NamedTuple):
    """A field of a row: the type of its values (see `arrow_type`), whether MusicBench has it, and what it says."""

    kind: str
    published: bool
    meaning: str


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "file_name": Field("text", False, "audio file, relative to the folder of the split"),
        "location": Field("text", True, "audio file, relative to the dataset"),
        "dataset": Field("text", True, "where the clip comes from, if the metadata say so"),
        "source": Field("text", False, "recording it was cut from, as the metadata call it"),
        "recording": Field("text", False, "the same for all that sounds the same; decides the split"),
        "main_caption": Field("text", True, "caption with 0 to 4 facts from the labels, reworded for changed versions"),
        "alt_caption": Field("text", True, "caption as it was given, its tempo, key and chords changed with the sound"),
        "prompt_aug": Field("text", True, "sentence on a change of volume"),
        "prompt_ch": Field("text", True, "sentence on the chords"),
        "prompt_bt": Field("text", True, "sentence on the beats of a bar; empty if they are uncertain"),
        "prompt_bpm": Field("text", True, "sentence on the tempo; empty if it is uncertain"),
        "prompt_voice": Field("text", False, "sentence on singing; empty if it is uncertain or the caption says so"),
        "prompt_key": Field("text", True, "sentence on the key; empty if it is uncertain"),
        "beats": Field("grid", True, "`[[seconds], [positions in the bar]]`, position 1 is the downbeat"),
        "bpm": Field("number", True, "beats per minute"),
        "chords": Field("texts", True, "chord symbols"),
        "chords_time": Field("numbers", True, "second at which each chord begins"),
        "key": Field("texts", True, "`[tonic, mode]`"),
        "keyprob": Field("numbers", True, "share of the methods that agree on the key"),
        "is_audioset_eval_mcaps": Field("flag", True, "whether MusicCaps counts the clip to AudioSet's evaluation set"),
        "meter": Field("whole", False, "beats of a bar"),
        "duration": Field("number", False, "seconds"),
        "beat_confidence": Field("number", False, "0 to 1; below 0.3 tempo and beats are not stated"),
        "beat_phase": Field("number", False, "0 to 1; below 0.5 the beats may be half a beat off, and are not stated"),
        "chord_confidence": Field("number", False, "0 to 1; below 0.5 chords are not stated"),
        "singing": Field("number", False, "share of the time in which somebody sings; stated from 0.7"),
        "caption_by": Field("text", False, "`machine` if nobody captioned the clip and the project's judge did"),
        "instruments": Field("texts", False, "classes of instruments that the judge heard, if it wrote the caption"),
        "style": Field("text", False, "style that the judge heard, if it wrote the caption"),
        "augmentation": Field("change", False, "what was done to the clip; null for the clip itself"),
        "paraphrase": Field(
            "writer", False, "what reworded `main_caption`, and why it was not the model if one was asked"
        ),
    }
)


def rows_of(shards: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Rows of finished clips, in order."""
    for shard in shards:
        yield from map(json.loads, shard.read_text(encoding="utf-8").splitlines())


def split_of(row: Mapping[str, Any]) -> str:
    """Split that a row belongs to."""
    return row["location"].split("/")[0]


def arrow_type(kind: str) -> pyarrow.DataType:
    """Arrow type of the values of a `Field`."""
    import pyarrow as pa

    change = {"kind": "text", "semitones": "whole", "factor": "number", "rising": "flag"}
    change |= dict.fromkeys(("low", "start", "end"), "number")
    types = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "flag": pa.bool_()}
    types |= {"texts": pa.list_(types["text"]), "numbers": pa.list_(types["number"])}
    types["grid"] = pa.list_(types["numbers"])
    types["writer"] = pa.struct([("by", types["text"]), ("note", types["text"])])
    types["change"] = pa.struct([(name, types[part]) for name, part in change.items()])
    return types[kind]


def require_parquet() -> None:
    """Check that Parquet can be written.

    Raises:
        RequestError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise RequestError(
            "parquet: expected pyarrow to be installed (pip install pyarrow), got no such module"
        ) from error


def _write_parquet(folder: Path, embedded: bool, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    audio = [
        {"bytes": (folder / row["location"]).read_bytes() if embedded else None,
         "path": row["file_name"] if embedded else row["location"]}
        for row in rows
    ]  # fmt: skip
    columns = {"audio": pa.array(audio, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}
    columns |= {name: pa.array([row[name] for row in rows], arrow_type(field.kind)) for name, field in FIELDS.items()}
    buffer = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table(columns), buffer)
    write_atomically(path, buffer.getvalue())


def _write_tar(folder: Path, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write KEY.flac and KEY.json of each row; a key ends at its first dot, so that dots become dashes."""
    with atomic_path(path) as partial, tarfile.open(partial, "w") as archive:
        for row in rows:
            key = Path(row["file_name"]).stem.replace(".", "-")
            parts = {"flac": (folder / row["location"]).read_bytes(), "json": json_lines([row])}
            for ending, data in parts.items():
                entry = tarfile.TarInfo(f"{key}.{ending}")  # no time and no owner: the same rows give the same bytes
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


def _write_parts(
    split: str, rows: Sequence[Mapping[str, Any]], most: int, pattern: str, write: Callable[..., None]
) -> None:
    """Write rows in files of at most `most`; files that are there are whole and stay."""
    files = -(-len(rows) // most)
    for number in range(files):
        path = Path(pattern.format(split=split, number=number, files=files))
        if not path.is_file():
            write(rows[number * most : (number + 1) * most], path)


def _tests(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """MusicBench's two tests on the same clips: A with the captions as given, B with every sentence behind them."""
    clips = [{name: row[name] for name, field in FIELDS.items() if field.published}
             for row in rows if row["augmentation"] is None]  # fmt: skip
    stated = [" ".join([row["alt_caption"], *(row[name] for name in SENTENCES if row[name])]) for row in clips]
    return {
        "TestA": [{**row, "main_caption": row["alt_caption"]} for row in clips],
        "TestB": [{**row, "main_caption": text} for row, text in zip(clips, stated, strict=True)],
    }


def write_tables(
    folder: Path, shards: Sequence[Path], parquet: str = "", webdataset: bool = False, fresh: bool = True
) -> set[str]:
    """Write all tables of a dataset.

    Args:
        folder: The dataset.
        shards: Files of rows, one for each finished clip.
        parquet: One of `PARQUET`.
        webdataset: Whether to write tar archives.
        fresh: Whether there are new rows; otherwise Parquet files and archives that are there are whole and stay.

    Returns:
        Locations of all rows.
    """
    locations: set[str] = set()
    kinds = {"musicbench": True, "parquet": bool(parquet), "webdataset": webdataset}
    for name in (name for name, wanted in kinds.items() if wanted):
        (folder / name).mkdir(exist_ok=True)
    for stale in (*folder.glob("parquet/*.parquet"), *folder.glob("webdataset/*.tar")) if fresh else ():
        stale.unlink()
    for split in SPLITS:
        rows = [row for row in rows_of(shards) if split_of(row) == split]
        locations |= {row["location"] for row in rows}
        published = [{name: row[name] for name, field in FIELDS.items() if field.published} for row in rows]
        tables = {folder / split / METADATA: rows, folder / "musicbench" / f"MusicBench_{split}.json": published}
        if split == "test":
            tables |= {folder / "musicbench" / f"MusicBench_{name}.json": part for name, part in _tests(rows).items()}
        for path, table in tables.items():
            if table:
                write_atomically(path, json_lines(table))
            else:
                path.unlink(missing_ok=True)
        if parquet:
            pattern = f"{folder}/parquet/{{split}}-{{number:05d}}-of-{{files:05d}}.parquet"
            _write_parts(split, rows, PARQUET_ROWS, pattern, partial(_write_parquet, folder, parquet == "embedded"))
        if webdataset:
            pattern = f"{folder}/webdataset/{{split}}-{{number:06d}}.tar"
            _write_parts(split, rows, TAR_ROWS, pattern, partial(_write_tar, folder))
    return locations
