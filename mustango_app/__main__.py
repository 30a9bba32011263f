"""`python -m mustango_app` is the command `mustango`."""

from __future__ import annotations

from mustango_app.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
