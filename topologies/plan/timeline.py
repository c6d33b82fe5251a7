"""A network as a sorted list of things to do to links. Delay is played as steps, in virtual time as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.faults import of_contacts, silences
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import Property, events, in_order
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.plan import lines, steps
from skybed.topologies.routing import windowed


def windows(network: Network, progress: Progress = quiet) -> Iterator[np.ndarray]:
    """Events of a network, as arrays of EVENT, one for each WINDOW_S.

    The arrays are the same whatever the duration, but for the last two windows.
    """
    contacts, duration_s = network.contacts, network.duration_s
    link, start_s, end_s = (contacts[name].to_numpy() for name in ("link", "start_s", "end_s"))
    promise = (
        link, start_s, end_s, network.delay_s, network.scenario.bound_us, duration_s, network.bends_s[link],
    )  # fmt: skip
    if network.scenario.delays_have_slopes:
        delays = lines.pieces(*promise)
    else:
        delays = ((*piece, np.zeros(len(piece[0]))) for piece in steps.pieces(*promise))
    exact = np.concatenate([source(network) for source in SOURCES])
    exact = exact[np.argsort(exact["t_s"])]
    for number, (row, t_s, delay_us, slope_us_s) in enumerate(delays, start=1):
        progress("delays", (number - 1) / windowed.count(duration_s))
        due = np.searchsorted(exact["t_s"], number * windowed.WINDOW_S)
        delay = events(t_s, link[row], Property.DELAY, delay_us, slope=slope_us_s)
        yield in_order(np.concatenate([delay, exact[:due]]))
        exact = exact[due:]
    progress("delays", 1.0)


def carriers(network: Network) -> np.ndarray:
    """A link that still stands at the end does not go."""
    return _on_off(network, Property.CARRIER, of_contacts(network.contacts))


def silence(network: Network) -> np.ndarray:
    return _on_off(network, Property.SILENCE, silences(network.contacts, network.lost))


def _on_off(network: Network, what: Property, on: Spans) -> np.ndarray:
    over = on.end_s < network.duration_s
    return np.concatenate(
        [events(on.start_s, on.key, what, 1), events(on.end_s[over], on.key[over], what, 0)]
    )


def values(network: Network) -> np.ndarray:
    """All that changes of links, but for what it is about their carrier and delay."""
    return network.changes


# Of all that changes in exact steps: each gives its EVENTs of a whole network.
SOURCES: tuple[Callable[[Network], np.ndarray], ...] = (carriers, silence, values)
