"""The tests of delivery, inbox, access and resume once more, with users whose keys are UUIDs and texts.

Each is a run of its own with another user model, selected by one variable; by hand it is
`CLARION_TESTS_KEY=uuid make test ARGS=tests/acceptance/test_access.py`.
"""

import os

import pytest

from tests.acceptance.nested import run_tests

#: Events to inboxes and frames, and the actions on an inbox.
INTEGRATION = ("delivery", "inbox", "collapse", "erasure", "callers_transactions", "api", "api_tokens", "testing_kit")
#: The way from a post to a socket, access to it, and the resumption of a client that comes back.
ACCEPTANCE = ("main_job", "resume", "access", "revocation", "edge", "event_stream", "edge_frames", "python_client")
#: Longest run (seconds). Usual are a hundred.
PATIENCE_SECONDS = 1200


@pytest.mark.timeout(PATIENCE_SECONDS + 10)
@pytest.mark.parametrize("key", ["uuid", "text"])
def test_acceptance_with_other_keys(key: str) -> None:
    """The tests of delivery, inbox, access and resume pass with users of another key."""
    assert not os.environ.get("CLARION_TESTS_KEY"), "this run has other keys already"
    files = ["integration/on_keys.py", "acceptance/on_keys.py"]
    files += [f"integration/test_{name}.py" for name in INTEGRATION]
    files += [f"acceptance/test_{name}.py" for name in ACCEPTANCE]
    run_tests(files, PATIENCE_SECONDS, CLARION_TESTS_KEY=key)
