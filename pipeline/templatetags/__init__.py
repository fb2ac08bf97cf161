"""Template tags of Clarion: `{% load clarion %}`."""
