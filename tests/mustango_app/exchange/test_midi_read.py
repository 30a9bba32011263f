"""MIDI files of other programs."""

from __future__ import annotations

from pathlib import Path

import mido
import pretty_midi
import pytest

from munet.errors import RequestError
from munet.music import Key
from mustango_app.exchange.harmony import estimate_chords, name_chord, spell
from mustango_app.exchange.midi_read import read_melody, read_midi

TRIADS = ((60, 64, 67), (57, 60, 64), (53, 57, 60), (55, 59, 62))  # C Am F G


def instrument(program: int, name: str, notes: list[tuple[int, float, float]], drum: bool = False):
    made = pretty_midi.Instrument(program, drum, name)
    made.notes = [pretty_midi.Note(90, pitch, start, end) for pitch, start, end in notes]
    return made


def song(path: Path, *instruments, bpm: float = 120.0, meter: tuple[int, int] = (4, 4), key: int | None = None) -> Path:
    """A file by pretty_midi."""
    file = pretty_midi.PrettyMIDI(initial_tempo=bpm)
    file.time_signature_changes.append(pretty_midi.TimeSignature(*meter, 0))
    if key is not None:
        file.key_signature_changes.append(pretty_midi.KeySignature(key, 0))
    file.instruments += instruments
    file.write(str(path))
    return path


def comping() -> list[tuple[int, float, float]]:
    """Two seconds a chord, broken into quarters over held basses."""
    notes = [(triad[0] - 12, 2.0 * i, 2.0 * i + 2) for i, triad in enumerate(TRIADS)]
    for i, triad in enumerate(TRIADS):
        notes += [(pitch, 2.0 * i + 0.5 * k, 2.0 * i + 0.5 * k + 0.5) for k, pitch in enumerate((*triad, triad[1]))]
    return notes


TUNE = [(76, 0.0, 0.5), (74, 0.5, 1.0), (72, 1.0, 2.0), (69, 2.0, 4.0), (72, 4.0, 6.0), (71, 6.0, 8.0)]


def test_chords_are_estimated_from_the_notes(tmp_path: Path) -> None:
    path = song(tmp_path / "a.mid", instrument(0, "Piano", comping()), instrument(73, "Flute", TUNE))
    plan = read_midi(path)
    assert (plan.bpm, plan.meter, plan.key, plan.duration) == (120, 4, "C major", 8.0)
    assert plan.chords == (("C", 0.0), ("Am", 2.0), ("F", 4.0), ("G", 6.0))
    assert plan.melody == tuple(TUNE)
    assert plan.instruments == ("piano", "flute")
    assert len(plan.beats) == 16
    assert any(note.field == "chords" and "estimated" in note.outcome for note in plan.notes)
    assert any(note.field == "key" and "estimated" in note.outcome for note in plan.notes)


def test_a_track_of_chords_is_read_exactly(tmp_path: Path) -> None:
    blocks = [(48, 0, 2), (60, 0, 2), (63, 0, 2), (67, 0, 2), (70, 0, 2)]  # Cm7
    blocks += [(53, 2, 3.9), (57, 2, 3.9), (60, 2, 3.9), (63, 2, 3.9)]  # F7, lifted early
    blocks += [(53, 4, 6), (58, 4, 6), (62, 4, 6), (65, 4, 6)]  # Bb/F
    path = song(tmp_path / "a.mid", instrument(0, "Chords", blocks), instrument(73, "lead", TUNE), key=10)  # Bb major
    plan = read_midi(path)
    assert plan.chords == (("Cm7", 0.0), ("F7", 2.0), ("Bb/F", 4.0))
    assert plan.key == "Bb major"


@pytest.mark.parametrize("kind", ["text", "lyrics", "marker"])
def test_chords_as_text_events(kind: str, tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    track += [mido.MetaMessage(kind, text="Dm7"), mido.MetaMessage(kind, text="G13", time=960)]
    track += [mido.MetaMessage(kind, text="Cmaj7", time=960), mido.MetaMessage("end_of_track", time=1920)]
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    plan = read_midi(tmp_path / "a.mid")
    assert plan.chords == (("Dm7", 0.0), ("G13", 1.0), ("Cmaj7", 2.0))
    assert (plan.bpm, plan.duration, plan.sections, plan.melody) == (120, 4.0, None, None)


def test_lyrics_that_look_like_chords_are_none(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    words = mido.MidiTrack(
        [mido.MetaMessage("lyrics", text=word, time=240) for word in ("A", "long", "time", "a", "go")]
    )
    notes = mido.MidiTrack()
    for pitch in TRIADS[1]:
        notes += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=480)]
    file.tracks += [words, notes]
    file.save(tmp_path / "a.mid")
    assert {symbol for symbol, _ in read_midi(tmp_path / "a.mid").chords} == {"Am"}


def test_metre_tempo_and_key_changes_become_sections(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    track += [
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100)),
        mido.MetaMessage("time_signature", numerator=4, denominator=4),
        mido.MetaMessage("key_signature", key="F"),
        mido.Message("note_on", note=65),
        mido.Message("note_off", note=65, time=8 * 480),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("key_signature", key="Em"),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(150)),
        mido.Message("note_on", note=64),
        mido.Message("note_off", note=64, time=6 * 480),
    ]
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    plan = read_midi(tmp_path / "a.mid")
    assert (plan.bpm, plan.meter, plan.key, plan.duration) == (100, 4, "F major", pytest.approx(7.2))
    assert [(s.bars, s.bpm, s.meter, s.key) for s in plan.sections] == [
        (2, 100, 4, "F major"), (2, 150, 3, "E minor"),
    ]  # fmt: skip
    assert [part.start for part in plan.parts()] == pytest.approx([0, 4.8])


@pytest.mark.parametrize(
    ("meter", "clocks", "quarters", "expected"),
    [
        ((6, 8), 36, 90, ("dotted quarter", 2, 60)),
        ((6, 8), 24, 60, ("eighth", 6, 120)),
        ((12, 8), 24, 180, ("dotted quarter", 4, 120)),  # eighths at 360 are no beats
        ((7, 8), 24, 100, ("eighth", 7, 200)),
        ((2, 2), 48, 160, ("half", 2, 80)),
        ((5, 4), 24, 160, (None, 5, 160)),
    ],
)
def test_beat_units(meter, clocks, quarters, expected, tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    signature = mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1], clocks_per_click=clocks)
    notes = [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=1920)]
    file.tracks.append(
        mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(quarters)), signature, *notes])
    )
    file.save(tmp_path / "a.mid")
    plan = read_midi(tmp_path / "a.mid")
    assert (plan.beat_unit, plan.meter, plan.bpm) == expected


def test_a_signature_of_c_that_nobody_set_is_not_believed(tmp_path: Path) -> None:
    sharp = [(pitch + 6, start, end) for pitch, start, end in comping()]
    assert read_midi(song(tmp_path / "a.mid", instrument(0, "", sharp), key=0)).key != "C major"
    assert read_midi(song(tmp_path / "b.mid", instrument(0, "", comping()), key=0)).key == "C major"


def test_melody_is_the_top_line_of_the_likeliest_track(tmp_path: Path) -> None:
    strings = [(84, 0, 8), (88, 0, 8), (91, 0, 8)]  # higher, but three voices
    bass = [(40, 0, 8)]
    tune = [*TUNE, (60, 0.0, 1.0), (64, 2.5, 3.0)]  # with a lower voice
    path = song(
        tmp_path / "a.mid", instrument(48, "Strings", strings), instrument(33, "Bass", bass), instrument(73, "", tune)
    )
    assert read_melody(path).melody == tuple(TUNE)


def test_a_long_file_is_cut_at_ten_minutes(tmp_path: Path) -> None:
    plan = read_midi(song(tmp_path / "a.mid", instrument(0, "Melody", [(60, 0, 1), (62, 700, 701)])))
    assert plan.duration == 600 and plan.melody == ((60, 0.0, 1.0),)
    assert any(note.field == "duration" and not note.used for note in plan.notes)


@pytest.mark.parametrize(
    "data",
    [b"", b"MThd", b"RIFF0000WAVE", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0", b"MThd\0\0\0\6\0\2\0\0\1\xe0",
     b"MThd\0\0\0\6\0\0\0\1\0\0MTrk\0\0\0\4\0\xff\x2f\0", b"MThd\0\0\0\6\0\0\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0"],
)  # fmt: skip
def test_what_is_no_midi_is_refused_in_words(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(RequestError, match="file: expected"):
        read_midi(tmp_path / "a.mid")


def test_missing_and_melodyless_files(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="file: expected an existing MIDI file"):
        read_midi(tmp_path / "none.mid")
    drums = song(tmp_path / "a.mid", instrument(0, "", [(36, 0, 1), (38, 1, 2)], drum=True))
    assert read_midi(drums).instruments == ("drums",)
    with pytest.raises(RequestError, match="melody: expected"):
        read_melody(drums)


# ---------------------------------------------------------------- harmony


@pytest.mark.parametrize(
    ("pitches", "key", "expected"),
    [
        ((48, 60, 64, 67), "C major", "C"),
        ((52, 60, 64, 67), "C major", "C/E"),
        ((57, 60, 64, 67), "C major", "Am7"),
        ((48, 57, 64, 67), "C major", "C6"),
        ((58, 61, 65), "F minor", "Bbm"),
        ((58, 61, 65), "F# major", "A#m"),
        ((50, 60, 64, 67), "C major", "Cadd9/D"),
        ((50, 53, 57, 59, 60), "C major", None),
    ],
)
def test_chords_by_name(pitches: tuple[int, ...], key: str, expected: str | None) -> None:
    found = name_chord(pitches, Key.parse(key))
    assert (None if found is None else str(found)) == expected


def test_spelling_in_a_key() -> None:
    assert [spell(pc, Key.parse("Eb major")) for pc in (3, 6, 10)] == ["Eb", "Gb", "Bb"]
    assert [spell(pc, Key.parse("E major")) for pc in (3, 6, 10)] == ["D#", "F#", "A#"]


def test_estimate_of_a_silent_bar_holds_the_chord() -> None:
    beats = tuple((0.5 * i, i % 4 + 1) for i in range(12))
    notes = [(60, 0.0, 2.0), (64, 0.0, 2.0), (67, 0.0, 2.0), (57, 4.0, 6.0), (60, 4.0, 6.0), (64, 4.0, 6.0)]
    assert estimate_chords(notes, beats, 6.0, None) == (("C", 0.0), ("Am", 4.0))
    assert estimate_chords([], beats, 6.0, None) == (("N", 0.0),)
