"""What Clarion is measured against.

bare.py     frames from memory: what the server itself can send
stock.py    Channels' own layer and consumer, as most people use them
"""
