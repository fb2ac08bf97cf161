"""What a running stack offers, as a framed block: addresses, people and passwords.

Input: the environment of the stack's processes. Output: lines of text. `make run` prints them when every process has
answered, and `python -m dev.urls`, which is `make urls`, prints them again.
"""

import sys
from collections.abc import Mapping

from dev.stack import NoStack, load_stack
from dev.stack_config import Ground, from_environment

PEOPLE = "ann, ben, cleo, dan, eva, or mia (moderator and operator)"
PASSWORD = "clarion-demo"  # noqa: S105 - of the demo's invented people


def block(ground: Ground, environment: Mapping[str, str], note: str) -> list[str]:
    """Return the lines of the block; the first one begins with "Ready: ", for programs that wait for it."""
    web, flower, edge = (f"http://{ground.address}:{ground.port(name)}" for name in ("web", "flower", "edge"))
    workers = ", ".join(str(ground.port(f"worker-{name}")) for name in ("live", "bursts", "jobs"))
    rows = {
        "Forum": f"{web}/",
        "Side by side": f"{web}/side-by-side/  (two people on one page: begin here)",
        "Operations": f"{web}/operator/  (as mia)",
        "Health": f"{web}/admin/clarion_pipeline/sample/health/  (as mia)",
        "API docs": f"{web}/api/docs",
        "Metrics": f"{edge}/metrics  (of the edge; workers on ports {workers}, web at /api/metrics)",
        "Flower": f"{flower}/  (clarion, password {environment['CLARION_FLOWER_PASSWORD']})",
        "Edge": f"ws://{ground.address}:{ground.port('edge')}/ws/notification-updates/",
        "": "",
        "Sign in as": PEOPLE,
        "Password": PASSWORD,
    }
    wide = max(map(len, rows))
    lines = [f"{name:{wide}}  {value}".rstrip() for name, value in rows.items()]
    frame = "─" * max(map(len, [*lines, note]))
    return [f"Ready: {note}", frame, *lines, frame]


def main() -> int:
    """Print the block of the running stack; return 1, with what to do, if none runs."""
    try:
        environment = load_stack()
    except NoStack as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(block(from_environment(), environment, "this stack is running")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
