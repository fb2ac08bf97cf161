"""The forum: a small web app whose people are told, the moment it happens, what others did that concerns them.

    models/        threads, messages, votes, badges, moderation, jobs
    events.py      what happened: MessagePosted, ThreadLocked, ...
    receivers.py   signal handlers: record the event and return
    audiences/     who hears of it, as what, and how much of it
    mentions.py    the names that a text mentions

What people do, each committed together with its events:
    posting.py     start a thread, reply          esteem.py      vote, accept
    badges.py      earn and award badges          moderation.py  lock, pin, delete, and back
    jobs.py        documents, extracts, analyses, exports; done by tasks.py on a queue of their own
    texts.py       what the jobs read in a text

    views/         the pages     sign_in.py  the way in and out     forms.py  what they accept
    middleware.py  the content security policy
    context.py     what every page knows: the unread count, where the socket is
    static/forum/  the pages' scripts and style: no build step, nothing from elsewhere; tests/ of theirs, in Node
    management/commands/seed.py   people, threads and a document to begin with

A new kind of notification is one class in `events.py`, one function in `audiences/`, and an entry in
`static/forum/kinds.js` that says how it reads.
"""
