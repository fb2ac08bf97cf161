"""The address that limits count by.

Input: the scope of a handshake, and how many trusted proxies stand in front. Output: an IPv4 address, or the /64
network of an IPv6 address, since one customer usually has a whole one. Each proxy appends the address that called it
to `X-Forwarded-For`, so the entry of the outermost trusted proxy counts; a client can forge only those before it.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

#: Bits of an IPv6 address that are counted as one.
IPV6_PREFIX = 64


def address_of(scope: Mapping[str, Any], trusted_proxies: int) -> str:
    """Return the address of the client, or the proxy's where the header is missing or malformed."""
    peer = (scope.get("client") or ("",))[0]
    if trusted_proxies == 0:
        return _counted(peer) or peer
    values = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
    hops = [hop.strip() for hop in ",".join(values).split(",")]
    # With fewer entries than proxies the first one counts: a proxy that appends nothing is not a proxy.
    return _counted(hops[max(0, len(hops) - trusted_proxies)]) or _counted(peer) or peer


def _counted(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(_without_port(text))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False))


def _without_port(text: str) -> str:
    """Remove the port that some proxies append, as in `1.2.3.4:567` or `[::1]:567`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text.partition("%")[0]
