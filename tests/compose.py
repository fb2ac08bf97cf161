"""compose.yml as a test reads it: services with their variables put in, commands and health checks as words."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]

#: What an operator has to set.
SECRETS = {
    "POSTGRES_PASSWORD": "postgres-password",
    "CLARION_SECRET_KEY": "a secret of compose that has more than fifty characters",
    "CLARION_FLOWER_PASSWORD": "flower-password",
}

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:[-?+])([^}]*))?\})")
_UNITS = {"s": 1, "m": 60, "h": 3600}


class NotSet(ValueError):
    """A variable that has to be set is not; says what compose says."""


@dataclass(frozen=True)
class Service:
    """One service."""

    name: str
    content: Mapping[str, Any]

    @property
    def is_ours(self) -> bool:
        """Whether it runs from the project's own image."""
        return "build" in self.content

    @property
    def runs_once(self) -> bool:
        """Whether it ends by itself when its work is done."""
        return self.content.get("restart") == "no"

    @property
    def command(self) -> list[str]:
        """The words of its command."""
        return shlex.split(self.content.get("command", ""))

    @property
    def environment(self) -> dict[str, str]:
        """Its environment, as text."""
        return {name: str(value) for name, value in self.content.get("environment", {}).items()}

    @property
    def health(self) -> list[str]:
        """The words of its health check; the first of a shell's are the shell's."""
        kind, *words = self.content["healthcheck"]["test"]
        return ["sh", "-c", *words] if kind == "CMD-SHELL" else words

    @property
    def before_stop(self) -> list[list[str]]:
        """The words of the commands that run before it is asked to end."""
        return [hook["command"] for hook in self.content.get("pre_stop", ())]

    @property
    def stop_seconds(self) -> int:
        """How long it may take to end."""
        amount, unit = re.fullmatch(r"(\d+)([smh])", self.content["stop_grace_period"]).groups()  # type: ignore[union-attr]
        return int(amount) * _UNITS[unit]


def services(variables: Mapping[str, str] = SECRETS) -> dict[str, Service]:
    """All services, with these variables in the environment of compose."""
    document = yaml.safe_load((ROOT / "compose.yml").read_text())
    return {name: Service(name, _put_in(content, variables)) for name, content in document["services"].items()}


def _put_in(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _value_of(found, variables), value)
        case dict():
            return {name: _put_in(one, variables) for name, one in value.items()}
        case list():
            return [_put_in(one, variables) for one in value]
    return value


def _value_of(found: re.Match[str], variables: Mapping[str, str]) -> str:
    dollar, name, how, word = found.groups()
    if dollar:
        return "$"
    value = variables.get(name, "")
    match how:
        case ":-":
            return value or word
        case ":+":
            return word if value else ""
        case ":?" if not value:
            raise NotSet(word)
    return value
