"""Packs the browser client into the static files of the web app: a few small modules that import each other.

Input: `edge/client/`. Output: `pipeline/static/clarion/*.js`, by esbuild. `python -m tests.contracts.bundle` writes
them (`make client`); a test fails if they are stale. They are packed because Django hashes the imports of modules at
most five levels deep, and because a page loads fewer files.
"""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "edge/client"
STATIC = ROOT / "pipeline/static/clarion"
ESBUILD = ROOT / "node_modules/.bin/esbuild"

#: The modules that pages load, by their names there.
ENTRIES = {
    "elements": "ui/elements.js",
    "notifications": "notifications.js",
    "store": "store.js",
    "arrivals": "arrivals.js",
    "links": "links.js",
    **{f"words/{path.stem}": f"ui/words/{path.name}" for path in sorted(CLIENT.glob("ui/words/*.js"))},
}
OPTIONS = (
    "--bundle", "--splitting", "--format=esm", "--minify", "--target=es2022", "--charset=utf8", "--legal-comments=none",
    "--log-level=warning",
)  # fmt: skip


def pack(folder: Path) -> None:
    """Write the modules into a folder; raises CalledProcessError with the errors of esbuild on stderr."""
    entries = [f"{name}={CLIENT / path}" for name, path in ENTRIES.items()]
    subprocess.run([ESBUILD, *entries, *OPTIONS, f"--outdir={folder}"], cwd=CLIENT, check=True)


def packed(folder: Path) -> dict[str, str]:
    """The modules in a folder, by name."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.js")}


if __name__ == "__main__":
    for old in STATIC.glob("*.js"):
        old.unlink()
    shutil.rmtree(STATIC / "words", ignore_errors=True)
    pack(STATIC)
