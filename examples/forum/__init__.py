"""The forum: a small web app whose people are told, the moment it happens, that somebody wrote to them.

    models.py      Thread and Message
    events.py      what happened: MessagePosted
    receivers.py   signal handlers: record the event and return
    audiences.py   who hears of it, as what
    mentions.py    the names that a text mentions
    posting.py     what people do: start a thread, reply
    views.py       the pages     sign_in.py  the way in and out     forms.py  what they accept
    middleware.py  the content security policy
    context.py     what every page knows: the unread count, where the socket is
    static/forum/  the page's scripts and style: no build step, nothing from elsewhere
    management/commands/seed.py   people and threads to begin with

A new kind of notification is one class in `events.py`, one function in `audiences.py`, and an entry in
`static/forum/kinds.js` that says how it reads.
"""
