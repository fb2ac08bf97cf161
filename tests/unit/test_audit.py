"""The audit of packages reports known weaknesses; a missing answer of the registry is not a pass."""

from typing import Any

import pytest

from dev.audit import audit_of

pytestmark = pytest.mark.unit

GOOD: dict[str, Any] = {"name": "good", "version": "1.0", "vulns": []}
WEAK: dict[str, Any] = {
    "name": "weak", "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": [], "description": "It falls over."}],
}  # fmt: skip
SILENT: dict[str, Any] = {"name": "silent", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    "packages,sentence,code,code_where_all_must",
    [
        ([GOOD], "Of 1 packages no weakness is known.", 0, 0),
        ([GOOD, WEAK], "Of 2 packages 1 weaknesses are known.", 1, 1),
        ([SILENT, WEAK], "Of 2 packages 1 weaknesses are known.", 1, 1),
        ([GOOD, SILENT], "NOT AUDITED: the registry has no advisories to give of 1 of 2 packages.", 0, 1),
    ],
)
def test_audit_exit_codes(packages: list[Any], sentence: str, code: int, code_where_all_must: int) -> None:
    """Packages without an answer from the registry fail the audit if all packages must be audited."""
    audit = audit_of({"dependencies": packages})
    assert audit.sentence.startswith(sentence)
    assert (audit.exit_code(all_asked=False), audit.exit_code(all_asked=True)) == (code, code_where_all_must)


def test_reported_weakness() -> None:
    """The report of a weakness names the versions that fix it."""
    assert audit_of({"dependencies": [WEAK]}).weaknesses == ["weak 1.0: PYSEC-1, mended in 1.1, 2.0"]
