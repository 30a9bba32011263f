"""The page, at http://127.0.0.1:7860: `python app.py`."""

from __future__ import annotations

from mustango_app import Mustango
from mustango_app.page.blocks import serve

if __name__ == "__main__":
    serve(Mustango.from_pretrained())
