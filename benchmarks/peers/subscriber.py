"""A subscriber that reads and forgets: `python -m benchmarks.peers.subscriber PORT CHANNEL COUNT`.

Stands for an edge where publishing is measured: subscribed to CHANNEL0 to CHANNEL(COUNT - 1), at next to no cost of
its own.
"""

import socket
import sys

port, channel, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with socket.create_connection(("127.0.0.1", port)) as valkey:
    for number in range(count):
        name = f"{channel}{number}".encode()
        valkey.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%b\r\n" % (len(name), name))
    confirmed = b""
    while confirmed.count(b"subscribe") < count:
        confirmed += valkey.recv(65536)
    print("ready", flush=True)
    while valkey.recv(1 << 20):
        pass
