"""The demo: a small forum whose users are notified of mentions, replies, votes and more.

    models/        threads, messages, votes, badges, moderation, jobs
    events.py      the events: MessagePosted, ThreadLocked, ...
    receivers.py   signal handlers: record the event and return
    audiences/     the recipients of each event, and its kinds
    mentions.py    the names that a text mentions

Actions of users, each committed together with its events:
    posting.py     start a thread, reply          reputation.py  vote, accept
    badges.py      earn and award badges          moderation.py  lock, pin, delete, and back
    jobs.py        documents, extracts, analyses, exports; done by tasks.py on a queue of their own
    texts.py       text analysis for the jobs

    views/         the pages     sign_in.py  sign-in and sign-out     forms.py  their forms
    middleware.py  the content security policy
    context.py     values for every page: the unread count, the socket's address
    static/forum/  the pages' scripts and style: no build step, nothing from elsewhere; tests/ of theirs, in Node
    management/commands/seed.py   people, threads and a document to begin with

A new kind of notification is one class in `events.py`, one function in `audiences/`, and an entry in
`static/forum/kinds.js` with its text.
"""
