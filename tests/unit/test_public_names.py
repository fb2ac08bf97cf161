"""The names that an application imports from `clarion`, `clarion.edge` and `clarion.testing`."""

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import clarion
import clarion.edge
import clarion.testing

PACKAGES = (clarion, clarion.testing)


@pytest.mark.parametrize("package,name", [(one, name) for one in PACKAGES for name in one.__all__])
def test_public_name_loaded_on_use(package: ModuleType, name: str) -> None:
    """A public name is loaded on first use, and is the object of that name in its module."""
    assert getattr(package, name).__name__ == name


@pytest.mark.parametrize("package", PACKAGES)
def test_typed_names_agree(package: ModuleType) -> None:
    """Type checkers see the same names, from the same modules, as an application loads."""
    checked = next(node for node in ast.parse(Path(str(package.__file__)).read_text()).body if isinstance(node, ast.If))
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: f".{node.module}" for node in imports for alias in node.names}
    assert seen == package._MODULES
    assert sorted(seen) == package.__all__ == dir(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_unknown_public_name(package: ModuleType) -> None:
    """An unknown name raises AttributeError, so that `hasattr` and `from clarion import …` work as usual."""
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        package.unknown  # noqa: B018


def test_public_names_of_edge() -> None:
    """The edge has one public name, which is loaded on first use, and not by the edge's own process."""
    assert clarion.edge.__all__ == ["mount"]
    assert clarion.edge.mount.__module__ == "clarion.edge.mounting"
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        clarion.edge.unknown  # noqa: B018
    script = "import clarion.edge, sys; assert not {'django', 'clarion.edge.mounting'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, env={}, cwd=Path(__file__).parents[2])


def test_import_without_django() -> None:
    """Importing Clarion loads neither Django nor Celery.

    A settings module imports it before Django is set up.
    """
    script = "import clarion, sys; assert not {'django', 'celery'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, env={}, cwd=Path(__file__).parents[2])
