"""The inbox of each user, as a log: a Django app of models that the pipeline writes and the edge reads.

    models.py        Announcement, Notification, Change, Inbox, Person, Mute, Epoch
    queries.py       the SQL that reads an inbox: its head, its list, and the log after a cursor
    user_queries.py  the SQL that reads the app's table of users: connects, and who still may listen
    frames.py        the frame of one row of the log
    migrations/

Every seq from 1 to `Inbox.seq` is exactly one row, a Notification or a Change, and exactly one frame. Users are
plain numbers here, without a foreign key: neither the hot path nor the edge should depend on the app's user model. With
integer keys a number is the user's id; the numbers of users with other keys are in the table of persons.
"""
