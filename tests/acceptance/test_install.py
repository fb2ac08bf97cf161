"""`dev/install.py` installs a lock into the environment that runs it, or says why it could not."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEEL = "probe-1.0-py3-none-any.whl"
METADATA = {
    "probe.py": "FOUND = True\n",
    "probe-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n",
    "probe-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "probe-1.0.dist-info/RECORD": "probe.py,,\nprobe-1.0.dist-info/METADATA,,\nprobe-1.0.dist-info/WHEEL,,\n"
    "probe-1.0.dist-info/RECORD,,\n",
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one package, whose wheel is beside it."""
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        for name, text in METADATA.items():
            wheel.writestr(name, text)
    digest = hashlib.sha256((tmp_path / WHEEL).read_bytes()).hexdigest()
    path = tmp_path / "some.lock"
    path.write_text(f"probe==1.0 \\\n    --hash=sha256:{digest}\n")
    return path


def run(python: Path, *arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python, *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_install_of_lock(tmp_path: Path, lock: Path) -> None:
    """The packages of a lock are installed and compiled; a wrong hash ends with the reason."""
    assert run(Path(sys.executable), "-m", "venv", tmp_path / "venv").returncode == 0
    python = tmp_path / "venv" / "bin" / "python"
    from_folder = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    wrong = tmp_path / "wrong.lock"
    wrong.write_text(f"probe==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    failed = run(python, "-m", "dev.install", wrong, **from_folder)
    assert failed.returncode != 0
    assert "DO NOT MATCH THE HASHES" in failed.stderr
    done = run(python, "-m", "dev.install", lock, **from_folder)
    assert (done.returncode, done.stdout.startswith("Installed 1 packages into venv in ")) == (0, True), done
    found = run(python, "-c", "import probe; print(probe.__cached__)")
    assert Path(found.stdout.strip()).exists()
