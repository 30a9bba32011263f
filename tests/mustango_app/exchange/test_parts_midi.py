"""Parts as MIDI files: written, read, and made to fit."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from munet.errors import RequestError
from munet.music.events import NoteEvent, checked_parts, transposed
from mustango_app import plan_from_text
from mustango_app.exchange.midi_read import read_midi
from mustango_app.exchange.parts_midi import read_parts, write_parts
from mustango_app.parts import parts_of
from mustango_app.request import Request

PLAN = plan_from_text("a jazz trio in C major at 120 bpm, 8 seconds")
NOTES = (
    NoteEvent("drums", 36, 0.0, 0.1, 100),
    NoteEvent("piano", 60, 0.5, 1.0, 90),
    NoteEvent("tenor saxophone", 67, 1.0, 2.5, 80),
)


def sung(path: Path, *messages: mido.Message | mido.MetaMessage, name: str = "band") -> Path:
    """A file at 120 BPM of 480 ticks a quarter."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("track_name", name=name), *messages]))
    file.save(path)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    plan, notes = read_parts(write_parts(PLAN, NOTES, tmp_path / "parts.mid"))
    assert plan == PLAN
    assert [note[:2] + note[4:] for note in notes] == [note[:2] + note[4:] for note in NOTES]
    for note, wanted in zip(notes, NOTES, strict=True):
        assert note[2:4] == pytest.approx(wanted[2:4], abs=1e-3)


def test_a_composed_band_comes_back_whole(tmp_path: Path) -> None:
    written = parts_of(PLAN, 3)
    notes = read_parts(write_parts(PLAN, written, tmp_path / "parts.mid"))[1]
    assert len(notes) == len(written) and {n.instrument for n in notes} == {n.instrument for n in written}


def test_a_click_and_effects_are_left_out(tmp_path: Path) -> None:
    path = sung(
        tmp_path / "song.mid",
        mido.Message("program_change", program=1, time=0),
        mido.Message("note_on", note=60, velocity=70, time=0),
        mido.Message("note_off", note=60, time=960),
        mido.Message("program_change", program=125, time=0),  # a helicopter
        mido.Message("note_on", note=60, velocity=70, time=0),
        mido.Message("note_off", note=60, time=480),
    )
    assert read_parts(path)[1] == (NoteEvent("bright piano", 60, 0.0, 1.0, 70),)
    click = (mido.Message("note_on", note=76, velocity=70, channel=9), mido.Message("note_off", note=76, time=480))
    with pytest.raises(RequestError, match="parts: expected a MIDI file with notes of instruments"):
        read_parts(sung(tmp_path / "click.mid", *click, name="Click"))


def test_the_export_of_a_clip_holds_its_parts_beside_its_plan(tmp_path: Path) -> None:
    from mustango_app.exchange.export import export

    folder = export(tmp_path / "song", PLAN, parts=NOTES)
    assert read_midi(folder / "parts.mid") == PLAN and len(read_parts(folder / "parts.mid")[1]) == 3
    export(folder, PLAN)
    assert not (folder / "parts.mid").exists()


def test_a_request_takes_all_of_the_file(tmp_path: Path) -> None:
    request = Request("jazz", parts=write_parts(PLAN, NOTES, tmp_path / "parts.mid"), seed=1)
    assert len(request.played) == 3
    plan = request.draft.plan
    assert (plan.bpm, plan.key, plan.duration, plan.chords) == (PLAN.bpm, PLAN.key, PLAN.duration, PLAN.chords)
    assert set(plan.instruments) == set(PLAN.instruments)
    assert request.at(2).played == request.played


def test_parts_go_along_to_another_tempo_and_key(tmp_path: Path) -> None:
    path = write_parts(PLAN, NOTES, tmp_path / "parts.mid")
    request = Request("jazz", parts=path, bpm=60, key="A major", seed=1)
    assert (request.draft.plan.bpm, request.draft.plan.key) == (60, "A major")
    drums, piano, sax = request.played
    assert (drums.pitch, piano.pitch, sax.pitch) == (36, 57, 64)  # down to A is nearer
    assert piano.start == pytest.approx(1.0, abs=1e-3) and sax.end == pytest.approx(5.0, abs=1e-3)
    assert len(Request("jazz", parts=path, seconds=1.5, bpm=60, seed=1).played) == 2


def test_notes_may_be_given_as_they_are() -> None:
    request = Request("calm", parts=[["piano", 60, 0.0, 1.0, 90], ["drums", 36, 3.2, 3.3, 90]], seed=1)
    assert (request.draft.plan.duration, set(request.draft.plan.instruments)) == (4.0, {"piano", "drums"})
    assert request.played[0] == NoteEvent("piano", 60, 0.0, 1.0, 90)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["kazoo", 60, 0, 1, 90]], "parts: expected one of drums"),
        ([["piano", 200, 0, 1, 90]], "parts: expected an integer from 0 to 127, got 200"),
        ([["piano", 60, 1, 1, 90]], "parts: expected notes that end after they start"),
        ([["piano", 60, 1]], r"parts: expected a sequence of \(instrument, MIDI pitch"),
        ([], "parts: expected at least one note"),
    ],
)
def test_notes_that_cannot_be_are_named(rows: list[object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        checked_parts(rows)


def test_a_tune_and_parts_are_one_too_many() -> None:
    with pytest.raises(RequestError, match="parts: expected either parts or the file of a melody, got both"):
        Request("jazz", melody="tune.mid", parts="parts.mid")


def test_moving_by_semitones_stays_on_the_keyboard() -> None:
    notes = (NoteEvent("piano", 127, 0, 1, 90), NoteEvent("piano", 1, 0, 1, 90), NoteEvent("drums", 36, 0, 1, 90))
    assert [note.pitch for note in transposed(notes, 3)] == [118, 4, 36]
    assert [note.pitch for note in transposed(notes, -3)] == [124, 10, 36]
