from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.__main__ import main
from augmentation.compose.piece import Note
from augmentation.compose.player import Voice, play, presets
from augmentation.compose.renderer import default_soundfont
from augmentation.compose.soundfont import DRUM_BANK, read_soundfont, write_soundfont
from augmentation.compose.soundfont_subset import compressed, reduce_soundfont
from augmentation.compose.source_builders import RECORDED_KITS, build_kits, build_piano, recording
from augmentation.compose.sources import SOURCES, fetch_sources, make_travel_set, read_manifest
from munet.errors import RequestError

RATE = 22050
# Stand-ins for the two Debian clients: a "package" is a folder of the same name, packed with tar.
APT = """#!/bin/sh
for package; do :; done
echo "$package" >> "$SHELF/log"
[ -d "$SHELF/$package" ] || { echo "E: Unable to locate package $package" >&2; exit 100; }
tar cf "${package}_1.0_all.deb" -C "$SHELF/$package" .
"""
DPKG = """#!/bin/sh
tar xf "$2" -C "$3"
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of one package, fluidr3mono's, whose soundfont is a small one."""
    tools, shelf = tmp_path / "tools", tmp_path / "shelf"
    package = shelf / "fluidr3mono-gm-soundfont"
    for folder in (tools, package / "usr/share/doc"):
        folder.mkdir(parents=True)
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG)):
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    reduce_soundfont(default_soundfont(), package / "usr/share/font.sf3", (0, 48), (0,))
    (package / "usr/share/doc/copyright").write_text("MIT\n")
    monkeypatch.setenv("SHELF", str(shelf))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return shelf


def test_what_is_there_is_kept_and_what_is_missing_is_told(shelf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    report = {row["name"]: row for row in fetch_sources(folder, ("musescore", "fluidr3mono", "kits"))}
    assert report["fluidr3mono"]["status"] == "fetched" and presets(str(folder / "fluidr3mono.sf3"))
    assert report["musescore"]["status"] == "missing"
    assert "Unable to locate package musescore-general-soundfont" in report["musescore"]["reason"]
    assert report["kits"]["status"] == "missing"  # its packages are not on the shelf
    noted = read_manifest(folder)
    assert list(noted) == ["fluidr3mono"] and noted["fluidr3mono"]["licence"] == "MIT"
    assert noted["fluidr3mono"]["archives"] == ["fluidr3mono-gm-soundfont_1.0_all.deb"]
    assert (folder / "fluidr3mono.licence.txt").read_text() == "MIT\n"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    asked = (shelf / "log").read_text().count("fluidr3mono")
    again = fetch_sources(folder, ("fluidr3mono",))
    assert again[0]["status"] == "there" and (shelf / "log").read_text().count("fluidr3mono") == asked
    (folder / "fluidr3mono.sf3").unlink()
    assert fetch_sources(folder, ("fluidr3mono",))[0]["status"] == "fetched"


def test_small_editions(shelf: Path, tmp_path: Path) -> None:
    fetch_sources(tmp_path / "sounds", ("fluidr3mono",))
    sizes = make_travel_set(tmp_path / "sounds", tmp_path / "small")
    assert sizes == {"fluidr3mono.sf3": (tmp_path / "small/fluidr3mono.sf3").stat().st_size}
    assert presets(str(tmp_path / "small/fluidr3mono.sf3")) == {(0, 0), (0, 48)}
    assert set(read_manifest(tmp_path / "small")) == {"fluidr3mono"}
    with pytest.raises(RequestError, match="sources: expected a folder"):
        make_travel_set(tmp_path / "nothing", tmp_path / "small")


def test_without_the_clients_all_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = fetch_sources(tmp_path / "sounds")
    assert [row["name"] for row in report] == [source.name for source in SOURCES]
    assert {row["status"] for row in report} == {"missing"}
    assert "apt-get: expected to be installed" in report[0]["reason"] and report[-1]["reason"] == "needs fluidr3mono"
    with pytest.raises(RequestError, match="only: expected some of musescore"):
        fetch_sources(tmp_path / "sounds", ("moog",))


def test_command_line(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, small = str(tmp_path / "sounds"), str(tmp_path / "small.sf3")
    assert main(["sources", folder, "--only", "fluidr3mono,fluidr3", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["failures"] == 1 and "fluidr3: apt-get" in told.err
    assert main(["sources", folder, "--only", "fluidr3mono", "--travel", str(tmp_path / "small")]) == 0
    assert "there    fluidr3mono  MIT. FluidR3 by Frank Wen" in capsys.readouterr().out
    assert main(["reduce-soundfont", f"{folder}/fluidr3mono.sf3", small, "--presets", "48", "--kits", ""]) == 0
    assert presets(small) == {(0, 48)}
    assert main(["reduce-soundfont", __file__, small]) == 2


def _write(path: Path, audio: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form = {"format": "OGG", "subtype": "VORBIS"} if path.suffix == ".ogg" else {}
    soundfile.write(path, audio.T, rate, **form)


def _tone(frequency: float, lead: float, level: float) -> np.ndarray:
    """A stereo tone of a second after `lead` seconds of silence."""
    wave = level * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    return np.pad(np.stack([wave, 0.5 * wave]), ((0, 0), (round(lead * RATE), 0)))


def test_recordings_start_with_their_sound_at_one_level(tmp_path: Path) -> None:
    _write(tmp_path / "late.flac", _tone(500, 0.3, 0.05))
    _write(tmp_path / "loud.flac", _tone(500, 0.0, 0.9))
    found = [recording(tmp_path / name, 0.8)[0] for name in ("late.flac", "loud.flac")]
    assert found[0].shape[1] == round(0.8 * RATE)
    assert np.argmax(np.abs(found[0][0]) > 0.05) < 0.004 * RATE
    assert np.abs(found[0]).max() == pytest.approx(np.abs(found[1]).max(), rel=0.05)
    _write(tmp_path / "none.flac", np.zeros((1, RATE)))
    with pytest.raises(RequestError, match=r"expected sound, got silence in 'none\.flac'"):
        recording(tmp_path / "none.flac", 1.0)


def test_piano_of_layers_plays_in_tune(tmp_path: Path) -> None:
    for layer, level in ((2, 0.1), (16, 0.8)):
        for name, pitch in (("A3", 57), ("C4", 60), ("D#4", 63)):
            _write(tmp_path / f"{layer}" / f"{name}v{layer}.ogg", _tone(440 * 2 ** ((pitch - 69) / 12), 0.1, level))
    font = tmp_path / "piano.sf3"
    write_soundfont(font, build_piano({2: tmp_path / "2", 16: tmp_path / "16"}), "toy")
    levels = []
    for pitch, velocity in ((58, 110), (58, 20), (72, 110)):
        audio = play((Note(0.0, 0.9, pitch, velocity),), Voice(str(font), 0, 0), RATE, RATE)
        peak = np.argmax(np.abs(np.fft.rfft(audio[0] * np.hanning(RATE), 4 * RATE))) / 4
        assert 12 * np.log2(peak / 440) + 69 == pytest.approx(pitch, abs=0.1)
        levels.append(float(np.abs(audio).max()))
    # The layers are levelled: loudness is the velocity's alone, (20 / 127) ** 1.5 against (110 / 127) ** 1.5.
    assert levels[0] / levels[1] == pytest.approx((110 / 20) ** 1.5, rel=0.2)
    _write(tmp_path / "bad" / "H9.ogg", _tone(440, 0, 0.5))
    with pytest.raises(RequestError, match="piano: expected files named"):
        build_piano({2: tmp_path / "bad"})


def test_kits_take_what_they_lack_from_general_midi(tmp_path: Path) -> None:
    kit = next(kit for kit in RECORDED_KITS if kit.name == "sonic")
    for names in kit.hits.values():
        for name in names:
            _write(tmp_path / kit.folder / name, _tone(3000 if "hard" in name else 700, 0.05, 0.5))
    base = compressed([p for p in read_soundfont(default_soundfont()) if p.bank == DRUM_BANK and p.program in (0, 25)])
    made = build_kits([tmp_path], base)
    assert [(preset.name, preset.bank, preset.program) for preset in made[:1]] == [("sonic", DRUM_BANK, 1)]
    font = tmp_path / "kits.sf3"
    write_soundfont(font, [preset for preset in made if preset.name == "sonic"], "toy")
    voice = Voice(str(font), DRUM_BANK, 1)
    for key in range(35, 82):
        assert play((Note(0.0, 0.3, key, 110),), voice, RATE // 2, RATE).any(), key
    for velocity, expected in ((40, 700), (120, 3000)):
        audio = play((Note(0.0, 0.3, 38, velocity),), voice, RATE // 2, RATE)
        assert np.argmax(np.abs(np.fft.rfft(audio[0], 2 * RATE))) / 2 == pytest.approx(expected, abs=5)
