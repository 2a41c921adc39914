"""Addresses nothing is fetched from, checked against Python's own idea of a global address and by hand."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.addresses import why_refused

REFUSED = """
0.0.0.0 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:9.9.9.9 ::ffff:0:9.9.9.9 64:ff9b::a9fe:a9fe 64:ff9b::9.9.9.9 64:ff9b:1::1 100::1
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:909:909::1
2620:4f:8000::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
2a00:1450::5efe:7f00:1 2a00:1450::200:5efe:909:909 fe80::1%eth0 2a00:1450::1%eth0
"""
TAKEN = """
1.1.1.1 8.8.8.8 9.9.9.9 11.0.0.1 93.184.216.34 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.0.1 172.15.0.1
172.32.0.1 192.0.1.1 192.167.1.1 198.17.0.1 198.20.0.1 223.255.255.255
2000:: 2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111 2a00:1450:4001::1 3ffe::1
"""


@pytest.mark.parametrize("text", REFUSED.split())
def test_refused(text: str) -> None:
    assert why_refused(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", TAKEN.split())
def test_taken(text: str) -> None:
    assert why_refused(ipaddress.ip_address(text)) is None


@given(st.ip_addresses())
@example(ipaddress.ip_address("192.0.0.9"))
@example(ipaddress.ip_address("64:ff9b::808:808"))
def test_what_is_taken_is_global_by_the_standard_library_too(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if why_refused(address) is None:
        assert address.is_global
        assert not any([address.is_multicast, address.is_reserved, address.is_loopback, address.is_link_local])


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_gets_in_inside_an_ipv6_one(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    disguises = [
        (0xFFFF << 32) | number,  # mapped
        number,  # compatible
        (0x0064_FF9B << 96) | number,  # NAT64
        (0x2002 << 112) | (number << 80),  # 6to4
        (0x2001_0000 << 96) | (number ^ 0xFFFF_FFFF),  # Teredo, which stores the client's address inverted
        (0x2A00_1450 << 96) | (0x5EFE << 32) | number,  # ISATAP
    ]
    assert all(why_refused(ipaddress.IPv6Address(disguise)) for disguise in disguises)
