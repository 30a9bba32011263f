"""Pieces that are there already, shaped: continued, played anew in a region, varied.

`changes` says what is wanted, `source` what there is, `continuation` and `region` make the plan of the result, `canvas`
holds the sound with a hole in it, `shaper` has the model fill it.
Public: `Extension`, `Edit`, `Variation`, `shape`.
"""
