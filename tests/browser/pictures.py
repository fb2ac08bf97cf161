"""The pictures of the documentation: screenshots of the browser tests, and the files that decide how they look.

Input: `artefacts/browser/`, as a run of the browser tests left it. Output: `docs/images/`, and beside the pictures
`sources.json` with a digest of the files that each one shows. `make pictures` runs those tests and writes both; a test
fails if a file has changed since.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs/images"
#: As in conftest.py, which needs the settings of Django.
ARTEFACTS = ROOT / "artefacts" / "browser"
SOURCES = IMAGES / "sources.json"

_ELEMENTS = ("edge/client/ui/**/*.js",)
_FORUM = ("examples/forum/static/forum/*", "examples/forum/templates/**/*.html", *_ELEMENTS)
_ADMIN = (
    "pipeline/templates/admin/clarion_pipeline/health.html",
    "pipeline/templates/admin/clarion_pipeline/_operations.html",
    "pipeline/static/clarion/health.css",
    "pipeline/dashboard/charts.py",
)

#: The screenshot that each picture is, and the files that it shows.
PICTURES = {
    "bell.gif": ("bell.gif", _FORUM),
    "bell.png": ("the-bell.png", _FORUM),
    "side-by-side.png": ("side-by-side.png", _FORUM),
    "break-it.png": ("break-it.png", _FORUM),
    "phone-dark.png": ("-inbox-dark-375.png", _FORUM),
    "health.png": ("health.png", _ADMIN),
    "flower.png": ("flower-tasks.png", ("Procfile",)),
}


def digest(name: str) -> str:
    """Return the digest of the files that a picture shows."""
    hashed = hashlib.sha256()
    for file in _files(PICTURES[name][1]):
        hashed.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return hashed.hexdigest()


def _files(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(path for path in ROOT.glob(pattern) if path.is_file())


def main() -> None:
    """Take the pictures from the last run of the browser tests."""
    for name, (screenshot, _) in PICTURES.items():
        shutil.copy(ARTEFACTS / screenshot, IMAGES / name)
    SOURCES.write_text(json.dumps({name: digest(name) for name in PICTURES}, indent=2) + "\n")


if __name__ == "__main__":
    main()
