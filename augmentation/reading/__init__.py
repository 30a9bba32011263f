"""Words -> statements: what a text about music states outright, for the planner above and the captions of a dataset.

One lexer makes tokens with spans, one reader a field works on them, none on the raw string; nothing is guessed here.
Public: `lex`, `read`, `Reading`, `Statement`, `read_bpm`, `read_key`, `read_chords`, `read_meter`, `read_duration`.
"""
