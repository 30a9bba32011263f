"""Measurements of speed and of quality, one command each: `python -m benchmarks.NAME`.

Importing munet first has the threads of all of them sleep while they wait (`munet.processor`).
Public: `in_turn`, `rows_of`, `tell`.
"""

from __future__ import annotations

import munet  # noqa: F401
