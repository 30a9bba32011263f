"""The text readers on sentences written by hand: what is stated is read exactly, what only looks like it is not."""

from __future__ import annotations

import time

import pytest

from augmentation.reading.fields import read_bpm, read_chords, read_duration, read_key, read_meter
from munet.music import TEMPO_WORDS, Key, PlanError, tempo_word
from munet.music.degrees import degree_chord


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("techno at 140 bpm", 140),
        ("140BPM techno", 140),
        ("The bpm is 118.0. The key is EM.", 118),
        ("set to a tempo of 90 beats per minute", 90),
        ("jazz trio in Bb at 96", 96),
        ("tempo: 120, key: Dm", 120),
        ("a slow 58.5-bpm dirge", 58.5),
        ("its tempo sits at exactly 63.0 throughout", 63),
        ("♩ = 72, legato", 72),
        ("one hundred and twenty beats per minute", 120),
        ("somewhere around 120-130 bpm", 125),
        ("funk with 808 drums, at 104 BPM in 4/4", 104),
        ("slowed from 140 bpm to 120 bpm", 140),
        ("a 1980s ballad with a pulse of 66 bpm", 66),
        # no tempo
        ("a deep 808 and an 80s synth", None),
        ("a 1960s tune for 12-string guitar in 4/4", None),
        ("at 5.43 seconds the tempo changes by a factor of 1.2", None),
        ("the tempo is slow, then fast at 45 seconds", None),
        ("recorded at 44 kHz with a steady 3 beats", None),
        ("the tempo drops after 30 bars", None),
        ("a grave mood and a vivacious singer", None),
        ("fast uptempo rock", None),
        ("", None),
    ],
)
def test_read_bpm(text: str, bpm: float | None) -> None:
    assert read_bpm(text) == bpm


@pytest.mark.parametrize("word", list(TEMPO_WORDS))
@pytest.mark.parametrize("sentence", ["This song is played in {}.", "The tempo of this song is {}.", "{} tempo, piano"])
def test_read_bpm_of_italian_words_lies_inside_the_bin(word: str, sentence: str) -> None:
    bpm = read_bpm(sentence.format(word))
    low, high = TEMPO_WORDS[word]
    assert low < bpm < high
    assert tempo_word(bpm) == word


def test_read_bpm_prefers_numbers_to_words_and_long_words_to_short() -> None:
    assert read_bpm("Allegro, 118 bpm") == 118
    assert read_bpm("allegretto for flute") == 110
    assert read_bpm("allegro moderato") == 115


@pytest.mark.parametrize(
    ("text", "meter"),
    [
        ("a folk song in 3/4", 3),
        ("6/8 sea shanty at 120", 6),
        ("The time signature is 4/4.", 4),
        ("The beat is 3. The bpm is 90.0.", 3),
        ("the beat counts to 4", 4),
        ("a beat that counts up to three", 3),
        ("a steady 2-beat rhythm", 2),
        ("with a four-count beat", 4),
        ("the beat stays constant at 4, while the song is in Vivace", 4),
        ("counting each measure to four", 4),
        ("a Viennese waltz", 3),
        ("three-four time", 3),
        ("in six-eight", 6),
        ("common time march", 4),
        ("cut time", 2),
        ("7/8 progressive rock", 7),
        ("a waltz feel, but the time signature is 4/4", 4),
        # no metre
        ("three bass drum beats, then an explosion", None),
        ("the song starts with three beats on the drum", None),
        ("the beat is made of two drums", None),
        ("90.0 beats per minute", None),
        ("1/16 hi-hats and 1/8 notes", None),
        ("the first 3/4 of the song", None),
        ("a drum beat at 4.29 seconds", None),
        ("three four-bar phrases", None),
    ],
)
def test_read_meter(text: str, meter: int | None) -> None:
    assert read_meter(text) == meter


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a song in the key of C minor", "C minor"),
        ("Key is EM.", "E major"),
        ("The key of this song is F# maj.", "F# major"),
        ("the key, AM, provides a firm ground", "A major"),
        ("dark techno, E minor, 130 bpm", "E minor"),
        ("A Minor", "A minor"),
        ("A minor, 90 bpm", "A minor"),
        ("a ballad in Bb with strings", "Bb major"),
        ("a jazz tune in Eb", "Eb major"),
        ("blues in E, slow", "E major"),
        ("C# major", "C# major"),
        ("a happy tune in A#major", "A# major"),
        ("it is in F#minor", "F# minor"),
        ("a nocturne in E flat minor", "Eb minor"),
        ("in the key of A sharp major", "A# major"),
        ("in the key of A", "A major"),
        ("key: f# minor, 100 bpm", "F# minor"),
        ("in the key of a minor", "A minor"),
        ("a study in d minor", "D minor"),
        ("This piece is either in the key of G minor or A# major.", "G minor"),
        ("The key is C#m, or C# maj.", "C# minor"),
        ("the D# maj key adds a touch", "D# major"),
        ("modal jazz in D dorian", "D dorian"),
        ("the chord progression is Am, F and the song in G major", "G major"),
        ("B♭ minor", "Bb minor"),
        # no key
        ("a minor detail of the mix", None),
        ("A major hit of the summer", None),
        ("A minor setback, told by a cello", None),
        ("in a minor key", None),
        ("in a bar, a man sings", None),
        ("The key to playing this piece is calm", None),
        ("the key changes to something else", None),
        ("a melody in a lower key. Male voices sing", None),
        ("the chord sequence is in Bm", None),
        ("An E-guitar and vitamin C", None),
        ("Recorded in Dublin", None),
        ("", None),
    ],
)
def test_read_key(text: str, key: str | None) -> None:
    read = read_key(text)
    assert (str(read) if read else None) == key


@pytest.mark.parametrize(
    ("text", "chords"),
    [
        ("The chord sequence is Amaj7, C#, B.", "Amaj7 C# B"),
        ("pop, Am, F, C, G, 100 bpm", "Am F C G"),
        ("Am - F - C - G", "Am F C G"),
        ("Am-F-C-G on a felt piano", "Am F C G"),
        ("chords: | Am | F |", "Am F"),
        ("a loop of C G Am F", "C G Am F"),
        ("it goes from Am to G", "Am G"),
        ("a chord progression of A, Gmaj7, and A in the key of Am", "A Gmaj7 A"),
        ("The chord sequence is Gmaj7.", "Gmaj7"),
        ("A B7 chord progression under a choir", "B7"),
        ("the chords move from Ebm to C#, then back to Ebm before returning to Abm6", "Ebm C# Ebm Abm6"),
        ("The chord progression is Bb/F, Eb, Bb6.", "Bb/F Eb Bb6"),
        ("The chord progression is G7/B, N.", "G7/B N"),
        ("a chord progression of E minor, A minor, E minor, and A minor 7th", "Em Am Em Am7"),
        ("the chords are C sharp major seven and B flat minor six", "C#maj7 Bbm6"),
        ("The chord progression in the key of Bm is Em, G, C# and D", "Em G C# D"),
        ("sus chords: Dsus4, D, Asus2, F#m7b5, Cadd9, E7#9", "Dsus4 D Asus2 F#m7b5 Cadd9 E7#9"),
        ("a chord progression C♯m → A♭", "C#m Ab"),
        ("D minor, G major, C major", "Dm G C"),
        # degrees
        ("chord progression i-VI-III-VII in A minor", "Am F C G"),
        ("I V vi IV in D", "D A Bm G"),
        ("ii7 V7 Imaj7", "Dm7 G7 Cmaj7"),
        ("the i VII VI V cadence", "Am G F E"),
        # no chords
        ("A man and a guitar play a song. A cello joins.", None),
        ("sections A, B, A", None),
        ("a rock song in the key of E minor", None),
        ("An E-guitar, a B-side, vitamin C", None),
        ("I like part IV, and so do I", None),
        ("the A section, then the B section", None),
        ("strummed chords. A calm bass", None),
        ("A chord progression that surprises", None),
        ("DJ set, EDM, R&B", None),
        ("", None),
    ],
)
def test_read_chords(text: str, chords: str | None) -> None:
    assert read_chords(text) == (tuple(chords.split()) if chords else None)


def test_degrees_follow_the_key_handed_over() -> None:
    assert read_chords("I V vi IV in D", Key("Eb", "major")) == ("Eb", "Bb", "Cm", "Ab")


@pytest.mark.parametrize(
    ("key", "numerals", "chords"),
    [
        ("C major", "I ii iii IV V7 vi vii° bVII #iv° iiø7 V+ Isus4", "C Dm Em F G7 Am Bdim Bb F#dim Dm7b5 Gaug Csus4"),
        ("A minor", "i iiø7 III iv V VI VII vii° bVII imaj7", "Am Bm7b5 C Dm E F G G#dim G AmMaj7"),
        ("Db major", "I IV bIII", "Db Gb Fb"),
        ("F# minor", "i VI III VII", "F#m D A E"),
    ],
)
def test_degree_chord(key: str, numerals: str, chords: str) -> None:
    found = [str(degree_chord(numeral, Key.parse(key))) for numeral in numerals.split()]
    assert found == chords.split()


@pytest.mark.parametrize("numeral", ["VIII", "iI", "", "H", "Vx", 5])
def test_degree_chord_refuses(numeral: object) -> None:
    with pytest.raises(PlanError, match="chords"):
        degree_chord(numeral, Key("C", "major"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 seconds of jazz", 10),
        ("a 30-second upbeat lo-fi jingle", 30),
        ("a 12.5 s loop", 12.5),
        ("rock, 120 bpm, 8 s", 8),
        ("a piano piece lasting about 20 seconds", 20),
        ("duration: 15s", 15),
        ("length 1:30, strings", 90),
        ("two minutes of rain", 120),
        ("half a minute of rain", 30),
        ("a one-minute waltz", 60),
        ("fifteen seconds long", 15),
        # no duration
        ("at 5.43 seconds into the song, the key changes", None),
        ("After 4.9 seconds, the tempo doubles", None),
        ("there is a crescendo from 1.94 seconds on", None),
        ("at the 4.29-second mark the song stops", None),
        ("then 2 seconds of silence", None),
        ("120 beats per minute", None),
        ("a second guitar", None),
        ("", None),
    ],
)
def test_read_duration(text: str, seconds: float | None) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "noise",
    [
        "A" * 2000,
        "A " * 1000,
        "C1" * 1000,
        "C" + "1" * 2000,
        "->" * 1000,
        "10s" + "-" * 2000,
        "A minor, " * 220,
        "I V " * 500,
        "beat " * 400,
        "the chords are " * 130,
        "key of " * 280,
        "3" * 2000,
        "one hundred and " * 125,
    ],
)
def test_readers_are_quick_on_anything(noise: str) -> None:
    begin = time.process_time()
    for reader in (read_bpm, read_meter, read_key, read_chords, read_duration):
        reader(noise)
    assert time.process_time() - begin < 2.0
