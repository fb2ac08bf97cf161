"""The code blocks of the documents, and the test that runs each.

Input: the documents. Output: each block with its language, its place, and its text without the indentation of a list;
and for a test its blocks. A block without a test has to be in NOT_RUN, with the reason, which
tests/docs/test_blocks.py checks.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "edge/client/README.md"])

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)


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
TESTING = "docs/howto/test-notifications.md"

#: The blocks of each test. It gets them by `blocks_of`, so that blocks that are added to a document are run as well.
RUN_BY: dict[str, tuple[Some, ...]] = {
    "test_readme_code": (Some("README.md", ("python", "html")),),
    "test_tutorial": (Some("docs/tutorial.md"),),
    "test_documented_rows": (Some("docs/elements.md", ("html", "js")),),
    "test_documented_menu_in_admin": (Some("docs/operations.md", ("html",)),),
    "test_documented_kind_tests": (
        Some(KIND, ("python",)),
        Some(KIND, ("sh",), "migrate"),
        Some(SERVICES, ("python",), "named_audience"),
    ),
    "test_documented_kind_on_socket": (Some(KIND, ("sh",), "celery"),),
    "test_documented_tests": (Some(TESTING, ("python",), "# shelf/"),),
    "test_documented_page_test": (Some(TESTING, ("python",), "# test_bell.py"),),
    "test_documented_python_listener": (Some("docs/howto/listen-from-python.md", ("python",)),),
    "test_documented_provider_variables": (Some("docs/howto/use-auth0.md", ("",)),),
    "test_documented_key_variables": (Some("docs/howto/use-uuid-or-text-keys.md", ("",)),),
    "test_documented_rename": (Some("docs/howto/use-uuid-or-text-keys.md", ("python",)),),
    "test_documented_host_variables": (Some("docs/howto/scale-out.md", ("text",)),),
    "test_unread_migrated_once": (Some("docs/howto/move-from-polling.md", ("python",)),),
    "test_django_notifications_replaced": (Some("docs/howto/move-from-django-notifications.md", ("python",)),),
    "test_inline_fan_out_replaced": (Some("docs/howto/move-from-inline-fan-out.md", ("python",)),),
    "test_documented_channel_layer": (Some("docs/howto/choose-a-channel-layer.md", ("python",)),),
    "test_documented_service_calls": (
        Some(SERVICES, ("sh",)),
        Some(SERVICES, ("",)),
        Some(SERVICES, ("python",), "# billing.py"),
    ),
    "test_make_commands_on_demo": (Some("README.md", ("sh",)), Some("docs/quickstart.md", ("sh",), "burst")),
    "test_additional_workers": (Some("docs/howto/scale-out.md", ("sh",)),),
    "test_documented_requests": (Some("docs/protocol.md", ("",)),),
    "test_documented_frame_examples": (Some("docs/protocol.md", ("json",)),),
    "test_documented_javascript": (
        Some("docs/client.md", ("js",)),
        Some("edge/client/README.md", ("js",)),
        Some("docs/howto/move-from-polling.md", ("js",)),
        Some("docs/howto/use-auth0.md", ("js",)),
    ),
    "test_documented_hooks": (Some("docs/client.md", ("jsx",)),),
    "test_runbook_edge_cannot_read": (Some("docs/runbook.md", ("sql",)),),
    "test_documented_nginx": (Some("docs/deployment.md", ("nginx",)),),
    "test_platform_procfile": (Some("docs/deployment.md", ("text",), "$PORT"),),
    "test_mounted_edge": (Some("docs/howto/mount-the-edge.md", ("python", "sh")),),
    "test_documented_password_encoding": (Some("docs/install.md", ("python",)),),
    "test_documented_dict": (Some("docs/settings.md", ("python",)),),
    "test_remove_sent_text": (Some("docs/operations.md", ("python",), "Announcement.objects"),),
}

#: What no test runs, and why.
NOT_RUN: tuple[tuple[Some, str], ...] = (
    (
        Some("docs/troubleshooting.md", ("sh",), "doctor"),
        "test_doctor.py runs the command",
    ),
    (Some("docs/deployment.md", ("dockerfile",)), "needs an engine for containers"),
    (
        Some("docs/deployment.md", ("sh",), "systemctl"),
        "test_systemd_units verifies the units; more needs systemd itself",
    ),
    (Some("docs/deployment.md", ("sh",), "kubectl"), "needs a cluster; test_kubernetes_schema validates the manifests"),
    (Some("README.md", ("",), "a row is saved"), "a diagram"),
    (Some("docs/architecture.md", ("",), "record ──►"), "a diagram"),
    (Some("docs/why.md", ("text",), "│"), "diagrams"),
    (
        Some("docs/index.md", ("{toctree}",)),
        "`make docs` makes the pages from it; a page that is not there is an error",
    ),
    (Some("docs/decisions/README.md", ("{toctree}",)), "the same"),
    (Some("docs/changelog.md", ("{include}",)), "the same"),
    (Some("docs/contributing.md", ("{include}",)), "the same"),
    (Some("docs/api.md", ("{eval-rst}",)), "`make docs` makes the page from it; an unknown name is an error"),
    (
        Some("docs/quickstart.md", ("sh",), "make run"),
        "test_demo.py starts the demo by this command, with the token of a service before it",
    ),
    (Some("docs/install.md", ("sh",), "pip wheel"), "test_tutorial.py builds and installs the wheel"),
    (Some("docs/howto/listen-from-python.md", ("",), "pip install"), "`make test` has installed these packages itself"),
    (
        Some("docs/howto/move-from-django-notifications.md", ("text",), "notify.send"),
        "another library's: what is replaced",
    ),
    (Some("docs/commands.md", ("text",), "good "), "the output of a command; test_doctor.py looks for its sentences"),
    (
        Some("docs/upgrade.md", ("sh",), "docker compose"),
        "needs an engine for containers; test_documented_deploy_order takes the order from here",
    ),
    (
        Some("docs/runbook.md", ("sh",), "docker compose exec"),
        "needs an engine for containers; test_runbook_quietly_lost_frames looks at the same variables in /proc",
    ),
)


def blocks_of(test: str) -> list[Block]:
    """The blocks that this test runs, in the order in which they stand."""
    return [block for block in blocks() if any(some.has(block) for some in RUN_BY[test])]
