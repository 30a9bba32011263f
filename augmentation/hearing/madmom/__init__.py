"""madmom 0.16.1 (2018) made to run on the Pythons of today (`compat`), and fast (`recurrent`, `convolution`).

Where a faster way answers differently from madmom itself, madmom's own is used and the log says so.
Public: `load_madmom`, `signal`, `run_together`, `replace_convolutions`.
"""
