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


def test_the_frames_are_python_s() -> None:
    assert frames_js.MODULE.read_text() == frames_js.rendered(), "out of date: run `make client`"


def test_the_code_is_typed_and_the_types_are_those_of_the_code(tmp_path: Path) -> None:
    command = [tool("tsc"), "--project", CLIENT / "tsconfig.json", "--outDir", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout
    fresh = {path.name: path.read_text() for path in tmp_path.glob("*.d.ts")}
    kept = {path.name: path.read_text() for path in (CLIENT / "types").glob("*.d.ts")}
    assert kept == fresh, "out of date: run `make client`"


def test_typescript_users_get_the_fields_of_each_frame(tmp_path: Path) -> None:
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
    good = subprocess.run([tool("tsc"), *options, program], capture_output=True, text=True, check=False, timeout=120)
    assert good.returncode == 0, good.stdout
    program.write_text(program.read_text().replace("frame.notificationType;", "frame.nothing;"))
    bad = subprocess.run([tool("tsc"), *options, program], capture_output=True, text=True, check=False, timeout=120)
    assert "Property 'nothing' does not exist" in bad.stdout


#: A strict program of a user of the package.
STRICT = """
import { NotificationSocket, SharedSocket, announceUser, socketUrl, type ConnectionState } from "clarion-client";
import { NotificationStore, type Notification, type Snapshot } from "clarion-client/store";
import { Arrivals } from "clarion-client/arrivals";
import { localLink } from "clarion-client/links";
import { CLOSE } from "clarion-client/protocol";

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
"""


def test_a_strict_typescript_project_compiles_with_the_installed_package(tmp_path: Path) -> None:
    """Pack it as the documents do, install the file, compile, and load it; nothing is fetched."""
    compiler = tool("tsc")
    (command,) = re.findall(r"npm pack [^`\n]+", (ROOT / "docs/client.md").read_text())
    pack = [*command.split(), "--ignore-scripts", "--pack-destination", str(tmp_path)]
    subprocess.run(pack, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    (tarball,) = tmp_path.glob("clarion-client-*.tgz")
    (tmp_path / "package.json").write_text('{"name": "app", "private": true, "type": "module"}')
    install = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", f"./{tarball.name}"]
    subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
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
    run = subprocess.run(node_run, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == "function\n"


def test_the_package_holds_code_and_types_and_no_tests() -> None:
    tool("tsc")
    run = subprocess.run(
        ["npm", "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=CLIENT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    packed = {entry["path"] for entry in json.loads(run.stdout)[0]["files"]}
    modules = {path.name for path in CLIENT.glob("*.js")}
    types = {f"types/{path.name}" for path in (CLIENT / "types").glob("*.d.ts")}
    assert packed == modules | types | {"LICENSE", "README.md", "package.json"}
    exports = json.loads((CLIENT / "package.json").read_text())["exports"]
    for entry in exports.values():
        assert {path.removeprefix("./") for path in entry.values()} <= packed


@pytest.mark.parametrize("document", [CLIENT / "README.md", ROOT / "docs/client.md"], ids=lambda path: path.name)
def test_what_the_documents_import_is_exported(document: Path) -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    imports = re.findall(r'import \{ ([^}]+) \} from "clarion-client(/\w+)?"', document.read_text())
    assert imports
    for names, part in imports:
        module = (CLIENT / package["exports"][f".{part}"]["default"]).read_text()
        for name in names.split(", "):
            assert re.search(rf"export (class|function|const) {name}\b|export \{{[^}}]*\b{name}\b", module), name


def test_no_lock_names_a_host() -> None:
    assert "http" not in re.sub(r'"url": "[^"]*"', "", (CLIENT / "package-lock.json").read_text())
