"""The words of captions: what people call instruments, moods, tempi and metres; those of styles stand in their files.

Every phrase here is checked against the piece before it is written (`augmentation.captions.wording`): one that names an
instrument needs that instrument (`mentions` finds the names), one that names a metre or a tempo needs that too. So a
table may hold phrases that are true of some pieces of a style only, "piano trio" for one. Tempi in beats per minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from augmentation.compose.styles import STYLES


def _table(rows: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(part.strip() for part in text.split(",")) for name, text in rows.items()})


# Instrument -> what it may be called, for the names of `augmentation.compose.programs.INSTRUMENTS` and the drums.
INSTRUMENT_NOUNS = _table({
    "drums": "drums, drum kit, drum set, drumming", "piano": "piano, grand piano, acoustic piano",
    "bright piano": "bright piano, piano, upright piano",
    "honky-tonk piano": "honky-tonk piano, saloon piano, bar-room piano, piano",
    "Rhodes piano": "Rhodes piano, rhodes, Fender Rhodes, electric piano, e-piano",
    "electric piano": "electric piano, e-piano, FM electric piano", "harpsichord": "harpsichord",
    "clavinet": "clavinet, clav", "celesta": "celesta", "music box": "music box", "vibraphone": "vibraphone, vibes",
    "marimba": "marimba", "xylophone": "xylophone", "tubular bells": "tubular bells",
    "drawbar organ": "drawbar organ, Hammond organ, organ", "rock organ": "rock organ, organ, overdriven organ",
    "church organ": "church organ, pipe organ, organ", "accordion": "accordion, squeezebox",
    "harmonica": "harmonica, mouth harp, blues harp",
    "nylon guitar": "nylon guitar, nylon-string guitar, classical guitar, acoustic guitar, Spanish guitar",
    "acoustic guitar": "acoustic guitar, steel-string guitar, steel-string acoustic guitar",
    "jazz guitar": "jazz guitar, hollow-body guitar, mellow electric guitar",
    "electric guitar": "electric guitar, clean electric guitar, clean guitar",
    "muted guitar": "muted guitar, palm-muted guitar, muted electric guitar",
    "overdriven guitar": "overdriven guitar, crunchy guitar, overdriven electric guitar",
    "distorted guitar": "distorted guitar, distorted electric guitar, heavy guitar",
    "upright bass": "upright bass, double bass, contrabass, acoustic bass",
    "electric bass": "electric bass, bass guitar, e-bass",
    "picked bass": "picked bass, picked bass guitar, bass guitar",
    "fretless bass": "fretless bass, fretless bass guitar", "slap bass": "slap bass, slapped bass guitar",
    "synth bass": "synth bass, synthesizer bass", "deep synth bass": "deep synth bass, synth bass, sub bass",
    "violin": "violin", "viola": "viola", "cello": "cello", "fiddle": "fiddle",
    "pizzicato strings": "pizzicato strings, plucked strings", "harp": "harp, concert harp",
    "strings": "strings, string section, string ensemble",
    "slow strings": "lush strings, legato strings, strings, string ensemble",
    "synth strings": "synth strings, synthesized strings, string machine", "choir": "choir, choir voices",
    "trumpet": "trumpet", "muted trumpet": "muted trumpet, trumpet with a mute", "trombone": "trombone",
    "tuba": "tuba", "French horn": "French horn, orchestral horn", "brass section": "brass section, horn section",
    "synth brass": "synth brass, brassy synth", "soprano saxophone": "soprano saxophone, soprano sax",
    "alto saxophone": "alto saxophone, alto sax", "tenor saxophone": "tenor saxophone, tenor sax", "oboe": "oboe",
    "clarinet": "clarinet", "piccolo": "piccolo", "flute": "flute", "recorder": "recorder",
    "pan flute": "pan flute, panpipe", "tin whistle": "tin whistle, penny whistle",
    "square lead": "square lead, square-wave lead, chip-like synth lead", "saw lead": "saw lead, sawtooth lead",
    "warm pad": "warm pad, soft synth pad", "synth pad": "synth pad, synthesizer pad",
    "bowed pad": "bowed pad, glassy pad", "bright synth": "bright synth",
    "synth plucks": "synth plucks, plucky synth, plucked synth", "banjo": "banjo",
    "steel drums": "steel drums, steel pan, steelpans", "kalimba": "kalimba, thumb piano", "sitar": "sitar",
    "bagpipes": "bagpipes, pipes",
})  # fmt: skip

# What drums are called where they are no kit.
HAND_DRUMS = ("percussion", "hand percussion", "light percussion", "drums")

# Word for several instruments -> the instruments it is true of.
GROUP_NOUNS = _table({
    "guitar": "nylon guitar, acoustic guitar, jazz guitar, electric guitar, muted guitar, overdriven guitar, "
              "distorted guitar",
    "electric guitar": "jazz guitar, muted guitar, overdriven guitar, distorted guitar",
    "bass": "upright bass, electric bass, picked bass, fretless bass, slap bass, synth bass, deep synth bass",
    "synth": "synth bass, deep synth bass, synth strings, synth brass, square lead, saw lead, warm pad, synth pad, "
             "bowed pad, bright synth, synth plucks",
    "synthesizer": "synth bass, deep synth bass, synth strings, synth brass, square lead, saw lead, warm pad, synth "
                   "pad, bowed pad, bright synth, synth plucks",
    "synth lead": "square lead, saw lead", "pad": "warm pad, synth pad, bowed pad",
    "saxophone": "soprano saxophone, alto saxophone, tenor saxophone",
    "sax": "soprano saxophone, alto saxophone, tenor saxophone",
    "brass": "brass section, trumpet, muted trumpet, trombone, tuba, French horn",
    "horn": "brass section, French horn", "woodwind": "flute, oboe, clarinet, piccolo, recorder",
    "mallets": "vibraphone, marimba, xylophone",
    "keys": "piano, bright piano, honky-tonk piano, Rhodes piano, electric piano, clavinet, drawbar organ, rock "
            "organ",
    "keyboard": "harpsichord, Rhodes piano, electric piano, clavinet, drawbar organ, rock organ, bright piano, piano",
    "percussion": "drums", "drum": "drums", "beat": "drums", "breakbeat": "drums", "four-on-the-floor": "drums",
    "orchestra": "strings, slow strings, brass section",
    "string": "strings, slow strings, synth strings, pizzicato strings, violin, viola, cello, fiddle",
})  # fmt: skip
# Groups precise enough to stand for one instrument in a list ("beat" or "string" only occur inside phrases).
LIST_GROUPS = ("guitar", "electric guitar", "bass", "synth", "synthesizer", "synth lead", "pad", "saxophone", "sax",
               "mallets", "keys", "keyboard", "percussion")  # fmt: skip


def _meanings() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, nouns in INSTRUMENT_NOUNS.items():
        for noun in (name, *nouns):
            found.setdefault(noun.lower(), set()).add(name)
    for noun, names in GROUP_NOUNS.items():
        found.setdefault(noun, set()).update(names)
    found["piano"] |= {"Rhodes piano", "electric piano"} & found["keys"]
    return MappingProxyType({noun: frozenset(names) for noun, names in found.items()})


MEANINGS = _meanings()
_NAMES = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, MEANINGS), key=len, reverse=True)) + r")(?:e?s)?\b", re.IGNORECASE
)
# Style words that contain the name of an instrument without promising one.
_IDIOMS = re.compile(r"drum and bass|drum & bass|synth-?wave|synth-?pop|beats per (minute|bar)", re.IGNORECASE)


@lru_cache(maxsize=8192)
def mentions(text: str) -> tuple[frozenset[str], ...]:
    """For every instrument name in a text, longest first, the instruments of which it is true."""
    plain = _IDIOMS.sub(" ", text)
    plain = re.sub(r"(two|three|four|five|six|every|\d) beats?\b", " ", plain, flags=re.IGNORECASE)
    return tuple(MEANINGS[match[1].lower()] for match in _NAMES.finditer(plain))


# Mood -> occasions it suits.
USES = _table({
    "happy": "a children's show, a sunny day, a birthday video",
    "uplifting": "a success story, a charity campaign, a finish line",
    "playful": "a cartoon, a puppet show, a puzzle game", "sad": "a farewell scene, a break-up scene, a rainy day",
    "melancholic": "an autumn walk, an old photograph, a lonely scene",
    "dark": "a thriller, a horror game, a villain's entrance",
    "mysterious": "a detective story, an escape room, a foggy forest scene", "dreamy": "a dream sequence, stargazing",
    "relaxing": "unwinding after work, a massage, a warm bath",
    "peaceful": "a garden scene, falling asleep, a quiet morning", "romantic": "a date, a love scene, an anniversary",
    "nostalgic": "a flashback, old home movies, a trip down memory lane", "groovy": "a party, dancing in the kitchen",
    "cool": "a heist movie, a sunglasses advert, a lounge",
    "hopeful": "a new beginning, a sunrise scene, a graduation", "epic": "a battle scene, a hero's return, a trailer",
    "tense": "a countdown, a chase scene, a spy movie", "aggressive": "a fight scene, a hard training session",
    "powerful": "a sports highlight reel, a big entrance", "festive": "a street festival, New Year's Eve, a carnival",
    "solemn": "a memorial, a ceremony, a state occasion",
})  # fmt: skip

MOOD_WORDS = _table({
    "happy": "happy, cheerful, joyful, sunny, feel-good, merry, bright and happy, good-humoured",
    "uplifting": "uplifting, inspiring, positive, optimistic, feel-good, elevating, motivating",
    "playful": "playful, quirky, whimsical, light-hearted, mischievous, bouncy, fun",
    "sad": "sad, sorrowful, mournful, tearful, heartbroken, gloomy, downcast",
    "melancholic": "melancholic, melancholy, wistful, bittersweet, longing, pensive, blue",
    "dark": "dark, ominous, sinister, brooding, menacing, moody, shadowy",
    "mysterious": "mysterious, enigmatic, eerie, suspenseful, secretive, haunting",
    "dreamy": "dreamy, ethereal, floating, hazy, otherworldly, dreamlike",
    "relaxing": "relaxing, relaxed, laid-back, soothing, chilled, chill, easygoing, mellow",
    "peaceful": "peaceful, tranquil, serene, calming, quiet, gentle, restful",
    "romantic": "romantic, tender, loving, intimate, passionate, warm, amorous",
    "nostalgic": "nostalgic, sentimental, wistful, reminiscent, old-time, vintage-feeling",
    "groovy": "groovy, funky, danceable, rhythmic, infectious, toe-tapping",
    "cool": "cool, smooth, suave, slick, stylish, laid-back",
    "hopeful": "hopeful, optimistic, heartwarming, encouraging, reassuring, tender and hopeful",
    "epic": "epic, grand, heroic, majestic, sweeping, larger-than-life, monumental",
    "tense": "tense, nervous, suspenseful, anxious, restless, uneasy, dramatic",
    "aggressive": "aggressive, angry, fierce, brutal, furious, raw, hard-hitting",
    "powerful": "powerful, strong, bold, confident, intense, mighty, commanding",
    "festive": "festive, celebratory, jubilant, party-like, exuberant, joyous",
    "solemn": "solemn, dignified, stately, serious, reverent, noble, ceremonious",
})  # fmt: skip

ENERGY_WORDS = _table({
    "calm": "calm, soft, gentle, low-key, subdued, restrained, delicate, low-energy",
    "moderate": "steady, flowing, easy-going, balanced, even",
    "energetic": "energetic, lively, driving, high-energy, punchy, vigorous, spirited",
})  # fmt: skip

# (lowest, highest BPM, adjectives before a noun, adjectives of a pace). The ranges overlap, as people's words do.
TEMPO_ADJECTIVES = (
    (30.0, 58.0, ("very slow", "extremely slow", "crawling"), ("very slow", "crawling")),
    (30.0, 80.0, ("slow", "slow-paced", "unhurried", "slow-tempo"), ("slow", "unhurried", "leisurely", "low")),
    (76.0, 120.0, ("mid-tempo", "medium-tempo", "moderately paced", "midtempo"), ("medium", "moderate", "middling")),
    (116.0, 134.0, ("moderately fast", "fairly fast"), ("moderately fast", "fairly quick")),
    (124.0, 300.0, ("fast", "fast-paced", "uptempo", "up-tempo", "quick"), ("fast", "quick", "rapid", "high")),
    (168.0, 300.0, ("very fast", "rapid", "high-speed", "breakneck"), ("very fast", "breakneck", "hurtling")),
)
METRE_WORDS: Mapping[int, tuple[str, ...]] = MappingProxyType({
    2: ("in two", "with two beats to the bar", "with a two-beat pulse"),
    3: ("in three", "in waltz time", "with a waltz feel", "in triple time", "with three beats to the bar",
        "with a one-two-three sway", "with a waltz rhythm", "in a swaying triple metre"),
    4: ("in four", "with four beats to the bar", "in common time"),
    5: ("in five", "with five beats to the bar", "in an odd metre of five"),
    6: ("in six", "with six beats to the bar"),
    7: ("in seven", "with seven beats to the bar", "in an odd metre of seven"),
})  # fmt: skip
# A phrase with such a word is true only in these metres or up to, or from, such a tempo.
METRE_BOUND = (
    (re.compile(r"in three", re.I), 3),
    (re.compile(r"two-step", re.I), 2),
    (re.compile(r"four-on-the-floor|common time|boom bap", re.I), 4),
    *((re.compile(style.words.metre, re.I), style.meters[0][0]) for style in STYLES.values() if style.words.metre),
)
SLOW_WORDS = re.compile(r"\bslow|unhurried|downtempo|ballad|lament", re.I)
FAST_WORDS = re.compile(r"\bfast|rapid|quick|uptempo|thrash|breakneck", re.I)
