"""Installs the packages of a lock file into this environment, and shows how far it is.

Input: the lock file; only the standard library, because nothing else is installed yet. Output: exit code of pip, with
the end of its output if it failed. On a terminal one line counts the packages; otherwise there is one line at the end.
Bytecode is compiled afterwards, by all processors, which takes half the time of pip's own compiler.
"""

import compileall
import re
import subprocess
import sys
import sysconfig
import time
from collections import deque
from pathlib import Path

#: A line of pip that begins with a package, and one about a package of another system.
_BEGUN = re.compile(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)")
_IGNORED = "Ignoring "
_INSTALLING = "Installing collected packages"

#: Lines of its output that a failure shows.
_SHOWN = 15

#: Characters of the name of a package beside the count.
_NAME_WIDTH = 24


def main(lock: Path) -> int:
    """Install; return the exit code of pip."""
    begun = time.monotonic()
    total = len(re.findall(r"^[A-Za-z0-9][^\s=]*==", lock.read_text(), re.M))
    place = Path(sys.prefix).name
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile", "--progress-bar=off"]
    process = subprocess.Popen(  # noqa: S603 - our own environment's pip
        [*pip, "--require-hashes", "-r", lock], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    last: deque[str] = deque(maxlen=_SHOWN)
    count = 0
    for line in process.stdout or ():
        last.append(line)
        if line.startswith(_IGNORED):
            total -= 1
        elif match := _BEGUN.match(line):
            count += 1
            name = Path(match[1]).name.split("==")[0]
            _show(f"Downloading {count} of {total} packages: {name[:_NAME_WIDTH]}")
        elif line.startswith(_INSTALLING):
            _show(f"Installing {total} packages into {place} ...")
    if code := process.wait():
        _show("")
        sys.stderr.writelines(last)
        return code
    _show(f"Compiling {total} packages ...")
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0)
    _show("")
    print(f"Installed {total} packages into {place} in {time.monotonic() - begun:.0f} s.", flush=True)
    return 0


def _show(text: str) -> None:
    """Replace the line of progress, on a terminal."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
