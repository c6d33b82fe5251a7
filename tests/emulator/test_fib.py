"""A node's forwarding table out of what a kernel tells: messages as pyroute2 builds them."""

import socket

import pytest
from pyroute2.netlink import NLM_F_MULTI
from pyroute2.netlink.rtnl import RTM_DELLINK, RTM_DELROUTE, RTM_NEWLINK, RTM_NEWROUTE
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from skybed.emulator.kernel import fib
from skybed.emulator.kernel.addresses import packed
from skybed.emulator.kernel.messages import encode

NODES = {"a": ("10.0.0.1", "fd5b::1"), "b": ("10.0.0.2", "fd5b::2")}
PLACES = [(4, "a"), (6, "a"), (4, "b"), (6, "b")]
LINKS = {1: "lo", 100: "left", 101: "right"}
UP = 1


class Unheard:
    """Stands for a socket: what is asked of the kernel stays unanswered."""

    def __getattr__(self, _name):
        return lambda *_arguments: None


class Deaf:
    """Stands for a namespace."""

    def socket(self, *_arguments):
        return Unheard()


def done():
    return (20).to_bytes(4, "little") + fib.NLMSG_DONE.to_bytes(2, "little") + bytes(14)


def route(node, *hops, kind=RTM_NEWROUTE, family=4, table=254, type=1, flags=0):
    """To a node's address by way of interfaces."""
    ip = NODES[node][family == 6]
    attrs = [("RTA_DST", ip)]
    if len(hops) == 1:
        attrs.append(("RTA_OIF", hops[0]))
    if len(hops) > 1:
        several = [{"hops": 0, "flags": 0, "oif": hop, "attrs": []} for hop in hops]
        attrs.append(("RTA_MULTIPATH", several))
    af = socket.AF_INET if family == 4 else socket.AF_INET6
    return encode(
        rtmsg(), kind, NLM_F_MULTI, attrs, family=af, dst_len=8 * len(packed(ip)), table=table, type=type,
        flags=flags,
    )  # fmt: skip


def link(index, name, flags=UP, kind=RTM_NEWLINK):
    return encode(ifinfmsg(), kind, 0, [("IFLA_IFNAME", name)], index=index, flags=flags)


@pytest.fixture
def node():
    """A table whose first state, which is empty, has been told."""
    places = {packed(ip): number for number, ip in enumerate(ip for ips in NODES.values() for ip in ips)}
    made = fib.Fib(Deaf(), places, LINKS)
    made.take(done(), {})
    return made


def told(node, *messages):
    """What changed with messages that come in one datagram: the next hops before."""
    before = {}
    node.take(b"".join(messages), before)
    return {PLACES[number]: via for number, via in before.items()}


def routes(node):
    return {place: via for place, via in zip(PLACES, node.table, strict=True) if via}


def test_routes_come_change_and_go(node):
    assert told(node, route("a", 100)) == {(4, "a"): ()}
    assert told(node, route("a", 100)) == {}
    assert told(node, route("a", 101)) == {(4, "a"): ("left",)}
    assert routes(node) == {(4, "a"): ("right",)}
    assert told(node, route("a", 101, kind=RTM_DELROUTE)) == {(4, "a"): ("right",)}
    assert routes(node) == {}


def test_the_families_are_apart(node):
    told(node, route("a", 100), route("a", 101, family=6))
    assert routes(node) == {(4, "a"): ("left",), (6, "a"): ("right",)}


def test_equal_ways_go_one_by_one(node):
    told(node, route("a", 101, 100))
    assert routes(node) == {(4, "a"): ("left", "right")}
    told(node, route("a", 100, kind=RTM_DELROUTE))
    assert routes(node) == {(4, "a"): ("right",)}


def test_the_end_of_a_route_that_was_replaced_is_not_that_of_the_new_one(node):
    told(node, route("a", 100, family=6), route("a", 101, family=6))
    assert told(node, route("a", 100, family=6, kind=RTM_DELROUTE)) == {}
    assert routes(node) == {(6, "a"): ("right",)}


def test_ipv4_routes_go_with_their_link_although_no_kernel_says_so(node):
    told(node, route("a", 100), route("b", 101))
    assert told(node, link(100, "left", flags=0)) == {(4, "a"): ("left",)}
    assert routes(node) == {(4, "b"): ("right",)}
    assert told(node, link(101, "right", kind=RTM_DELLINK)) == {(4, "b"): ("right",)}
    assert routes(node) == {} and node.links == {1: "lo", 100: "left"}


def test_a_link_that_comes_later_is_known(node):
    told(node, link(102, "new"), route("a", 102))
    assert routes(node) == {(4, "a"): ("new",)}


def test_an_unreachable_destination_has_no_next_hop(node):
    told(node, route("a", 100))
    assert told(node, route("a", 100, type=7)) == {(4, "a"): ("left",)}
    assert routes(node) == {}


@pytest.mark.parametrize("other", [{"table": 255}, {"flags": 0x200}])
def test_other_tables_and_copies_do_not_count(node, other):
    assert told(node, route("a", 100, **other)) == {}


def test_destinations_that_are_no_nodes_do_not_count(node):
    stranger = route("a", 100).replace(packed("10.0.0.1"), packed("10.9.9.9"))
    assert told(node, stranger) == {}


def test_after_an_overrun_the_whole_table_is_compared(node):
    told(node, route("a", 100), route("b", 100))
    node.ask()
    assert told(node, route("a", 101)) == {}  # a part of the answer
    assert told(node, done()) == {(4, "a"): ("left",), (4, "b"): ("left",)}
    assert routes(node) == {(4, "a"): ("right",)}
