"""How well the radio and laser links of a network are heard over their contacts, class by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skybed.topologies.contacts.courses import signals
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.overhead import over_stations
from skybed.topologies.contacts.spans import Spans, common
from skybed.topologies.model.radio import Radio


class Received(NamedTuple):
    """A class of links one way, "up" or "down", over all its contacts together. outage_s: how long of
    contact_s it carries nothing. c_n_db, modcods: the least and the most; None for light, and modcods where
    none ever works.
    """

    class_name: str
    way: str
    contact_s: float
    outage_s: float
    c_n_db: tuple[float, float] | None = None
    modcods: tuple[str, str] | None = None


def of_classes(network: Network) -> Iterator[Received]:
    """Of all that have a radio or are optical, and have contacts."""
    of_class: dict[str, list[int]] = {}
    for number, link in enumerate(network.links):
        of_class.setdefault(link.class_name, []).append(number)
    for numbers in of_class.values():
        link_class = network.links[numbers[0]].link_class
        for way in link_class.ways:
            if link_class.optical or link_class.capable(way == "up").radio:
                yield from _one_way(network, numbers, way)


def _one_way(network: Network, numbers: list[int], way: str) -> Iterator[Received]:
    """Of links of one class."""
    rows = network.contacts[network.contacts["link"].isin(numbers)]
    if rows.empty:
        return
    links = [network.links[n] for n in rows["link"].tolist()]
    side = np.array([link.side(way == "up") for link in links], np.int64)
    key = 2 * rows["link"].to_numpy(np.int64) + side
    contacts = Spans(key, rows["start_s"].to_numpy(), rows["end_s"].to_numpy())
    closed = common(contacts, network.values.closed)
    contact_s, outage_s = (float((spans.end_s - spans.start_s).sum()) for spans in (contacts, closed))
    received = Received(links[0].class_name, way, contact_s, outage_s)
    if radio := links[0].link_class.capable(way == "up").radio:
        overheads = over_stations(network.scenario, network.index)
        ends = signals.ends(links, side)
        signal = signals.heard(radio, contacts, ends, network.sky, overheads)
        received = _with_signal(received, radio, signal)
    yield received


def _with_signal(received: Received, radio: Radio, signal: signals.Signal) -> Received:
    table, used = signals.table(radio), np.unique(signal.used[signal.used >= 0])
    by_rate = sorted((table[n] for n in used.tolist()), key=lambda modcod: modcod.bit_per_s_per_hz)
    return received._replace(
        c_n_db=(float(signal.c_n_db.min()), float(signal.c_n_db.max())),
        modcods=(by_rate[0].name, by_rate[-1].name) if by_rate else None,
    )
