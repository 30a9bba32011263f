"""Parts as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

from munet.music.events import NoteEvent
from mustango_app.page.part_picture import MOST_NOTES, WIDTH, part_picture
from mustango_app.page.words import words_for

WORDS, CHINESE = words_for(None), words_for("zh")
NOTES = (
    NoteEvent("piano", 60, 0.0, 1.0, 90),
    NoteEvent("drums", 36, 2.0, 2.5, 90),
    NoteEvent("piano", 72, 2.0, 4.0, 90),
    NoteEvent("piano", 72, 9.0, 9.5, 90),  # behind the end
)


def paths(svg: str) -> dict[str, str]:
    tree = ElementTree.fromstring(svg)
    return {path.findtext("title"): path.get("d") for path in tree.iter("path")}


def test_every_player_is_a_path_of_strokes() -> None:
    svg = part_picture(NOTES, 4.0, 10, WORDS)
    found = paths(svg)
    # An octave apart: the higher note a row below the top, the lower twelve rows under it.
    assert found["piano"] == f"M0 13h{WIDTH // 4}M{WIDTH // 2} 1h{WIDTH // 2}"
    assert found["drums"] == f"M{WIDTH // 2} 16.5h20"  # 12 semitones and three rows, then half of the kick's
    assert 'y="10"' in svg and f'viewBox="0 0 {WIDTH} 36"' in svg


def test_names_are_in_the_visitor_s_language() -> None:
    assert set(paths(part_picture(NOTES, 4.0, 0, CHINESE))) == {CHINESE.names["piano"], CHINESE.names["drums"]}


def test_drums_alone_and_none_at_all() -> None:
    assert paths(part_picture(NOTES[1:2], 4.0, 0, WORDS)) == {"drums": "M1000 1.5h20"}
    assert part_picture((), 4.0, 0, WORDS) == part_picture(NOTES[3:], 4.0, 0, WORDS) == ""
    assert part_picture(NOTES[:1] * (MOST_NOTES + 1), 4.0, 0, WORDS) == ""
