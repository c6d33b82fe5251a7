"""Benchmark, inside the lane: delays of links changed in batches, by Mininet's TCIntf, by the `tc` command.

An update is of one direction of a link, as one call of TCIntf.config is.
"""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from mininet.link import TCIntf
from mininet.node import Node

from skybed.emulator.sky.net import Sky
from skybed.scripts.bench import skies
from skybed.scripts.bench.figures import Section, Tell, figure
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import MachineError

DELAYS_US = (10_000, 11_000)  # in turn: each update changes something
FEW = 4  # nodes whose links `tc` changes in one go
BATCH_LINES = 400  # that a process of `tc -batch` is given: starting it is dear

Way = Callable[[int], int]  # sets a delay in us, returns how many updates that took


def updates(params: dict[str, Any], tell: Tell) -> Section:
    """params: shape of the sky, rounds, round_s of each way in each round."""
    stock, ring = skies.stock_net(), skies.grid((1, 3))
    for node in ring.nodes:
        stock.addHost(node.name)
    skies.add_stock_link(stock, ring, ring.links[0])  # one is enough: each is configured by itself
    stock.start()
    sky = skies.open_sky(skies.grid(params["shape"]))
    few = sky.sky_nodes[:FEW]
    ways: list[Way] = [
        lambda us: _batch(sky, us),
        lambda us: _config([intf for link in stock.links for intf in (link.intf1, link.intf2)], us),
        lambda us: _tc(few, us),
        lambda us: _tc_batch(few, us),
    ]
    rates: list[list[float]] = [[] for _ in ways]
    for number in range(params["rounds"]):
        tell(f"round {number + 1} of {params['rounds']}")
        for way, of_way in zip(ways, rates, strict=True):
            of_way.append(_rate(way, params["round_s"]))
    for node in sky.sky_nodes:
        node.netlink.apply([])  # raises what the kernel refused
    ours, *others = rates
    stock.stop()
    sky.stop()
    names = {"tcintf": "TCIntf.config", "tc": "tc", "tc_batch": "tc -batch"}
    return {
        "about": f"Link updates a second, one direction each: batches over {len(sky.sky_links):,} links",
        "notes": [
            f"A process of tc -batch is given {BATCH_LINES} lines. It waits for the kernel's answer to each; "
            "skybed reads only what the kernel refuses."
        ],
        "links": len(sky.sky_links),
        "figures": [
            figure(key, "updates/s", ours, other, name, less_is_better=False)
            for (key, name), other in zip(names.items(), others, strict=True)
        ],
    }


def _rate(way: Way, for_s: float) -> float:
    """Updates a second, once warm."""
    delays = itertools.cycle(DELAYS_US)
    way(next(delays))
    done, started_s = 0, time.monotonic()
    while time.monotonic() - started_s < for_s:
        done += way(next(delays))
    return done / (time.monotonic() - started_s)


def _batch(sky: Sky, delay_us: int) -> int:
    """Messages made, and one send to each node, as the player does it."""
    done = 0
    for link in sky.sky_links.values():
        link.values[:, Property.DELAY] = delay_us
    for node in sky.sky_nodes:
        messages = [intf.shape() for intf in node.intfList()]
        node.netlink.send(messages)
        done += len(messages)
    return done


def _config(intfs: Sequence[TCIntf], delay_us: int) -> int:
    for intf in intfs:
        intf.config(bw=skies.RATE_MBPS, delay=f"{delay_us}us", max_queue_size=skies.QUEUE_PACKETS)
    return len(intfs)


def _tc(nodes: Sequence[Node], delay_us: int) -> int:
    """A process for each update, without a shell in between."""
    commands = [(node, _change(intf.name, delay_us)) for node in nodes for intf in node.intfList()]
    for node, command in commands:
        _ended(node.popen(["tc", *command.split()]))
    return len(commands)


def _tc_batch(nodes: Sequence[Node], delay_us: int) -> int:
    """A process for many updates of a node, as of some time to come."""
    done = 0
    for node in nodes:
        changes = [
            [_change(intf.name, us) for intf in node.intfList()]
            for us in (*(us for us in DELAYS_US if us != delay_us), delay_us)
        ]
        every = itertools.cycle(itertools.chain.from_iterable(changes))
        lines = [*itertools.islice(every, BATCH_LINES)]
        _ended(node.popen(["tc", "-batch", "-"], stdin=subprocess.PIPE), "\n".join(lines).encode())
        done += len(lines)
    return done


def _change(name: str, delay_us: int) -> str:
    state = f"delay {delay_us}us rate {skies.RATE_MBPS}mbit limit {skies.QUEUE_PACKETS}"
    return f"qdisc change dev {name} root netem {state}"


def _ended(process: subprocess.Popen, given: bytes | None = None) -> None:
    said, complained = process.communicate(given)
    if process.returncode:
        raise MachineError(f"`tc` could not change a delay: {(complained or said).decode().strip()}.")
