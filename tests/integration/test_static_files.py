"""The browser client comes with the app: found by Django, up to date, collected, and hashed with its imports."""

import re
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command

from tests.contracts import bundle
from tests.programs import cannot_run


class Hashed(ManifestStaticFilesStorage):
    """Names with hashes, in the imports of modules too."""

    support_js_module_import_aggregation = True


def test_static_files_up_to_date(tmp_path: Path) -> None:
    """The app's modules are those that esbuild packs from the client, and nothing else of the client is served."""
    if not bundle.ESBUILD.exists():
        cannot_run(
            "esbuild is not installed: the static files are not compared with the client. `make test` needs npm."
        )
    bundle.pack(tmp_path)
    assert bundle.packed(bundle.STATIC) == bundle.packed(tmp_path), "out of date: run `make client`"
    assert {path.suffix for path in bundle.STATIC.rglob("*") if path.is_file()} == {".js", ".css"}


def test_found_by_django() -> None:
    """The modules are found without a setting."""
    for name in bundle.ENTRIES:
        assert finders.find(f"clarion/{name}.js")


def test_collected_and_hashed(tmp_path: Path, settings: Any) -> None:
    """`collectstatic` with hashed module imports works, and each import leads to a hashed file."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": f"{__name__}.Hashed"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    storage = Hashed(location=str(tmp_path), base_url="/static/")
    todo, done = [storage.stored_name("clarion/elements.js")], set[str]()
    while todo:
        name = todo.pop()
        done.add(name)
        for target in re.findall(r"""(?:from|import\(?)\s*["'](\.[^"']+)["']""", (tmp_path / name).read_text()):
            path = (tmp_path / name).parent.joinpath(target).resolve()
            assert re.search(r"\.[0-9a-f]{12}\.js$", path.name), f"{name} imports {target}"
            assert path.is_file()
            found = str(path.relative_to(tmp_path.resolve()))
            todo += [] if found in done else [found]
    assert {name.split(".")[0] for name in done} >= {
        "clarion/elements",
        *(f"clarion/words/{one}" for one in ("ar", "de", "en")),
    }
