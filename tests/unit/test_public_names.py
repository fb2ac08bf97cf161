"""The names that an application imports from `clarion`."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import clarion


@pytest.mark.parametrize("name", clarion.__all__)
def test_each_public_name_is_loaded_on_use(name: str) -> None:
    """A name is the object of that name in its module."""
    assert getattr(clarion, name).__name__ == name


def test_names_agree() -> None:
    """Type checkers see the same names, from the same modules, as an application loads."""
    checked = next(node for node in ast.parse(Path(clarion.__file__).read_text()).body if isinstance(node, ast.If))
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: f".{node.module}" for node in imports for alias in node.names}
    assert seen == clarion._MODULES
    assert sorted(seen) == clarion.__all__ == dir(clarion)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """So that `hasattr` and `from clarion import …` work as usual."""
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        clarion.unknown  # noqa: B018


def test_clarion_is_imported_without_django() -> None:
    """A settings module imports it before Django is set up."""
    script = "import clarion, sys; assert not {'django', 'celery'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, env={}, cwd=Path(__file__).parents[2])
