"""The browser's scripts, tested in Node: the client on a clock and sockets of the tests' own, the forum's kinds."""

import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks_of
from tests.programs import cannot_run, node

#: What the reader has before the block: a store, a connection that is never opened, a component.
BEFORE_THE_HOOKS = """
import { NotificationSocket } from "clarion-client";
import { NotificationStore } from "clarion-client/store";
import renderer from "react-test-renderer";
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const one = { notificationId: "1", seq: 1, isRead: false, notificationType: "REPLY" };
const snapshot = { epoch: "e", seq: 1, unread: 1, notifications: [one] };
const store = new NotificationStore({ loadSnapshot: async () => snapshot });
await store.load();
const socket = Object.assign(new EventTarget(), { state: "disconnected", connect() {} });
const Bell = () => `${useUnreadCount()} unread: ${useNotifications().map((one) => one.notificationType)}`;
"""
AFTER_THE_HOOKS = """
let root;
await renderer.act(async () => { root = renderer.create(tree); });
console.log(root.toJSON());
process.exit();
"""

#: What the reader has installed.
PACKAGES = {
    "clarion-client": "edge/client",
    "react": "node_modules/react",
    "react-test-renderer": "node_modules/react-test-renderer",
}

#: React's packages call `require`, which a module of Node does not have by itself.
REQUIRE = "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"


@pytest.mark.parametrize("scripts", ["edge/client", "examples/forum"])
def test_scripts_pass_their_own_tests(scripts: str) -> None:
    """The JavaScript tests of the client and of the forum pass in Node."""
    files = sorted(str(path) for path in (ROOT / scripts).glob("tests/*.test.js"))
    assert files
    run = subprocess.run([node(), "--test", *files], capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_documented_hooks(tmp_path: Path) -> None:
    """The documented React hooks show the inbox.

    The block of the document is bundled as a reader's bundler does it, and rendered by React.
    """
    esbuild = ROOT / "node_modules/.bin/esbuild"
    if not esbuild.exists():
        cannot_run("esbuild is not installed: the hooks in the documents are not run. `make test` needs npm.")
    (block,) = blocks_of("test_documented_hooks")
    imports, tree = block.text.split("\n\n")
    source = tmp_path / "block.jsx"
    source.write_text(f"{imports}\n{BEFORE_THE_HOOKS}\nconst tree = {tree}\n{AFTER_THE_HOOKS}")
    (tmp_path / "node_modules").mkdir()
    for name, package in PACKAGES.items():
        (tmp_path / "node_modules" / name).symlink_to(ROOT / package)
    packed = tmp_path / "block.mjs"
    options = ["--bundle", "--format=esm", "--platform=node", "--jsx=automatic", f"--outfile={packed}", REQUIRE]
    made = subprocess.run([esbuild, *options, source], capture_output=True, text=True, check=False, timeout=240)
    assert made.returncode == 0, made.stderr
    run = subprocess.run([node(), packed], capture_output=True, text=True, timeout=240, check=False)
    assert run.stdout == "1 unread: REPLY\n", run.stdout + run.stderr
