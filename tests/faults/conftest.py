"""One stack for all faults, made whole before each; and the table at the end, where it is asked for."""

import os
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from tests.faults import report
from tests.faults.background import Background
from tests.faults.report import Result
from tests.faults.stack import Stack
from tests.faults.trial import Trial

Trials = Callable[..., Trial]

_results: list[Result] = []


@pytest.fixture(scope="package")
def background() -> Iterator[Background]:
    """Where links, load and followers run."""
    with Background() as made:
        yield made


@pytest.fixture(scope="package")
def whole(background: Background) -> Iterator[Stack]:
    """The stack of the run."""
    with Stack(background) as made:
        yield made


@pytest.fixture
def stack(whole: Stack) -> Stack:
    """The stack, whole."""
    whole.mend()
    return whole


@pytest.fixture
def trial(stack: Stack, background: Background) -> Iterator[Trials]:
    """Make trials of a fault: each is a context manager that checks what the clients received."""
    made: list[Trial] = []

    def make(fault: str, may_notice: str, **options: float | bool | None) -> Trial:
        made.append(Trial(stack, background, fault, may_notice, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    _results.extend(one.result for one in made if one.result is not None)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run each test alone, because its load and its bounds on time need the machine."""
    item.add_marker(pytest.mark.alone)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the soak, which takes an hour: only `-m soak` runs it."""
    if "soak" in (config.option.markexpr or ""):
        return
    soaks = [item for item in items if item.get_closest_marker("soak")]
    items[:] = [item for item in items if item not in soaks]
    config.hook.pytest_deselected(items=soaks)


def pytest_terminal_summary() -> None:
    """The table, and results.json where `make faults` asks for it."""
    if _results and os.environ.get("FAULTS_REPORT") == "1":
        results = report.summed(_results)
        report.show(results, Console(width=200))
        report.write(results)
