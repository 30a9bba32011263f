"""Who plays: what the text names, completed from the style's file and the seed, so that a plan always says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from augmentation.compose.styles import STYLES, Style
from augmentation.reading.readers.arrangement import Arrangement, Player
from munet.music.instruments import CLASS_OF

DEFAULT_STYLE = "pop"  # whose band plays where no style is stated
_ROLES = ("bass", "comp", "second", "pad", "melody")
EVEN_ODDS = 0.5  # a role that plays at least in every other piece of its style belongs to the band
_FULL_LIST = 3  # instruments that a text names are the whole band from here on

_PAIR = 2  # and from here on in styles without a rhythm section
_FOUNDATION = ("drums", "bass", "synth bass")  # nobody's music is made of these unless the text says "only"

Pick = Callable[[str, Sequence[Any]], Any]


def choose_band(found: Arrangement, style: str | None, pick: Pick) -> tuple[str, ...]:
    """Return who plays, drums first.

    What is played alone, an ensemble, three instruments or more, or any without a style, are the whole band; fewer join
    the style's own, of whom nobody plays a melody where the text wants none. Whoever is removed is silent, with all of
    the class.

    Args:
        found: what the text says.
        style: name of the composer's style.
        pick: (field, alternatives) -> one of them.
    """
    table = _table(style)
    named = resolve(found.alone or found.players, table)
    chamber = table.odds.get("drums", 0.0) < EVEN_ODDS and len(named) >= _PAIR
    first = resolve([player for player in found.players if player not in found.later], table)
    tonal = any(CLASS_OF.get(name, name) not in _FOUNDATION for name in first)  # of those who are there from the start
    whole = bool(found.alone) or len(named) >= _FULL_LIST or (tonal and (style is None or chamber))
    if whole and found.alone:
        extra = [
            player for player in found.players if player not in found.alone and all(one.together for one in found.alone)
        ]
        named = [*named, *resolve(extra, table)]
    roles = tuple(role for role in _ROLES if role != "melody" or not found.tuneless)
    band = named if whole else _completed(named, table, pick, roles)
    band = [name for name in band if not is_removed(name, found.removed)]
    if not band:
        tables = (table, STYLES[DEFAULT_STYLE])  # of a march without an orchestra and drums nobody is left
        rest = ([name for name in _completed([], one, pick, roles) if not is_removed(name, found.removed)]
                for one in tables)  # fmt: skip
        band = next(filter(None, rest), named)
    return ordered(band)


def changed_band(found: Arrangement, band: Sequence[str], style: str | None) -> tuple[str, ...] | None:
    """Return who plays once a change of which a text speaks is made, drums first; None if it speaks of nobody.

    Who is named joins the band; what is played alone, or three instruments or more, replace it.

    Args:
        found: what the text says.
        band: who plays before.
        style: of the piece.
    """
    if not (found.players or found.alone or found.removed):
        return None
    named = resolve(found.alone or found.players, _table(style))
    whole = bool(found.alone) or len(named) >= _FULL_LIST
    changed = [name for name in (named if whole else [*band, *named]) if not is_removed(name, found.removed)]
    return ordered(changed or named) or None


def ordered(band: Sequence[str]) -> tuple[str, ...]:
    """Return each instrument once, drums and bass first."""
    places = list(dict.fromkeys(CLASS_OF.values()))
    return tuple(sorted(dict.fromkeys(band), key=lambda name: places.index(CLASS_OF.get(name, name))))


def _table(style: str | None) -> Style:
    return STYLES.get(style or DEFAULT_STYLE) or STYLES[DEFAULT_STYLE]


def band_classes(names: Sequence[str], style: str | None) -> set[str]:
    """Return the classes of instruments that a style's own band has too."""
    own = {CLASS_OF.get(name, name) for names in _table(style).palette.values() for name in names}
    return {CLASS_OF.get(name, name) for name in names} & own


def resolve_in(players: Sequence[Player], style: str | None) -> list[str]:
    """Return the instruments that are meant in a style."""
    return resolve(players, _table(style))


def resolve(players: Sequence[Player], table: Style) -> list[str]:
    """Return the instruments that are meant: of several the one in the style's palette, else the usual one."""
    palette = [name for role in _ROLES for name in table.palette.get(role, ())]
    band: list[str] = []
    for player in players:
        fits = [name for name in palette if name in player.names]
        if player.together:
            band += player.names
        elif player.names:
            band.append(fits[0] if fits and player.names[0] not in palette else player.names[0])
    return list(dict.fromkeys(band))


def _completed(named: Sequence[str], table: Style, pick: Pick, roles: Sequence[str]) -> list[str]:
    """Add usual roles of the style to what is named; a role that a named instrument of the palette takes stays its."""
    band = list(named)
    classes = {CLASS_OF.get(name, name) for name in named}
    if table.odds.get("drums", 0.0) >= EVEN_ODDS and "drums" not in classes:
        band.append("drums")
    for role in roles:
        palette = table.palette.get(role, ())
        odds = 1.0 if role == "comp" else table.odds.get(role, 0.0)
        taken = any(
            name in palette or CLASS_OF.get(name) in {CLASS_OF.get(other) for other in palette} for name in named
        )
        if palette and odds >= EVEN_ODDS and not taken:
            band.append(pick(f"instruments {role}", palette))
    return band


def is_removed(name: str, removed: Sequence[Player]) -> bool:
    """Whether an instrument is one of those taken away: "no guitar" takes all of them, "no drums" the class."""
    kind = CLASS_OF.get(name, name)
    return any(name in player.names or kind in _classes(player) for player in removed)


def _classes(player: Player) -> set[str]:
    """Return the classes that a word takes away as a whole: those of a word for several instruments, and the drums."""
    kinds = {CLASS_OF.get(name, name) for name in player.names}
    return kinds if len(player.names) > 1 or kinds & {"drums", "strings", "choir"} else set()
