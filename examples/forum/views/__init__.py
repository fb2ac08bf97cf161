"""The forum's pages, rendered on the server.

Enters: a request of a signed-in person. Leaves: a page, or a redirect after something was posted. Lists are paged;
what is posted goes through the modules that do it (`posting`, `esteem`, `moderation`, `badges`, `jobs`), which commit
the rows and their events together.

threads.py     the threads, a thread, a message     people.py  a person, their badges, their inbox
esteem.py      vote, accept                         jobs.py    documents, what is done with them, exports
moderation.py  lock, pin, delete, and back          pages.py   what they share
"""
