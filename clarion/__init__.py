"""Clarion, by the names it is imported by; the folders stand beside this one."""
