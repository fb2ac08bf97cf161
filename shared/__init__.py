"""What both sides of Clarion import: the pipeline that writes and the edge that reads.

    variables.py  the variables of the environment   settings.py   the same, checked, and derived settings
    protocol.py   every frame and close code of the wire, built without I/O
    groups.py     user id to channel-layer group     sentinel.py   a Redis that Sentinel watches, by one URL
    primary.py    keeps the tables in the default database
    layer.py      the channel layer: Channels' pub/sub layer with bulk publishing and direct listeners
    tokens.py     mint and verify the JWT that opens a socket
    jwks.py       the keys of an identity provider, and its tokens
    client.py     a user's inbox from Python, for scripts and services
    subscriber.py, host_connection.py, read_ahead.py  the receiving side of the layer, for each Redis host
    messages.py   the messages to the groups of users
    reports.py    what edges say of themselves to operators
    metrics.py    every metric: name, unit, meaning
    logs.py       JSON logs, with ids in fields
    inbox/        the log of each user: Announcement, Notification, Change, Inbox, Mute

Nothing here imports `pipeline` or `edge`.
"""
