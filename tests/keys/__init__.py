"""A user model whose primary key is a UUID or a text, for runs with CLARION_TESTS_KEY (see environment.py).

It takes the place of Django's own under its own name, so that the demo and the tests use it without a change.
"""
