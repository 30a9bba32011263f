"""Asked against heard: scores of one clip, and of a model or a folder of clips beside a ceiling and chance.

A metric lives in `adherence` (over time), `control_metrics` (the paper's), `sound` (one clip) or `distances` (sets).
Public: `evaluate`, `EvaluateSettings`, `adherence`, `overall_adherence`, `sound_facts`, `frechet_distance`,
`kernel_distance`.
"""
