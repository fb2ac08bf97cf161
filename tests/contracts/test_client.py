"""The browser client agrees with Python, its types with its code, and its package is complete."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.contracts import frames_js
from tests.programs import cannot_run, node

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "edge/client"
INSTALLED = ROOT / "node_modules"


def tool(name: str) -> Path:
    """A program of the client's own development, installed by `make test`."""
    path = INSTALLED / ".bin" / name
    if not path.exists():
        cannot_run(
            f"{name} is not installed: the client's types and its package are not tested. `make test` needs npm."
        )
    return path


def test_frames_module_up_to_date() -> None:
    """The client's frames.js is the text that Python generates."""
    assert frames_js.MODULE.read_text() == frames_js.rendered(), "out of date: run `make client`"


def test_client_types_up_to_date(tmp_path: Path) -> None:
    """The client's code passes tsc, and the kept types are those that tsc writes."""
    command = [tool("tsc"), "--project", CLIENT / "tsconfig.json", "--outDir", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 0, run.stdout
    fresh = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.d.ts")}
    types = CLIENT / "types"
    kept = {path.relative_to(types): path.read_text() for path in types.rglob("*.d.ts")}
    assert kept == fresh, "out of date: run `make client`"


def test_typed_frame_fields(tmp_path: Path) -> None:
    """TypeScript knows the fields of each frame and refuses an unknown one."""
    program = tmp_path / "user.ts"
    program.write_text(
        f"""
        import type {{ ServerFrame }} from "{CLIENT}/types/protocol.js";
        import {{ SharedSocket, socketUrl }} from "{CLIENT}/types/notifications.js";
        export function read(frame: ServerFrame): string | number {{
          switch (frame.type) {{
            case "NOTIFICATION_CREATED": return frame.notificationType;
            case "RESYNC": return frame.reason === "EPOCH" ? 1 : 2;
            default: return 0;
          }}
        }}
        const socket = new SharedSocket(socketUrl(8001), {{ userId: "7", getToken: async () => null }});
        export const state: "connected" | "connecting" | "reconnecting" | "disconnected" | "error" = socket.state;
        """
    )
    options = ["--noEmit", "--strict", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022"]
    options += ["--lib", "es2023,dom"]
    good = subprocess.run([tool("tsc"), *options, program], capture_output=True, text=True, check=False, timeout=240)
    assert good.returncode == 0, good.stdout
    program.write_text(program.read_text().replace("frame.notificationType;", "frame.nothing;"))
    bad = subprocess.run([tool("tsc"), *options, program], capture_output=True, text=True, check=False, timeout=240)
    assert "Property 'nothing' does not exist" in bad.stdout


#: A strict program of a user of the package.
STRICT = """
import { NotificationSocket, SharedSocket, announceUser, socketUrl, type ConnectionState } from "clarion-client";
import { NotificationStore, type Notification, type Snapshot } from "clarion-client/store";
import { Arrivals } from "clarion-client/arrivals";
import { localLink } from "clarion-client/links";
import { CLOSE } from "clarion-client/protocol";
import { ClarionBell, addLanguage } from "clarion-client/elements";

const getToken = async (): Promise<string | null> => null;
const loadSnapshot = async (): Promise<Snapshot> => (await fetch("/api/inbox")).json();
const store = new NotificationStore({ loadSnapshot });
const { cursor } = store;
const shared = new SharedSocket(socketUrl(), { userId: 7, getToken, since: cursor?.seq, epoch: cursor?.epoch });
const plain = new NotificationSocket("/ws/", { getToken, storage: () => localStorage });
for (const socket of [shared, plain]) {
  const stop: () => void = store.attach(socket);
  socket.addEventListener("statechange", ({ detail }) => {
    const state: ConnectionState = detail.state;
    console.log(state, detail.delaySeconds.toFixed());
  });
  socket.addEventListener("userchange", ({ detail }) => console.log(detail.userId?.length));
  stop();
}
store.addEventListener("created", ({ detail }) => {
  const one: Notification = detail.notification;
  console.log(localLink(one.data.url), detail.quiet ? CLOSE.NORMAL : 0);
});
new Arrivals(store, ["BADGE"], shared).listen();
announceUser(null);
const bell = document.querySelector("clarion-bell") as ClarionBell;
bell.render = (one, words) => ({ title: one.data.title, text: words.say("justNow") });
bell.inbox = { store, socket: shared };
addLanguage("fr", async () => ({ default: { all: "Tout" } }));
"""


def test_strict_typescript_project(tmp_path: Path) -> None:
    """A strict TypeScript project compiles with the packed and installed client.

    It is packed as the documents do, then installed from the file, compiled and loaded; nothing is fetched.
    """
    compiler = tool("tsc")
    (command,) = re.findall(r"npm pack [^`\n]+", (ROOT / "docs/client.md").read_text())
    pack = [*command.split(), "--ignore-scripts", "--pack-destination", str(tmp_path)]
    subprocess.run(pack, cwd=ROOT, capture_output=True, text=True, check=True, timeout=240)
    (tarball,) = tmp_path.glob("clarion-client-*.tgz")
    (tmp_path / "package.json").write_text('{"name": "app", "private": true, "type": "module"}')
    install = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", f"./{tarball.name}"]
    subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=240)
    installed = tmp_path / "node_modules/clarion-client"
    assert (installed / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    (tmp_path / "app.ts").write_text(STRICT)
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom"]
    run = subprocess.run([compiler, *options, "app.ts"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    (tmp_path / "app.ts").write_text(STRICT.replace("detail.quiet", "detail.silent"))
    run = subprocess.run([compiler, *options, "app.ts"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Property 'silent' does not exist" in run.stdout
    loads = 'import { SharedSocket } from "clarion-client"; console.log(typeof SharedSocket);'
    node_run = [node(), "--input-type=module", "--eval", loads]
    run = subprocess.run(node_run, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=240)
    assert run.stdout == "function\n"


def test_package_content() -> None:
    """The npm package contains code, types and no tests."""
    tool("tsc")
    run = subprocess.run(
        ["npm", "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=CLIENT, capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    packed = {entry["path"] for entry in json.loads(run.stdout)[0]["files"]}
    parts = [*CLIENT.glob("*.js"), *CLIENT.glob("ui/**/*.js")]
    modules = {str(path.relative_to(CLIENT)) for path in parts}
    types = {f"types/{name.removesuffix('.js')}.d.ts" for name in modules}
    assert packed == modules | types | {"LICENSE", "README.md", "package.json"}
    exports = json.loads((CLIENT / "package.json").read_text())["exports"]
    for entry in exports.values():
        assert {path.removeprefix("./") for path in entry.values()} <= packed


@pytest.mark.parametrize("document", [CLIENT / "README.md", ROOT / "docs/client.md"], ids=lambda path: path.name)
def test_documented_imports(document: Path) -> None:
    """Each name that the documents import is exported by the package."""
    package = json.loads((CLIENT / "package.json").read_text())
    imports = re.findall(r'import \{ ([^}]+) \} from "clarion-client(/\w+)?"', document.read_text())
    assert imports
    for names, part in imports:
        module = (CLIENT / package["exports"][f".{part}"]["default"]).read_text()
        for name in names.split(", "):
            assert re.search(rf"export (class|function|const) {name}\b|export \{{[^}}]*\b{name}\b", module), name


def test_package_lock_without_hosts() -> None:
    """The package lock names no host."""
    assert "http" not in re.sub(r'"url": "[^"]*"', "", (CLIENT / "package-lock.json").read_text())
