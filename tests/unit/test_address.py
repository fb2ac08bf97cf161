"""The address by which clients are counted; only a trusted proxy may set it."""

import pytest

from clarion.edge.address import address_of


def address(*forwarded: str, proxies: int = 1, peer: str = "10.0.0.1") -> str:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return address_of({"client": (peer, 5), "headers": headers}, proxies)


def test_forwarded_without_proxy() -> None:
    """Without a trusted proxy the X-Forwarded-For header is ignored."""
    assert address("1.2.3.4", proxies=0) == "10.0.0.1"


@pytest.mark.parametrize(
    "forwarded, proxies, found",
    [
        (["1.2.3.4"], 1, "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4"], 1, "1.2.3.4"),  # the client made up the first
        (["6.6.6.6", "1.2.3.4"], 1, "1.2.3.4"),  # and a proxy that adds a line of its own
        (["6.6.6.6, 1.2.3.4, 10.0.0.2"], 2, "1.2.3.4"),
        (["1.2.3.4"], 2, "1.2.3.4"),
        (["1.2.3.4:567"], 1, "1.2.3.4"),
        (["[2001:db8:1:2:3:4:5:6]:567"], 1, "2001:db8:1:2::/64"),
        (["2001:db8:1:2:ffff::1"], 1, "2001:db8:1:2::/64"),
        (["::ffff:1.2.3.4"], 1, "1.2.3.4"),
        (["fe80::1%eth0"], 1, "fe80::/64"),
        ([], 1, "10.0.0.1"),
        ([""], 1, "10.0.0.1"),
        (["unknown"], 1, "10.0.0.1"),
        (["\xff, ,"], 1, "10.0.0.1"),
    ],
)
def test_forwarded_entries(forwarded: list[str], proxies: int, found: str) -> None:
    """The client's address is the entry that the outermost trusted proxy added."""
    assert address(*forwarded, proxies=proxies) == found


def test_peer_address() -> None:
    """An IPv6 peer counts by its /64 network, and a socket without a peer has no address."""
    assert address(proxies=0, peer="2001:db8::7") == "2001:db8::/64"
    assert address_of({"client": None}, 0) == ""
