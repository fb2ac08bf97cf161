"""The design that Clarion replaces: all recipients are notified within the request that saves the row.

A `post_save` handler writes all notifications with `bulk_create` and then sends each recipient's to their group, one
`async_to_sync(group_send)` after another, on Channels' stock `RedisChannelLayer`. A Django project of its own, in a
process and a database of its own: `python -m benchmarks.peers.inline` (see __main__.py).
"""
