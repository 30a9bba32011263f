"""Music and words -> numbers: what MuNet attends to, each with a null form that guidance and dropout use.

Chords become numbers in `chord_encoder` (attention) and in `aligned` (per latent frame), beats in `beat_encoder`.
Public: `text_tokens`, `plan_tokens`, `embed`, `ConditionDropout`, `BeatEncoder`, `ChordEncoder`, `load_text_encoder`.
"""
