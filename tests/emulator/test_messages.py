"""The bytes we send, read back by pyroute2's own decoders."""

import ipaddress
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from skybed.emulator.kernel import messages
from skybed.emulator.kernel.messages import NetemOptions

INDEX = st.integers(1, 2**31 - 1)
IP = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
MAC = st.binary(min_size=6, max_size=6).map(lambda b: b.hex(":"))
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=15)


def decoded(kind, data):
    message = kind(data)
    message.decode()
    return message


U32 = st.integers(0, 2**32 - 1)
FIELDS = ("delay", "limit", "loss", "gap", "duplicate", "jitter")
ANY = NetemOptions(delay=78, limit=1000, loss=0, rate=125_000_000)


STATES = st.builds(
    NetemOptions, *[U32] * 3, rate=st.integers(1, 2**40), gap=U32, duplicate=U32, jitter=U32,
    slope=st.just(0), since_ns=st.just(0),
)  # fmt: skip


@given(INDEX, STATES)
def test_netem_state_is_whole(index, options):
    message = messages.Netem(index, seed=3).message(options)
    read = decoded(tcmsg, message)
    assert read["index"] == index
    told = read.get_attr("TCA_OPTIONS")
    assert {name: told[name] for name in FIELDS} == {name: getattr(options, name) for name in FIELDS}
    assert struct.pack("=Q", options.rate) in message


@given(st.integers(-(10**9), 10**9).filter(bool), st.integers(0, 2**63))
def test_a_slope_and_since_when_stand_last_and_without_one_a_message_is_any_kernel_s(slope, since_ns):
    plain, sloped, idle = (
        messages.Netem(1).message(NetemOptions(78, 1000, 0, 125_000_000, **more))
        for more in ({}, {"slope": slope, "since_ns": since_ns}, {"since_ns": since_ns})
    )
    kind = 15  # TCA_NETEM_SLOPE of netem-slope.patch
    assert sloped.endswith(struct.pack("=HHqQ", 4 + 16, kind, slope, since_ns))
    assert len(sloped) == len(plain) + 20
    assert plain == idle


def test_each_state_has_a_seed_of_its_own_and_they_are_the_same_in_every_run():
    netems = [messages.Netem(1, seed=seed) for seed in (7, 7, 8)]
    first, again, other = ([netem.message(ANY) for _ in range(3)] for netem in netems)
    assert len(set(first)) == 3
    assert first == again != other


def first_random(seed):
    """What netem draws first from a seed: Linux's prandom_seed_state, then prandom_u32_state."""
    mixed = ((seed >> 32) ^ (seed << 10) ^ seed) & 0xFFFFFFFF
    out = 0
    for least, left, right, keep, shift in (
        (2, 6, 13, 0xFFFFFFFE, 18), (8, 2, 27, 0xFFFFFFF8, 2), (16, 13, 21, 0xFFFFFFF0, 7),
        (128, 3, 12, 0xFFFFFF80, 13),
    ):  # fmt: skip
        x = mixed + least if mixed < least else mixed
        out ^= (((x & keep) << shift) & 0xFFFFFFFF) ^ ((((x << left) & 0xFFFFFFFF) ^ x) >> right)
    return out


def test_losses_are_of_chance_though_each_change_begins_the_random_numbers_anew():
    """As many as they should be, scattered as a binomial distribution is, and none of them for both ways."""
    changes, links, share = 500, 60, 0.1
    some = NetemOptions(delay=78, limit=1000, loss=round(share * 2**32), rate=125_000_000)
    lost = np.empty((links, 2, changes), bool)
    for link in range(links):
        for side in (0, 1):
            netem = messages.Netem(1, seed=2 * (link + 123456) + side)
            for n in range(changes):
                state = netem.message(some)
                seed = int.from_bytes(state[-8:], sys.byteorder)  # the last attribute
                lost[link, side, n] = first_random(seed) < share * 2**32
    counts = lost.sum(axis=2)
    variance = changes * share * (1 - share)
    assert counts.mean() == pytest.approx(changes * share, abs=4 * np.sqrt(variance / counts.size))
    assert 0.6 < counts.var() / variance < 1.5
    assert lost.all(axis=1).mean() == pytest.approx(share**2, abs=0.003)
    again = lost[:, :, 1:] & lost[:, :, :-1]
    assert again.mean() == pytest.approx(share**2, abs=0.003)


def test_a_fresh_state_is_a_new_queue():
    netem, fresh = messages.Netem(1), (True, False, True, True)
    states = [netem.message(ANY, fresh=new) for new in fresh]
    handles = [decoded(tcmsg, state)["handle"] for state in states]
    assert handles[0] == handles[1] != handles[2] != handles[3]


@given(IP, INDEX, st.sampled_from([0, 1500]), st.data())
def test_a_route_is_read_as_written(destination, index, mtu, data):
    same = st.ip_addresses(v=destination.version)
    gateway, source = data.draw(same), data.draw(same)
    message = decoded(rtmsg, messages.route(destination.packed, gateway.packed, index, source.packed, mtu))
    read = {name: message.get_attr(f"RTA_{name}") for name in ("DST", "GATEWAY", "PREFSRC", "OIF")}
    wanted = {"DST": destination, "GATEWAY": gateway, "PREFSRC": source}
    assert {name: ipaddress.ip_address(read[name]) for name in wanted} == wanted
    assert read["OIF"] == index
    limit = message.get_attr("RTA_METRICS")
    assert (limit.get_attr("RTAX_MTU") if limit else 0) == mtu
    assert message["dst_len"] == destination.max_prefixlen


@given(IP, st.lists(st.ip_addresses(v=6), min_size=1, max_size=64), INDEX, st.integers(1280, 9000), st.data())
def test_a_path_is_read_as_written(destination, path, index, mtu, data):
    source = data.draw(st.ip_addresses(v=destination.version))
    written = [sid.packed for sid in path]
    message = decoded(rtmsg, messages.source_route(destination.packed, written, index, source.packed, mtu))
    ends = message.get_attr("RTA_DST"), message.get_attr("RTA_PREFSRC")
    assert [ipaddress.ip_address(end) for end in ends] == [destination, source]
    assert (message.get_attr("RTA_OIF"), message.get_attr("RTA_METRICS").get_attr("RTAX_MTU")) == (index, mtu)
    header = message.get_attr("RTA_ENCAP").get_attr("SEG6_IPTUNNEL_SRH")
    assert [ipaddress.ip_address(sid) for sid in header["segs"]] == path[::-1]  # RFC 8754: the last one first
    assert header["segments_left"] == header["first_segment"] == len(path) - 1


@given(IP, INDEX, MAC)
def test_a_neighbour_is_permanent(ip, index, mac):
    message = decoded(ndmsg, messages.neighbour(index, str(ip), mac))
    assert message["state"] == messages.NUD_PERMANENT and message["ifindex"] == index
    assert ipaddress.ip_address(message.get_attr("NDA_DST")) == ip
    assert message.get_attr("NDA_LLADDR") == mac


@given(
    NAME, INDEX, MAC, st.integers(3, 2**20), st.integers(1, 2**24 - 1), st.ip_addresses(v=4),
    st.ip_addresses(v=4), st.integers(1, 65535), st.integers(68, 9000),
)  # fmt: skip
def test_a_tunnel_leads_to_one_other_machine(name, index, mac, fd, vni, local, remote, port, mtu):
    tunnel = messages.Tunnel(vni, str(local), str(remote), port)
    message = decoded(ifinfmsg, messages.vxlan(name, index, mac, fd, tunnel, mtu))
    told = message.get_attr("IFLA_IFNAME").rstrip("\0"), message["index"], message.get_attr("IFLA_ADDRESS")
    assert told == (name, index, mac) and message.get_attr("IFLA_MTU") == mtu
    assert message.get_attr("IFLA_NET_NS_FD") == fd
    data = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA")
    wanted = {"ID": vni, "LOCAL": str(local), "GROUP": str(remote), "PORT": port, "LEARNING": 0}
    assert {field: data.get_attr(f"IFLA_VXLAN_{field}") for field in wanted} == wanted


@given(NAME, INDEX, MAC, NAME, INDEX, MAC, st.integers(3, 2**20), st.integers(68, 9000))
def test_a_pair_has_both_its_ends(name, index, mac, peer_name, peer_index, peer_mac, fd, mtu):
    message = decoded(ifinfmsg, messages.veth(name, index, mac, peer_name, peer_index, peer_mac, fd, mtu))
    peer = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    for end, what in ((message, (name, index, mac)), (peer, (peer_name, peer_index, peer_mac))):
        told = end.get_attr("IFLA_IFNAME").rstrip("\0"), end["index"], end.get_attr("IFLA_ADDRESS")
        assert told == what and end.get_attr("IFLA_MTU") == mtu
    assert peer.get_attr("IFLA_NET_NS_FD") == fd
