"""Names of a package that are loaded when they are first used.

Input: the names and their modules. Output: the `__getattr__` and `__dir__` of the package (PEP 562). So a package can
be imported before Django is set up.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package whose names are in these modules, relative to it."""

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(modules[name], package), name)
        setattr(sys.modules[package], name, value)  # so that this is asked once
        return value

    return load, lambda: sorted(modules)
