"""Which network addresses a server may be sent to by a stranger's URL: global unicast, and nothing else.

Written as its own table, because what `ipaddress.is_global` answers has changed between patch releases of Python. Everything
that is not plainly global is refused, and so is every IPv6 form that carries an IPv4 address, whatever that address is.

Source: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6890; RFC 4291; RFC 6052 (NAT64); RFC 5214 (ISATAP).
"""

from __future__ import annotations

import ipaddress
from typing import Final, TypeAlias

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV4_REFUSED: Final = tuple(
    (ipaddress.IPv4Network(block), why)
    for block, why in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's customers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "a sink for misdirected queries"),
        ("192.52.193.0/24", "a tunnel relay"),
        ("192.88.99.0/24", "a tunnel relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "a sink for misdirected queries"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)

_IPV6_GLOBAL: Final = ipaddress.IPv6Network("2000::/3")
"""The only block global unicast addresses are given out from."""

_IPV6_REFUSED: Final = tuple(
    (ipaddress.IPv6Network(block), why)
    for block, why in (
        ("::ffff:0:0/96", "an IPv4 address in disguise"),
        ("64:ff9b::/96", "an IPv4 address behind a translator"),
        ("64:ff9b:1::/48", "an IPv4 address behind a translator"),
        ("::/96", "this host, or an IPv4 address in disguise"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("2620:4f:8000::/48", "a sink for misdirected queries"),
        ("3fff::/20", "documentation"),
    )
)
_ISATAP_INTERFACES: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})


def why_refused(address: IPAddress) -> str | None:
    """Why nothing is fetched from `address`, in words; None when it is global unicast.

    >>> why_refused(ipaddress.ip_address("127.0.0.1"))
    'loopback'
    >>> why_refused(ipaddress.ip_address("9.9.9.9")) is None
    True
    """
    if isinstance(address, ipaddress.IPv4Address):
        return next((why for block, why in _IPV4_REFUSED if address in block), None)
    if address.scope_id is not None:
        return "bound to one interface"
    for block, why in _IPV6_REFUSED:
        if address in block:
            return why
    if address not in _IPV6_GLOBAL:
        return "not given out as global unicast"
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP_INTERFACES:
        return "an ISATAP tunnel"
    return None
