"""SoundFont files (.sf2, .sf3): read into objects, and written from them.

A file is a list of presets, which play instruments, which play samples; here each is an object that points at the
next one, and the index tables of the format exist only while reading and writing. Samples of an .sf3 are Ogg Vorbis
and stay as they are. Format: SoundFont Technical Specification 2.04 (Creative Technology, 2006); .sf3 is MuseScore's
extension, in which offsets count bytes and loops count from the start of the sample.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from munet.errors import RequestError
from munet.files import write_atomically

COMPRESSED = 0x10  # bit of a sample's type
MONO, RIGHT, LEFT = 1, 2, 4
DRUM_BANK = 128
# Generators that this package reads or writes, by their number in the specification.
PAN, RELEASE, KEYS, VELOCITIES, ATTENUATION = 17, 38, 43, 44, 48
INSTRUMENT, SAMPLE, LOOPED, GROUP, ROOT = 41, 53, 54, 57, 58
_GAP = 46  # zero samples after each uncompressed one, which the specification asks for
_NAME = "S20"
_TABLES: Mapping[str, np.dtype] = MappingProxyType(
    {
        "phdr": np.dtype([("name", _NAME), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "<u4", 3)]),
        "pbag": np.dtype([("gen", "<u2"), ("mod", "<u2")]),
        "pmod": np.dtype([("fields", "<u2", 5)]),
        "pgen": np.dtype([("kind", "<u2"), ("amount", "<i2")]),
        "inst": np.dtype([("name", _NAME), ("bag", "<u2")]),
        "ibag": np.dtype([("gen", "<u2"), ("mod", "<u2")]),
        "imod": np.dtype([("fields", "<u2", 5)]),
        "igen": np.dtype([("kind", "<u2"), ("amount", "<i2")]),
        "shdr": np.dtype(
            [
                ("name", _NAME),
                ("start", "<u4"),
                ("end", "<u4"),
                ("loop_start", "<u4"),
                ("loop_end", "<u4"),
                ("rate", "<u4"),
                ("pitch", "u1"),
                ("cents", "i1"),
                ("link", "<u2"),
                ("type", "<u2"),
            ]
        ),
    }
)


@dataclass(frozen=True, eq=False)
class Sample:
    """One recorded channel: 16-bit samples, or an Ogg Vorbis stream where `kind` has the bit `COMPRESSED`.

    `loop` is (start, end) in samples from the start; `pitch` is MIDI, `cents` corrects it; `rate` is in Hz.
    """

    name: str
    data: bytes = field(repr=False)
    rate: int
    pitch: int = 60
    cents: int = 0
    loop: tuple[int, int] = (0, 0)
    kind: int = MONO


@dataclass(frozen=True, eq=False)
class Zone:
    """Settings for a range of keys and velocities: (generator, amount) pairs, raw modulators, and what is played."""

    settings: tuple[tuple[int, int], ...]
    plays: Instrument | Sample | None = None
    modulators: bytes = b""


@dataclass(frozen=True, eq=False)
class Instrument:
    """A named set of zones that play samples."""

    name: str
    zones: tuple[Zone, ...]


@dataclass(frozen=True, eq=False)
class Preset:
    """What a program number selects (bank 128: drum kits): zones that play instruments."""

    name: str
    bank: int
    program: int
    zones: tuple[Zone, ...]

    def samples(self) -> tuple[Sample, ...]:
        """Return the samples that the preset plays, each once."""
        instruments = [zone.plays for zone in self.zones if isinstance(zone.plays, Instrument)]
        played = [zone.plays for instrument in instruments for zone in instrument.zones]
        return tuple(dict.fromkeys(sample for sample in played if isinstance(sample, Sample)))


def keys(low: int, high: int) -> int:
    """Return the amount of a range of keys or velocities, both ends included."""
    return int(np.array(high << 8 | low, np.uint16).astype(np.int16))


def read_soundfont(path: str | Path) -> tuple[Preset, ...]:
    """Read all presets of a file.

    Raises:
        RequestError: the file is no SoundFont, or breaks off.
    """
    data = Path(path).read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise RequestError(f"soundfont: expected a SoundFont (.sf2 or .sf3) file, got {str(path)!r}")
    chunks = dict(_chunks(memoryview(data)[12:]))
    try:
        tables = {name: np.frombuffer(chunks[name], kind) for name, kind in _TABLES.items()}
        samples = [_sample(row, chunks["smpl"]) for row in tables["shdr"][:-1]]
        zones = _zones(tables["inst"], tables["ibag"], tables["igen"], tables["imod"], SAMPLE, samples)
        names = [_text(row["name"]) for row in tables["inst"][:-1]]
        instruments = [Instrument(name, own) for name, own in zip(names, zones, strict=True)]
        zones = _zones(tables["phdr"], tables["pbag"], tables["pgen"], tables["pmod"], INSTRUMENT, instruments)
    except (KeyError, IndexError, ValueError) as error:
        raise RequestError(f"soundfont: expected a whole file, got {str(path)!r} ({error})") from error
    heads = tables["phdr"][:-1]
    return tuple(
        Preset(_text(row["name"]), int(row["bank"]), int(row["program"]), own)
        for row, own in zip(heads, zones, strict=True)
    )


def _chunks(data: memoryview) -> Iterable[tuple[str, memoryview]]:
    """Yield (name, content) of all chunks, those inside lists instead of the lists."""
    place = 0
    while place + 8 <= len(data):
        name = bytes(data[place : place + 4]).decode("latin-1")
        (size,) = struct.unpack("<I", data[place + 4 : place + 8])
        content = data[place + 8 : place + 8 + size]
        if name == "LIST":
            yield from _chunks(content[4:])
        else:
            yield name, content
        place += 8 + size
        if size % 2 and place < len(data) and data[place] == 0:  # MuseScore's own files leave the padding out
            place += 1


def _text(name: bytes) -> str:
    return name.split(b"\0")[0].decode("latin-1")


def _sample(row: np.void, data: memoryview) -> Sample:
    start, end = int(row["start"]), int(row["end"])
    loop = (int(row["loop_start"]), int(row["loop_end"]))
    kind = int(row["type"])
    if kind & COMPRESSED:
        content = bytes(data[start:end])
    else:
        content, loop = bytes(data[2 * start : 2 * end]), (max(0, loop[0] - start), max(0, loop[1] - start))
    return Sample(_text(row["name"]), content, int(row["rate"]), int(row["pitch"]), int(row["cents"]), loop, kind)


def _zones(
    heads: np.ndarray, bags: np.ndarray, gens: np.ndarray, mods: np.ndarray, target: int, played: Sequence
) -> list[tuple[Zone, ...]]:
    """Zones of each head; `target` is the generator that names what a zone plays."""
    found = []
    for head in range(len(heads) - 1):
        own = []
        for bag in range(int(heads[head]["bag"]), int(heads[head + 1]["bag"])):
            rows = gens[int(bags[bag]["gen"]) : int(bags[bag + 1]["gen"])]
            settings = [(int(row["kind"]), int(row["amount"])) for row in rows]
            plays = [played[amount & 0xFFFF] for kind, amount in settings if kind == target]
            raw = mods[int(bags[bag]["mod"]) : int(bags[bag + 1]["mod"])].tobytes()
            kept = tuple(setting for setting in settings if setting[0] != target)
            own.append(Zone(kept, plays[-1] if plays else None, raw))
        found.append(tuple(own))
    return found


def write_soundfont(path: str | Path, presets: Collection[Preset], name: str, credit: str = "") -> int:
    """Write presets, with all that they play, as one file; return its size in bytes.

    Compressed and uncompressed samples do not mix in one file.

    Raises:
        RequestError: there is nothing to write, or samples of both kinds.
    """
    ordered = sorted(presets, key=lambda preset: (preset.bank, preset.program))
    samples = list(dict.fromkeys(sample for preset in ordered for sample in preset.samples()))
    if len({sample.kind & COMPRESSED for sample in samples}) != 1:
        raise RequestError("presets: expected samples, all compressed or none, got " + f"{len(samples)} samples")
    instruments = list(dict.fromkeys(zone.plays for preset in ordered for zone in preset.zones if zone.plays))
    tables = {**_preset_tables(ordered, instruments), **_instrument_tables(instruments, samples)}
    headers, data = _pack(samples)
    version = 3 if samples[0].kind & COMPRESSED else 2
    info = [("ifil", struct.pack("<HH", version, 1)), ("isng", b"EMU8000\0"), ("INAM", name.encode("latin-1") + b"\0")]
    if credit:
        info.append(("ICOP", credit.encode("latin-1", "replace") + b"\0"))
    body = _list("INFO", info) + _list("sdta", [("smpl", data)]) + _list("pdta", [*tables.items(), ("shdr", headers)])
    whole = b"RIFF" + struct.pack("<I", len(body) + 4) + b"sfbk" + body
    write_atomically(path, whole)
    return len(whole)


def _chunk(name: str, content: bytes) -> bytes:
    content += b"\0" * (len(content) % 2)  # counted: TinySoundFont skips no padding
    return name.encode("latin-1") + struct.pack("<I", len(content)) + content


def _list(kind: str, chunks: Iterable[tuple[str, bytes]]) -> bytes:
    return _chunk("LIST", kind.encode("latin-1") + b"".join(_chunk(*chunk) for chunk in chunks))


def _rows(table: str, rows: Sequence[tuple]) -> bytes:
    return np.array(rows, _TABLES[table]).tobytes()


def _bag_tables(owners: Sequence[Preset] | Sequence[Instrument], target: int, place: Mapping) -> tuple:
    """First zone of each owner, then the tables of zones, settings and modulators."""
    firsts, bags, gens, mods = [], [], [], b""
    for owner in owners:
        firsts.append(len(bags))
        for zone in owner.zones:
            bags.append((len(gens), len(mods) // 10))
            gens += zone.settings
            if zone.plays is not None:  # the specification wants it last
                gens.append((target, int(np.uint16(place[zone.plays]).astype(np.int16))))
            mods += zone.modulators
    firsts.append(len(bags))
    bags.append((len(gens), len(mods) // 10))
    return firsts, bags, [*gens, (0, 0)], mods + b"\0" * 10


def _preset_tables(presets: Sequence[Preset], instruments: Sequence[Instrument]) -> dict[str, bytes]:
    place = {instrument: index for index, instrument in enumerate(instruments)}
    firsts, bags, gens, mods = _bag_tables(presets, INSTRUMENT, place)
    heads = [
        (preset.name.encode("latin-1"), preset.program, preset.bank, first, (0, 0, 0))
        for preset, first in zip(presets, firsts[:-1], strict=True)
    ]
    heads.append((b"EOP", 0, 0, firsts[-1], (0, 0, 0)))
    return {"phdr": _rows("phdr", heads), "pbag": _rows("pbag", bags), "pmod": mods, "pgen": _rows("pgen", gens)}


def _instrument_tables(instruments: Sequence[Instrument], samples: Sequence[Sample]) -> dict[str, bytes]:
    place = {sample: index for index, sample in enumerate(samples)}
    firsts, bags, gens, mods = _bag_tables(instruments, SAMPLE, place)
    heads = [(i.name.encode("latin-1"), first) for i, first in zip(instruments, firsts[:-1], strict=True)]
    heads.append((b"EOI", firsts[-1]))
    return {"inst": _rows("inst", heads), "ibag": _rows("ibag", bags), "imod": mods, "igen": _rows("igen", gens)}


def _pack(samples: Sequence[Sample]) -> tuple[bytes, bytes]:
    """The table of samples and their data, end to end. Stereo partners are not linked: players go by zones and pans."""
    rows, parts, place = [], [], 0
    for sample in samples:
        name = sample.name.encode("latin-1")
        compressed = bool(sample.kind & COMPRESSED)
        size = len(sample.data) if compressed else len(sample.data) // 2
        loop = sample.loop if compressed else (sample.loop[0] + place, sample.loop[1] + place)
        rows.append((name, place, place + size, *loop, sample.rate, sample.pitch, sample.cents, 0, sample.kind))
        parts.append(sample.data)
        if not compressed:
            parts.append(b"\0" * 2 * _GAP)
            size += _GAP
        place += size
    rows.append((b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0))
    return _rows("shdr", rows), b"".join(parts)
