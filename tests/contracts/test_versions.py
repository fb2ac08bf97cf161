"""The versions in pyproject.toml, docs/install.md and its table of `make matrix` agree."""

import io
import re
from contextlib import redirect_stdout

import pytest
from packaging.requirements import Requirement

from dev import matrix
from dev.binaries import MINIMUM_POSTGRES
from tests.docs.blocks import ROOT, blocks_of

INSTALL = (ROOT / "docs/install.md").read_text()
LIMITED = [one for one in matrix.requirements() if any(bound.operator == "<" for bound in one.specifier)]


def cells(text: str) -> dict[str, list[str]]:
    """Return the cells of the rows of tables, by the first cell."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| \w", line)]
    return {name.strip(): [cell.strip() for cell in rest] for name, *rest in rows}


def supported() -> dict[str, str]:
    """Return the documented versions of each package."""
    section = INSTALL.split("## Supported versions")[1].split("`make matrix`")[0]
    return {name: rest[0] for name, rest in cells(section).items()}


@pytest.mark.parametrize("requirement", [one for one in LIMITED if one.name != "django"], ids=lambda one: one.name)
def test_documented_range(requirement: Requirement) -> None:
    """The documented range of a package is the one that is installed."""
    lower, upper = supported()[requirement.name].removesuffix(".x").split(" to ")
    *first, last = upper.split(".")
    assert set(str(requirement.specifier).split(",")) == {f">={lower}", f"<{'.'.join([*first, str(int(last) + 1)])}"}


@pytest.mark.parametrize("name", ["Python", "Django"])
def test_documented_classifiers(name: str) -> None:
    """The documented versions of Python and Django are those of the package's classifiers and requirements."""
    of_python = Requirement(f"python{matrix.project()['requires-python']}")
    (of_django,) = [one for one in LIMITED if one.name == "django"]
    classifier, accepted = {
        "Python": ("Programming Language :: Python", of_python.specifier),
        "Django": ("Framework :: Django", of_django.specifier),
    }[name]
    versions = matrix.supported(classifier)
    assert supported()[name].split(", ") == versions
    assert accepted.contains(versions[-1])
    assert f">={versions[0]}" in str(accepted).split(",")


def test_documented_postgres() -> None:
    """The documented versions of Postgres are those that `make matrix` looks for."""
    assert supported()["Postgres"] == f"{matrix.POSTGRES[0]} to {matrix.POSTGRES[-1]}"
    assert matrix.POSTGRES[0] >= MINIMUM_POSTGRES


def test_table_of_matrix() -> None:
    """The table of `make matrix` has the lower bounds and every Django, and failed tests are named below it."""
    section, below = INSTALL.split("<!-- matrix -->")[1].split("<!-- /matrix -->")
    table = cells(section)
    bounds = {one.name: matrix.lower_bound(one) for one in matrix.requirements()}
    for name in matrix.SHOWN:
        assert f"{table[name][0]}.".startswith(f"{bounds[name]}."), name
    assert [version.rsplit(".", 1)[0] for version in table["django"][1:]] == matrix.supported("Framework :: Django")[1:]
    outcomes = [re.fullmatch(r"(?:(\d+) failed, )?\d+ passed", cell) for cell in table["tests"]]
    failed = sum(int(one[1] or 0) for one in outcomes if one)
    assert len(re.findall(r"`test_\w+`", below.split("\n\n-")[0])) == failed
    assert all(outcomes)


def test_documented_password_encoding() -> None:
    """The documented call percent-encodes a password."""
    (block,) = blocks_of("test_documented_password_encoding")
    with redirect_stdout(io.StringIO()) as printed:
        exec(block.text, {})  # noqa: S102 - a block of the document
    assert printed.getvalue().strip() == block.text.strip().rsplit("# ", 1)[1]
