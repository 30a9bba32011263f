"""A seed or a plan becomes an arranged piece with exact labels, and a piece becomes sound.

Styles are data (`augmentation.compose.styles`, one TOML file each); the files here turn them into notes and samples.
Public: `compose`, `Piece`, `Track`, `render`, `default_soundfont`.
"""
