"""The account that runs Postgres, which refuses to run as root.

Input: the folders that Postgres needs. Output: an unprivileged account if we are root, and folders that it can reach:
the given ones if possible, else copies below a private folder. Permissions are changed only of folders that we made
for Postgres.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from dev.binaries import POSTGRES_WHEEL

#: Present on every system that we know of, and owns nothing.
_ACCOUNT = "nobody"

#: Survives a reboot, unlike /tmp on many systems, as a database's folder should.
_PRIVATE_PARENT = Path("/var/tmp")  # noqa: S108 - the folder below is checked to be ours

#: Hexadecimal digits of a hash that make a folder's name: enough to distinguish checkouts, short enough to read.
_NAME_DIGITS = 12

_PROJECT = Path(__file__).resolve().parent.parent


class Unreachable(RuntimeError):
    """Postgres cannot be run under the unprivileged account."""


class AsUser(TypedDict, total=False):
    """The keywords of `subprocess` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """An account that Postgres may run as."""

    uid: int
    gid: int

    @property
    def keywords(self) -> AsUser:
        """For `subprocess.run` and `Popen`."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, *arguments: str | Path) -> bool:
        """Whether a command ends well under this account: permissions are asked, not computed."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed programs, our own paths
                arguments, cwd="/", capture_output=True, check=False, **self.keywords
            )
        except OSError:
            return False
        return done.returncode == 0


def unprivileged(folder: Path) -> Account | None:
    """Return the account to run Postgres as; None if we are not root and can run it ourselves.

    A data folder that exists keeps its owner: an ordinary user's stack can be started once as root.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam(_ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def reachable_programs(folder: Path, account: Account | None) -> Path:
    """Return the folder of programs, or a copy of its whole tree that the account can run."""
    if account is None or account.can(folder / "postgres", "--version"):
        return folder
    package = folder.parents[1]
    if package.name != POSTGRES_WHEEL:
        raise Unreachable(f"the account {_ACCOUNT} cannot run {folder / 'postgres'}: start as an ordinary user instead")
    program = (folder / "postgres").stat()
    copy = _private_folder() / f"programs-{_name(folder, program.st_mtime_ns, program.st_size)}"
    if not copy.exists():
        _say(f"Postgres's programs are copied to {copy}, where the account {_ACCOUNT} can run them.")
        fresh = Path(tempfile.mkdtemp(dir=copy.parent))
        # The wheel keeps its libraries beside its own folder: the relative path to them has to stay the same.
        for part in [package, *package.parent.glob(f"{package.name}.libs")]:
            shutil.copytree(part, fresh / part.name, symlinks=True)
        _let_all_read(fresh)
        fresh.rename(copy)
    return copy / folder.relative_to(package.parent)


def reachable_folder(folder: Path, account: Account | None) -> Path:
    """Make the folder, or one that stands in for it where the account cannot reach it; the account owns it."""
    parent = folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    if account is None:
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder
    if not account.can("test", "-x", parent):
        _private_folder()
        elsewhere = stand_in(folder)
        if not elsewhere.exists():
            _say(f"Postgres's data is kept in {elsewhere}: the account {_ACCOUNT} cannot reach {parent}.")
        folder = elsewhere
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, account.uid, account.gid)
    return folder


def stand_in(folder: Path) -> Path:
    """Return the folder that replaces one that the account cannot reach; it may not exist."""
    return private_folder_path() / f"data-{_name(folder)}"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a temporary folder in which servers can run, also as root; remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="clarion-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            folder.chmod(0o711)  # The account must pass through it to its own folder, and no more.
        yield folder


def private_folder_path() -> Path:
    """Where copies go when the project's own folder cannot be reached; it may not exist."""
    return _PRIVATE_PARENT / f"clarion-{_name(_PROJECT)}"


def _private_folder() -> Path:
    folder = private_folder_path()
    folder.mkdir(mode=0o711, exist_ok=True)
    # Anybody can make a folder of this name in a public place: it must be one that only we write.
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unreachable(f"{folder} was made by somebody else: remove it and start again")
    folder.chmod(0o711)  # The account must pass through, independent of the umask.
    return folder


def _let_all_read(copy: Path) -> None:
    """Give all accounts the owner's permissions except writing, because a strict umask hides the wheel from them."""
    for path in [copy, *copy.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o555
            path.chmod(mode | mode >> 3 | mode >> 6 | 0o200)


def _name(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:_NAME_DIGITS]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
