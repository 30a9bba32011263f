"""Styles are data: one TOML file a style holds everything about it, from tempo and drum patterns to its words.

To add a style, add a file (`style.Style` tells its fields); a folder of your own is read as well where the environment
variable `MUSTANGO_STYLES` names it. Public: `STYLES`, `FORMS`, `Style`, `Asked`, `load_style`, `load_styles`,
`style_words`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from augmentation.compose.styles.files import load_style, load_styles
from augmentation.compose.styles.style import FORMS, Asked, Form, Patterns, Style, StyleWords

__all__ = [
    "FORMS", "STYLES", "Asked", "Form", "Patterns", "Style", "StyleWords", "load_style", "load_styles", "style_words",
]  # fmt: skip

STYLES_VARIABLE = "MUSTANGO_STYLES"
_MORE = os.environ.get(STYLES_VARIABLE)
STYLES: Mapping[str, Style] = load_styles(Path(__file__).parent, *([_MORE] if _MORE else []))


def style_words(styles: Mapping[str, Style] = STYLES) -> Mapping[str, tuple[str, Asked]]:
    """Return the words by which prompts ask for styles, longest first: word -> (name of the style, what it suggests).

    Words are in lower case; a space in them stands for a space, a hyphen or nothing ("hip hop", "hip-hop", "hiphop").
    """
    rows = [(word.lower(), (style.name, asked)) for style in styles.values() for asked in style.asked
            for word in asked.words]  # fmt: skip
    return MappingProxyType(dict(sorted(rows, key=lambda row: (-len(row[0]), row[0]))))
