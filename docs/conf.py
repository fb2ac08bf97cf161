"""How the documentation is built: `make docs`. Markdown by MyST, so that it reads as well in the repository."""

import os
import sys
from pathlib import Path

# The reference of the Python API imports the modules, whose models need settings.
sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "examples.forum.settings"
os.environ["CLARION_DEBUG"] = "1"

import django

django.setup()

project = "Clarion"
author = "Clarion"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
default_role = "code"  # docstrings mark names as in Markdown
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
exclude_patterns: list[str] = []
myst_heading_anchors = 3  # links to headings, as in the repository
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = "Clarion"
html_show_copyright = False
html_show_sphinx = False
