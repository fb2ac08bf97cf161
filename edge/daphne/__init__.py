"""What Clarion changes in Daphne, because Daphne has no setting for it.

websocket_protocol.py  frames are written directly, without a message for each through the application
handshake.py           a time limit for opening handshakes
"""
