"""The code that both sides of Clarion import: the pipeline, which writes, and the edge, which reads.

    variables.py  the variables of the environment       settings.py   the same, checked, and derived settings
    django_settings.py  settings that a Django project already has
    common_settings.py  settings that all processes must share, to compare them
    edge_settings.py    the settings of the project's edges      user_model.py  the table of users of a project
    database.py   DATABASE_URL, parsed once              primary.py    keeps the tables in the default database
    sentinel.py   a Redis that Sentinel watches, by one URL
    installation.py  the identity of this installation
    protocol.py   every frame and close code of the wire protocol, built without I/O

    channel_layer.py  Channels' pub/sub layer with bulk publishing and direct listeners
    publisher.py  the sending side of the layer          breaker.py    a circuit breaker for each of its hosts
    subscriber.py, host_connection.py, read_ahead.py     the receiving side of the layer, for each host
    output_buffer.py  the limit of Redis for a slow subscriber
    user_keys.py  the type of the users' primary keys      array_field.py  a column with an array
    groups.py     key of a user to channel-layer group   messages.py   the messages to the groups of users
    acks.py       acknowledged seqs, in Redis            edge_status.py  the status of each edge, in Redis

    tokens.py     mint and verify the JWT that opens a socket
    tickets.py    one-time tickets                       jwks.py       the keys of an identity provider, and its tokens
    metrics.py    every metric: name, unit, meaning      json_logging.py  JSON logs, with ids in fields
    inbox/        the log of each user: Announcement, Notification, Change, Inbox, Person, Mute

Nothing here imports `pipeline` or `edge`.
"""
