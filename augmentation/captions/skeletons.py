"""Skeletons of captions. A slot in braces is filled by `augmentation.captions.wording.SLOTS`, a bare pair of braces
by a value.

`{kind}` is a style with its adjectives ("mellow lofi beat"), `{a_kind}` the same with an article, `{list}` some of the
instruments, `{clause}` one of them and what it does, `{metre}` nothing or a phrase that begins with a space.
"""

from __future__ import annotations

from types import MappingProxyType

# MusicBench's forms of control sentences.
CHORD_SENTENCES = ("The chord sequence is {}.", "The chord progression in this song is {}.")
BEAT_SENTENCES = ("The time signature is {}/4.", "The beat is {}.", "The beat counts to {}.")
TEMPO_NUMBER_SENTENCES = (
    "The bpm is {}.",
    "The tempo of this song is {} beats per minute.",
    "This song goes at {} beats per minute.",
)
TEMPO_WORD_SENTENCES = (
    "This song is in {}.",
    "The tempo of this song is {}.",
    "This song is played in {}.",
    "The song is played at the pace of {}.",
)
KEY_SENTENCES = ("The key is {}.", "The key of this song is {}.", "This song is in the key of {}.")
MODE_WORDS = MappingProxyType(
    {"major": ("maj", " maj", "M", "major", " major"), "minor": ("m", " min", "min", "minor", " minor")}
)

# The same facts in running text: with a preposition, as a tag, as a sentence of its own.
FACT_FRAGMENTS = MappingProxyType(
    {
        "chords": ("over {}", "with the chords {}", "over the chord progression {}", "with the chord progression {}"),
        "beats": ("in {}/4", "in {}/4 time", "with {} beats per bar"),
        "bpm": ("at {} bpm", "at {} BPM", "at {} beats per minute", "with a tempo of {} bpm"),
        "key": ("in {}", "in {}", "in the key of {}"),
    }
)
FACT_TAGS = MappingProxyType(
    {
        "chords": ("{}", "chords: {}", "chords {}"),
        "beats": ("{}/4", "{}/4 time"),
        "bpm": ("{} bpm", "{} BPM", "{}bpm", "tempo {}"),
        "key": ("{}", "key of {}", "in {}"),
    }
)
FACT_STATEMENTS = MappingProxyType(
    {
        "chords": (
            "The chord progression is {}.", "The chords are {}.", "The harmony moves through {}.", "Chords: {}.",
        ),
        "beats": ("It has {} beats in a bar.", "It is in {}/4.", "The meter is {}/4.", "It counts {} to the bar."),
        "bpm": ("The tempo is {} bpm.", "Tempo: {} BPM.", "It runs at {} beats per minute.", "It is about {} bpm."),
        "key": ("It is in {}.", "The piece is written in {}.", "Key: {}.", "The tonality is {}."),
    }
)  # fmt: skip
FACT_SUBJECTS = (
    "It is played",
    "The piece is played",
    "The track runs",
    "It goes",
    "The music moves",
    "This one is played",
)

HEADS = (
    "track", "track", "piece", "song", "tune", "instrumental", "composition", "number", "clip", "groove", "jam",
    "loop", "recording", "theme", "backing track", "sketch", "interlude", "intro", "background music", "music",
    "excerpt", "beat",
)  # fmt: skip

DRUM_ADJECTIVES = MappingProxyType(
    {
        "calm": ("soft", "light", "gentle", "sparse", "understated"),
        "moderate": ("steady", "simple", "tight", "crisp", "relaxed"),
        "energetic": ("punchy", "driving", "hard-hitting", "lively", "energetic", "busy"),
    }
)

# What an instrument does. {n} its noun, {an} the noun with an article, {s} the ending of the verb.
ROLE_CLAUSES = MappingProxyType(
    {
        "drums": (
            "the {n} keep{s} the time", "the {n} drive{s} the rhythm", "the {n} hold{s} everything together",
            "{an} play{s} the groove", "the {n} provide{s} the backbone", "{an} mark{s} the beat",
            "the rhythm rests on {an}", "the pulse comes from {an}",
        ),
        "bass": (
            "the {n} hold{s} down the low end", "{an} play{s} the bass line",
            "the {n} outline{s} the chords from below", "the low end belongs to {an}",
            "{an} provide{s} the foundation", "the {n} anchor{s} the harmony", "underneath there is {an}",
        ),
        "chords": (
            "the {n} play{s} the chords", "{an} lay{s} down the harmony", "{an} add{s} rhythmic chords",
            "chords are played on {an}", "the harmony is carried by {an}", "the {n} fill{s} out the middle",
            "the {n} comp{s}", "chord stabs come from {an}",
        ),
        "pad": (
            "the {n} hold{s} long chords", "sustained chords on {an} fill the background",
            "{an} spread{s} out in the back", "{an} add{s} a bed of held chords",
            "the {n} linger{s} in the background", "{an} wrap{s} around everything",
        ),
        "line": (
            "the {n} play{s} a line of single notes", "{an} weave{s} in and out", "{an} add{s} a melodic line",
            "{an} decorate{s} the music", "one hears {an} playing note by note",
            "the {n} wander{s} over the harmony", "{an} can be made out clearly",
        ),
    }
)  # fmt: skip

SOLO_SENTENCES = (
    "Only {} can be heard.", "It is played by {} alone.", "There is nothing but {}.", "A solo performance on {}.",
    "The {} plays unaccompanied.",
)  # fmt: skip
VOICELESS_SENTENCES = (
    "There are no vocals.", "There is no singing.", "It is purely instrumental.", "No voice is heard.",
    "Nobody sings.", "The music is instrumental.", "Instrumental only.",
)  # fmt: skip

# One line each, without a full stop.
LINES = (
    "{a_kind} with {list}{metre}", "{a_kind} featuring {list}", "{kind}, {list}", "{kind} played on {list}{metre}",
    "{a_kind}{metre} for {use}", "{a_kind} built around {list}", "{list} in {a_kind}", "{a_kind} where {clause}",
    "{a_kind} in which {clauses}", "{kind} with {list}, good for {use}", "{mood} {kind}",
    "{a_kind}{metre}, {mood} and {energy}", "{list} playing {a_kind}{metre}", "some {mood} music with {list}",
    "{mood} music for {use}, with {list}", "give me {a_kind} with {list}", "make {a_kind} with {list}{metre}",
    "I need {a_kind} for {use}", "generate {a_kind} with {list}", "write {a_kind} for {use}, {list} please",
    "something {mood} for {use}: {list}", "{kind} at {a_pace} pace with {list}",
    "{a_tempo} {style} with {list} that feels {mood}", "{tempo} and {mood} {style}", "{kind} led by {list}",
    "{style} to go with {use}", "background music for {use}, {mood}, {list}",
    "{mood}, {tempo} {style} carried by {list}", "{list}: {a_kind}", "a few bars of {mood} {tag} music{metre}",
    "compose {a_kind} that would suit {use}", "{a_kind} that makes me think of {use}",
    "{style}{metre}, {tempo}, {mood}", "{clause} in this {kind}", "{clauses}; {a_kind}",
    "I want to hear {list} in {a_kind}", "please play {a_kind}{metre} with {list}", "{tag} with {list}",
    "{tag} music, {mood} and {tempo}", "{tag} vibe with {list}", "{mood} {tag} vibes for {use}", "{kind} for {use}",
    "{kind}", "{a_kind} with {a_mood} mood and {list}", "short {kind} with {list}{metre}",
)  # fmt: skip

OPENERS = (
    "This is {a_kind}{metre}.", "This is an instrumental piece, {a_kind}.", "The clip is {a_kind} with {list}.",
    "The song is {a_kind} played on {list}.", "{a_kind} featuring {list}.", "What we hear is {a_kind}{metre}.",
    "The recording presents {a_kind}.", "The music is {mood} and {energy}.", "{clauses}.",
    "Playing together{metre}: {list}.", "An instrumental {tag} track with {list}.",
    "This {tag} piece is {mood} and {tempo}.", "The piece is {a_kind} made of {list}.", "Here is {a_kind}.",
    "You can hear {list}.", "The excerpt opens as {a_kind}.", "{a_mood} atmosphere runs through this {style}.",
    "It sounds like {a_kind} for {use}.", "Somebody plays {a_kind} on {list}.", "In this {kind}, {clauses}.",
    "This track is built from {list}.", "The instrumental has {a_pace} tempo and {a_mood} character.",
    "{a_kind}{metre}.",
)  # fmt: skip

PROSE_GROUPS = (
    (
        "The instruments are {list}.", "{clauses}.", "{clause}.", "The arrangement is built on {list}.",
        "One can hear {list}.", "The sound comes from {list}.", "The sound is made up of {list}.",
        "Among the instruments there is {list}.", "It is carried by {list}.", "In the mix you find {list}.",
    ),
    (
        "{clauses}.", "{clause}.", "Meanwhile {clause}.", "Besides, {clause}.", "At the same time, {clauses}.",
        "{clause} throughout.",
    ),
    (
        "The mood is {mood}.", "It feels {mood} and {energy}.", "The atmosphere is {mood}.", "It sounds {mood}.",
        "The overall feeling is {mood}.", "It has {a_mood} air about it.", "Everything about it is {mood}.",
        "The tone is {mood}.", "It comes across as {moods}.", "The energy is {energy}.",
    ),
    (
        "The tempo is {pace}.", "It moves at {a_pace} pace{metre}.", "It is {tempo}{metre}.", "The pace is {pace}.",
        "It is played{metre} at {a_pace} tempo.", "The tempo is {pace}, the playing {energy}.",
        "{a_tempo} piece overall.",
    ),
    (
        "It would suit {use}.", "It could be used for {use}.", "One can imagine it with {use}.",
        "Perfect for {use}.", "It makes a good backdrop for {use}.", "This could accompany {use}.",
        "It goes well with {use}.", "I would play it for {use}.", "The kind of music for {use}.",
        "It brings {use} to mind.",
    ),
    ("{alone}",),
)  # fmt: skip
