"""`python -m ingat` is `ingat`."""

from __future__ import annotations

from ingat.app.main import main

if __name__ == "__main__":
    main()
