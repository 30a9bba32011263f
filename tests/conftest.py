"""Settings of the whole suite.

One thread a process: pytest-xdist keeps the cores busy, and threads that wait for a core cost more than they bring.
Property tests draw the same examples in every run. Nothing is fetched.
"""

from __future__ import annotations

import os
import signal

# Before the first test imports torch or numpy; processes that tests start inherit it.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# A shell starts what runs in its background deaf to Ctrl-C, and so would be the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

from hypothesis import settings  # noqa: E402

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")
