"""The code blocks of the documents, and the test that runs each.

Input: the documents. Output: each block with its language, its place, and its text without the indentation of a list;
and for a test its blocks. A block without a test has to be in NOT_RUN, with the reason, which
tests/contracts/test_blocks.py checks.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "edge/client/README.md"])

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[\w{}]*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    document: str  # its path in the repository
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(*languages: str, document: str | None = None) -> list[Block]:
    """All blocks in these languages (all, if none is named), of one document or of all."""
    found = []
    for path in DOCUMENTS:
        name = str(path.relative_to(ROOT))
        if document is not None and name != document:
            continue
        text = path.read_text()
        for match in _BLOCK.finditer(text):
            block = Block(
                name, text.count("\n", 0, match.start()) + 1, match["language"], textwrap.dedent(match["text"])
            )
            if not languages or block.language in languages:
                found.append(block)
    return found


@dataclass(frozen=True, slots=True)
class Some:
    """Some blocks of a document: in these languages, if any is named, and with something in their text."""

    document: str
    languages: tuple[str, ...] = ()
    containing: str = ""

    def has(self, block: Block) -> bool:
        """Whether the block is one of them."""
        return (
            block.document == self.document
            and (not self.languages or block.language in self.languages)
            and self.containing in block.text
        )


SERVICES = "docs/howto/send-events-from-another-service.md"
KIND = "docs/howto/add-a-kind.md"

#: The blocks of each test. It gets them by `blocks_of`, so that blocks that are added to a document are run as well.
RUN_BY: dict[str, tuple[Some, ...]] = {
    "test_the_tutorial_ends_with_a_notification_on_a_socket": (Some("docs/tutorial.md", ("python", "sh", "text")),),
    "test_the_page_of_the_tutorial_shows_the_inbox": (Some("docs/tutorial.md", ("html",)),),
    "test_a_kind_of_ones_own_passes_its_own_test": (
        Some(KIND, ("python",)),
        Some(KIND, ("sh",), "migrate"),
        Some(SERVICES, ("python",), "named_audience"),
    ),
    "test_a_kind_of_ones_own_reaches_a_socket": (Some(KIND, ("sh",), "celery"),),
    "test_a_script_hears_what_happens": (Some("docs/howto/listen-from-python.md", ("python",)),),
    "test_the_variables_for_a_provider_are_taken": (Some("docs/howto/use-auth0.md", ("",)),),
    "test_the_variables_for_several_hosts_are_taken": (Some("docs/howto/scale-out.md", ("text",)),),
    "test_what_was_unread_is_brought_over_once": (Some("docs/howto/move-from-polling.md", ("python",)),),
    "test_a_call_of_notify_becomes_an_event_with_an_audience": (
        Some("docs/howto/move-from-django-notifications.md", ("python",)),
    ),
    "test_the_handler_that_told_everybody_records_and_returns": (
        Some("docs/howto/move-from-inline-fan-out.md", ("python",)),
    ),
    "test_the_channel_layer_is_the_one_that_the_settings_name": (
        Some("docs/howto/choose-a-channel-layer.md", ("python",)),
    ),
    "test_a_service_tells_people_as_it_is_told_to": (
        Some(SERVICES, ("sh",)),
        Some(SERVICES, ("",)),
        Some(SERVICES, ("python",), "# billing.py"),
    ),
    "test_what_make_does_against_the_demo": (Some("README.md", ("sh",)), Some("docs/quickstart.md", ("sh",), "burst")),
    "test_more_workers_take_part": (Some("docs/howto/scale-out.md", ("sh",)),),
    "test_what_the_protocol_asks_is_answered": (Some("docs/protocol.md", ("",)),),
    "test_an_example_of_a_frame_is_a_golden_one": (Some("docs/protocol.md", ("json",)),),
    "test_a_page_follows_the_inbox": (
        Some("docs/client.md", ("js",)),
        Some("edge/client/README.md", ("js",)),
        Some("docs/howto/move-from-polling.md", ("js",)),
        Some("docs/howto/use-auth0.md", ("js",)),
    ),
    "test_the_hooks_show_the_inbox_as_documented": (Some("docs/client.md", ("jsx",)),),
    "test_an_edge_that_cannot_read": (Some("docs/runbook.md", ("sql",)),),
    "test_text_that_was_sent_can_be_removed": (Some("docs/operations.md", ("python",), "Announcement.objects"),),
}

#: What no test runs, and why.
NOT_RUN: tuple[tuple[Some, str], ...] = (
    (Some("docs/operations.md", ("nginx",)), "no test has an nginx"),
    (Some("README.md", ("",), "a row is saved"), "a diagram"),
    (Some("docs/architecture.md", ("",), "record ──►"), "a diagram"),
    (Some("docs/why.md", ("text",), "│"), "diagrams"),
    (
        Some("docs/index.md", ("{toctree}",)),
        "`make docs` makes the pages from it; a page that is not there is an error",
    ),
    (
        Some("docs/quickstart.md", ("sh",), "make run"),
        "test_demo.py starts the demo by this command, with the token of a service before it",
    ),
    (Some("docs/howto/listen-from-python.md", ("",), "pip install"), "`make test` has installed these packages itself"),
    (
        Some("docs/howto/move-from-django-notifications.md", ("text",), "notify.send"),
        "another library's: what is replaced",
    ),
    (
        Some("docs/operations.md", ("sh",), "docker compose"),
        "needs an engine for containers; test_a_deploy_in_the_written_order_is_not_noticed takes the order from here",
    ),
    (
        Some("docs/runbook.md", ("sh",), "docker compose exec"),
        "needs an engine for containers; test_frames_that_are_lost_quietly looks at the same variables in /proc",
    ),
)


def blocks_of(test: str) -> list[Block]:
    """The blocks that this test runs, in the order in which they stand."""
    return [block for block in blocks() if any(some.has(block) for some in RUN_BY[test])]
