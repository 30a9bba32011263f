"""The page, at http://127.0.0.1:7860: `python app.py`; also what a Hugging Face Space runs."""

from __future__ import annotations

from mustango_app.page.zero import main

if __name__ == "__main__":
    main()
