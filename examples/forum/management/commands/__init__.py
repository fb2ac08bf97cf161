"""Management commands of the forum."""
