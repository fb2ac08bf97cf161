"""Generates `edge/client/frames.js`, the wire protocol for JavaScript and TypeScript.

Input: the golden frames, which equal those that Python builds, and the enumerations of `shared/protocol.py`. Output:
the text of the module. `python -m tests.contracts.frames_js` writes it (`make client`); a test fails if it is stale.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clarion.shared.protocol import AuthFailure, Close, ResyncReason

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/contracts/golden/frames.json"
MODULE = ROOT / "edge/client/frames.js"

HEAD = """/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 *
 * @typedef {{id: string, username: string | null}} Actor
"""

#: Fields whose type the examples do not show.
KNOWN = {
    "actor": "Actor | null",
    "actors": "Actor[]",
    "data": "Record<string, any>",
    "messageId": "string | null",
    "conversationId": "string | null",
    "topic": "string | null",
}
REASONS = {"AUTH_FAILED": "AuthFailure", "RESYNC": "ResyncReason"}


def rendered() -> str:
    """The module's text."""
    examples: dict[str, list[dict[str, Any]]] = {}
    for frame in json.loads(GOLDEN.read_text()).values():
        examples.setdefault(frame["type"], []).append(frame)
    lines = [HEAD.rstrip("\n")]
    lines += [_union("AuthFailure", AuthFailure), _union("ResyncReason", ResyncReason)]
    for name, frames in examples.items():
        lines += [" *", *_typedef(name, frames)]
    names = [_class_name(name) for name in examples]
    lines += [" *", *_wrapped(" * @typedef {" + " | ".join(names) + "} ServerFrame")]
    lines += [" */", "", _constants("CLOSE", {code.name: int(code) for code in Close}), ""]
    return "\n".join(lines)


def _union(name: str, values: Sequence[str]) -> str:
    return f" * @typedef {{{' | '.join(json.dumps(str(value)) for value in values)}}} {name}"


def _typedef(name: str, frames: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f" * @typedef {{object}} {_class_name(name)}", f" * @property {{{json.dumps(name)}}} type"]
    fields = dict.fromkeys(field for frame in frames for field in frame if field != "type")
    for field in fields:
        values = [frame[field] for frame in frames if field in frame]
        kind = REASONS[name] if field == "reason" else KNOWN.get(field) or " | ".join(sorted(set(map(_kind, values))))
        shown = field if len(values) == len(frames) else f"[{field}]"
        lines.append(f" * @property {{{kind}}} {shown}")
    return lines


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", str: "string"}[type(value)]


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _constants(name: str, values: Mapping[str, int]) -> str:
    rows = "".join(f"  {key}: {value},\n" for key, value in values.items())
    return f"/** @readonly */\nexport const {name} = /** @type {{const}} */ ({{\n{rows}}});"


def _wrapped(line: str) -> list[str]:
    lines = [""]
    for word in line.split(" | "):
        part = word if not lines[-1] else f" | {word}"
        if len(lines[-1] + part) > 118:
            lines.append(f" *   | {word}")
        else:
            lines[-1] += part
    return lines


if __name__ == "__main__":
    MODULE.write_text(rendered())
