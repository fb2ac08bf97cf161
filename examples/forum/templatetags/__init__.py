"""Template tags of the forum."""
