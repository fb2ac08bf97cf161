"""`make clean`: removes the data of stacks, and stops nothing.

It removes the data folder, and the private one that Postgres gets if root runs it. The data of a running stack stays,
because removing a database under its server would only break it.
"""

import fcntl
import shutil
import sys

from dev.account import private_folder_path
from dev.stack_config import DATA


def main() -> int:
    """Remove the folders, unless a stack holds one of them."""
    for lock in DATA.glob("*/lock"):
        with lock.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"The stack on ports {lock.parent.name} and up is running: stop it first.", file=sys.stderr)
                return 1
    for folder in (DATA, private_folder_path()):
        if folder.exists():
            shutil.rmtree(folder)
            print(f"Removed {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
