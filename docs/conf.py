"""How the documentation is built: `make docs`. Markdown by MyST, so that it reads as well in the repository."""

project = "Clarion"
author = "Clarion"
extensions = ["myst_parser"]
exclude_patterns: list[str] = []
myst_heading_anchors = 3  # links to headings, as in the repository
html_theme = "furo"
html_title = "Clarion"
html_show_copyright = False
html_show_sphinx = False
