"""The documents match the code, and their code runs.

blocks.py           the code blocks of the documents, and the test that runs each
test_blocks.py      each block is valid, and run by a test
test_references.py  links, settings, metrics, frames, close codes, make targets, files and tests that documents name
test_howtos.py      blocks of how-tos that run in this process
test_pages.py       JavaScript of the documents in a browser

Blocks that need further processes are run by tests of other tiers; blocks.py lists them.
"""
