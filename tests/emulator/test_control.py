"""Which packets count as control traffic: the kernel runs the filter over frames that Scapy builds."""

import socket

import pytest
from scapy.contrib.ospf import OSPF_Hdr
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
from scapy.layers.l2 import ARP, LLC, Dot3, Ether

from skybed.emulator.kernel import control

OWN_UDP, OWN_TCP = (range(862, 863), range(20_000, 20_003)), (range(5201, 5204),)
FOUR, SIX = Ether() / IP(dst="10.0.0.1"), Ether() / IPv6(dst="fd5b::1")


@pytest.fixture(scope="module")
def kept():
    """kept(frame): how many bytes of a frame the kernel keeps, which is its protocol's number."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        control.attach(theirs, control.assembled(control.protocol_of(OWN_UDP, OWN_TCP)))
        theirs.setblocking(False)

        def run(frame):
            ours.send(bytes(frame))
            try:
                return len(theirs.recv(2000))
            except BlockingIOError:
                return 0

        yield run


@pytest.mark.parametrize(
    ("protocol", "frame"),
    [
        ("ospf", FOUR / OSPF_Hdr()),
        ("ospf", Ether() / IP(dst="224.0.0.5", proto=89, options=[b"\x94\x04\x00\x00"]) / b"hello"),
        ("ospf", Ether() / IPv6(dst="ff02::5", nh=89) / b"hello"),
        ("isis", Dot3() / LLC(dsap=0xFE, ssap=0xFE, ctrl=3) / b"\x83hello"),
        ("bgp", FOUR / TCP(sport=40_000, dport=179)),
        ("bgp", SIX / TCP(sport=179, dport=40_000)),
        ("bfd", FOUR / UDP(sport=49_152, dport=3784)),
        ("bfd", SIX / UDP(sport=4784, dport=49_152)),
        ("other", FOUR / UDP(sport=698, dport=698)),  # OLSR
        ("other", Ether() / IPv6(dst="ff02::1:6") / UDP(sport=6696, dport=6696)),  # Babel
        ("other", Ether() / IP(dst="224.0.0.13", proto=103) / b"PIM"),
        ("other", FOUR / TCP(sport=40_000, dport=5204)),
        ("other", FOUR / UDP(sport=20_003, dport=19_999)),
        ("other", Ether(type=0x88CC) / b"LLDP"),
        ("other", Dot3() / LLC(dsap=0x42, ssap=0x42, ctrl=3) / b"STP"),
    ],
)
def test_a_control_packet_is_told_by_its_protocol(kept, protocol, frame):
    assert ("none", *control.PROTOCOLS)[kept(frame)] == protocol


@pytest.mark.parametrize(
    "frame",
    [
        FOUR / UDP(sport=49_152, dport=862),
        SIX / UDP(sport=862, dport=49_152),
        FOUR / UDP(sport=40_000, dport=20_002),
        SIX / TCP(sport=5203, dport=40_000),
        FOUR / ICMP(),
        SIX / ICMPv6ND_NS(),
        Ether() / ARP(),
        SIX / IPv6ExtHdrHopByHop() / b"MLD",
        SIX / IPv6ExtHdrRouting() / IP() / UDP(dport=862),
        FOUR / IP() / UDP(dport=862),
    ],
)
def test_the_scenario_s_own_traffic_and_neighbour_discovery_do_not_count(kept, frame):
    assert kept(frame) == 0
