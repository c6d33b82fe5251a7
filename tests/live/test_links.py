"""Links and nodes in a real kernel: ping, traceroute and tc say what they are."""

import re

import pytest

pytestmark = pytest.mark.live


def round_trips_ms(ping_output):
    return [float(value) for value in re.findall(r"time=([\d.]+)", ping_output)]


def test_ping_takes_twice_the_delay_from_the_first_packet_on(in_lane):
    told = in_lane("""
        answer(v4=a.cmd("ping -n -c 5 -i 0.1 10.0.0.3"), v6=a.cmd("ping -n -c 5 -i 0.1 fd5b::3"))
    """)
    for output in told.values():
        assert len(round_trips_ms(output)) == 5
        assert 30 <= min(round_trips_ms(output)) < 31.5
        assert round_trips_ms(output)[0] < 45  # no ARP, no neighbour discovery: they would cost 30 ms more


def test_traceroute_names_the_nodes(in_lane):
    told = in_lane("""
        answer(v4=a.cmd("traceroute -n -q 1 10.0.0.3"), v6=a.cmd("traceroute -n -q 1 fd5b::3"))
    """)
    assert re.findall(r"^ *\d+ +(\S+)", told["v4"], re.M) == ["10.0.0.2", "10.0.0.3"]
    assert re.findall(r"^ *\d+ +(\S+)", told["v6"], re.M) == ["fd5b::2", "fd5b::3"]


def test_a_delay_is_changed_under_traffic(in_lane):
    told = in_lane("""
        near.set(Property.DELAY, 50_000)
        answer(ping=a.cmd("ping -n -c 3 -i 0.2 10.0.0.2"), tc=a.cmd("tc qdisc show dev sat"))
    """)
    assert min(round_trips_ms(told["ping"])) == pytest.approx(100, abs=2)
    assert "delay 50ms" in told["tc"] and "rate 1Gbit" in told["tc"]


def test_netem_holds_what_is_in_flight(in_lane):
    """1 Gbit/s over 10 ms is 833 packets of 1,500 bytes; netem's own limit of 1,000 would leave no queue."""
    told = in_lane('answer(tc=a.cmd("tc qdisc show dev sat"))')
    assert "limit 1833" in told["tc"]


def test_a_lost_carrier_takes_the_routes_and_both_come_back(in_lane):
    told = in_lane("""
        near.set_down()
        down = a.cmd("ping -n -c 1 -W 1 10.0.0.3"), a.cmd("ip -4 route; ip -6 route show default")
        near.set_up(2_000)
        routes()
        up = [a.cmd(f"ping -n -c 3 -i 0.1 {ip}") for ip in ips[2]]
        answer(ping=down[0], routes=down[1], up=up, neighbours=a.cmd("ip neigh; ip -6 neigh"))
    """)
    assert "unreachable" in told["ping"] and "10.0.0.3" not in told["routes"]
    for output in told["up"]:
        assert len(round_trips_ms(output)) == 3 and max(round_trips_ms(output)) < 17
    assert told["neighbours"].count("PERMANENT") >= 2


def test_a_silent_link_keeps_its_carrier_and_drops_everything(in_lane):
    told = in_lane("""
        near.set(Property.SILENCE, 1)
        silent = a.cmd("ping -n -c 3 -i 0.2 -W 1 10.0.0.2"), a.cmd("ip -o link show sat")
        near.set(Property.SILENCE, 0)
        answer(silent=silent, healed=a.cmd("ping -n -c 3 -i 0.2 10.0.0.2"))
    """)
    assert round_trips_ms(told["silent"][0]) == [] and "LOWER_UP" in told["silent"][1]
    assert len(round_trips_ms(told["healed"])) == 3


def test_loss_is_as_asked_for(in_lane):
    told = in_lane("""
        d = net.addHost("d", cls=GroundStation, ip="10.0.0.4", ip6="fd5b::4")
        net.addLink(c, d, cls=SkyLink, delay_us=100, loss_pct=10, seed=7)
        c.config(routes=[((d.ip, d.ip6), "d")]); d.config(routes=[(ips[2], "c")])
        answer(ping=c.cmd("ping -n -q -i 0.02 -c 2000 10.0.0.4"))
    """)
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", told["ping"]).groups())
    assert sent == 2000
    assert 100 * (1 - received / sent) == pytest.approx(19, abs=3)  # 10 % each way


def test_stock_mininet_commands_work_on_our_nodes(in_lane):
    told = in_lane("""
        from mininet.cli import CLI
        loss = net.pingAll()
        net.configLinkStatus("a", "sat", "down")
        cut = net.ping([a, sat], timeout="1")
        process = a.popen("cat /proc/self/net/dev")
        answer(loss=loss, cut=cut, devices=process.communicate()[0].decode(), shell_first=a.shell is not None)
    """)
    assert told["loss"] == 0 and told["cut"] == 100
    assert "sat:" in told["devices"] and "eth0" not in told["devices"]


def test_a_hop_costs_less_than_a_millisecond(in_lane):
    told = in_lane("""
        from skybed.emulator.sky import calibrate
        answer(hop_cost_us=calibrate.hop_cost_us())
    """)
    assert 0 <= told["hop_cost_us"] < 1000


def test_a_kernel_that_cannot_delay_says_so_and_nobody_goes_on(in_lane):
    """A qdisc that no kernel has, in the place of netem: no link without delay comes of it."""
    told = in_lane("""
        d = net.addHost("d", cls=GroundStation, ip="10.0.0.4", ip6="fd5b::4")
        link = net.addLink(c, d, cls=SkyLink, up=False)
        try:
            c.netlink.apply([link.intf1.shape().replace(b"netem", b"nonet")])
            answer(said="nothing")
        except OSError as error:
            answer(said=str(error))
    """)
    assert "qdisc kind is unknown" in told["said"]
