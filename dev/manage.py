"""A command of Django's against the running stack: `make manage ARGS="trace 17"`.

Input: the words of the command. Output: that of the command, which replaces this process.
"""

import os
import sys

from dev.stack import NoStack, load_stack


def main() -> None:
    """Run it in the environment of the stack; exit with 1, and say what to do, if none runs."""
    try:
        environment = load_stack()
    except NoStack as error:
        sys.exit(str(error))
    os.execve(  # noqa: S606 - the command that was asked for
        sys.executable, [sys.executable, "-m", "django", *(sys.argv[1:] or ["help"])], os.environ | environment
    )


if __name__ == "__main__":
    main()
