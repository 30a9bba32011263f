"""Rows of a finished dataset as files that others read: Hugging Face's `audiofolder`, MusicBench's JSON lines, Parquet.

    OUT/train/metadata.jsonl                        one row per audio file beside it
    OUT/musicbench/MusicBench_train.json            MusicBench's fields only, JSON lines as published
    OUT/parquet/train-00000-of-00003.parquet        all fields and the audio itself (`{"bytes", "path"}`), on request

and likewise for the other splits that have rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from augmentation.dataset.records import METADATA, json_lines
from munet.errors import RequestError
from munet.files import write_atomically

if TYPE_CHECKING:
    import pyarrow

SPLITS = ("train", "validation", "test")
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
        "source": Field("text", False, "recording it was cut from; decides the split"),
        "main_caption": Field("text", True, "caption with 0 to 4 facts from the labels, reworded for changed versions"),
        "alt_caption": Field("text", True, "caption as it was given, its tempo, key and chords changed with the sound"),
        "prompt_aug": Field("text", True, "sentence on a change of volume"),
        "prompt_ch": Field("text", True, "sentence on the chords"),
        "prompt_bt": Field("text", True, "sentence on the beats of a bar; empty if they are uncertain"),
        "prompt_bpm": Field("text", True, "sentence on the tempo; empty if it is uncertain"),
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


def _write_parquet(folder: Path, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    audio = [{"bytes": (folder / row["location"]).read_bytes(), "path": row["file_name"]} for row in rows]
    columns = {"audio": pa.array(audio, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}
    columns |= {name: pa.array([row[name] for row in rows], arrow_type(field.kind)) for name, field in FIELDS.items()}
    buffer = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table(columns), buffer)
    write_atomically(path, buffer.getvalue())


def write_tables(folder: Path, shards: Sequence[Path], parquet: bool, fresh: bool) -> set[str]:
    """Write all tables of a dataset.

    Args:
        folder: The dataset.
        shards: Files of rows, one for each finished clip.
        parquet: Whether to write Parquet files.
        fresh: Whether there are new rows; otherwise Parquet files that are there are whole and stay.

    Returns:
        Locations of all rows.
    """
    locations: set[str] = set()
    (folder / "musicbench").mkdir(exist_ok=True)
    (folder / "parquet").mkdir(exist_ok=True) if parquet else None
    for stale in (folder / "parquet").glob("*.parquet") if fresh else ():
        stale.unlink()
    for split in SPLITS:
        rows = [row for row in rows_of(shards) if split_of(row) == split]
        locations |= {row["location"] for row in rows}
        published = [{name: row[name] for name, field in FIELDS.items() if field.published} for row in rows]
        for path, table in (
            (folder / split / METADATA, rows),
            (folder / "musicbench" / f"MusicBench_{split}.json", published),
        ):
            if table:
                write_atomically(path, json_lines(table))
            else:
                path.unlink(missing_ok=True)
        files = -(-len(rows) // PARQUET_ROWS) if parquet else 0
        for number in range(files):
            path = folder / "parquet" / f"{split}-{number:05d}-of-{files:05d}.parquet"
            if not path.is_file():
                _write_parquet(folder, rows[number * PARQUET_ROWS : (number + 1) * PARQUET_ROWS], path)
    return locations
