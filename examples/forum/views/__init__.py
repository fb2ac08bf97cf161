"""The forum's pages, rendered on the server.

Input: a request of a signed-in user. Output: a page, or a redirect after a POST. Lists are paged. POSTs call the
modules of the actions (`posting`, `reputation`, `moderation`, `badges`, `jobs`), which commit the rows and their
events together.

threads.py     the threads, a thread, a message     people.py  a person, their badges, their inbox
reputation.py  vote, accept                         jobs.py    documents, extracts, analyses, exports
moderation.py  lock, pin, delete, and back          pages.py   shared functions
operator.py    bursts by a button                   break_it.py  a part of the stack broken by a button
"""
