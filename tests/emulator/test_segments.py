"""Which paths ground nodes are told anew when routes change."""

import errno
import pathlib

import numpy as np
import pytest
from hypothesis import given
from test_order import next_hops, skies

from skybed.emulator.sky import segments
from skybed.topologies.errors import MachineError
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"


@given(skies())
def test_every_path_that_changes_is_told_and_no_other(sky):
    """By a change of the ground node's own next hop, or by one further on."""
    (before, after), rng = sky
    old, new = next_hops(before), next_hops(after)
    satellites = int(rng.integers(1, len(old)))
    node, destination = np.nonzero(old != new)
    ground, to = segments.rerouted(node, destination, new, satellites)
    further = set(zip(ground.tolist(), to.tolist(), strict=True))
    own = set(zip(node.tolist(), destination.tolist(), strict=True))
    assert not further & own
    for a in range(satellites, len(old)):
        for b in range(len(old)):
            had, has = (segments.path(via, a, b) if via[a, b] >= 0 else None for via in (old, new))
            assert (had != has) == ((a, b) in further | own)


class Lacking:
    """A kernel without seg6: its namespaces, and the connections into them."""

    closed = 0

    def __init__(self, *_):
        pass

    def apply(self, _):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported (lwt encapsulation type not supported)")

    def close(self):
        Lacking.closed += 1


def test_a_kernel_without_srv6_is_told_by_the_option_that_it_lacks(monkeypatch):
    for name in ("Namespace", "Connection"):
        monkeypatch.setattr(segments, name, Lacking)
    with pytest.raises(
        MachineError, match=r"srv6.yaml, line \d+: routing.protocol is srv6, which needs a kernel"
    ) as told:
        segments.check(Scenario.load(SCENARIOS / "reroute-srv6.yaml"))
    assert "CONFIG_IPV6_SEG6_LWTUNNEL" in str(told.value) and "--lane uml" in str(told.value)
    assert Lacking.closed == 2
    segments.check(Scenario.load(SCENARIOS / "reroute-oracle.yaml"))  # asks nothing of it


class Forgetful:
    """A netlink connection whose kernel takes two messages in a turn and has no memory for more."""

    def __init__(self):
        self.taken, self.turns, self.missed = [], 0, False

    def send(self, batch):
        self.taken += [message for message in batch if message not in self.taken][:2]
        self.missed = set(batch) > set(self.taken)
        self.turns += 1

    def refused(self):
        return [OSError(errno.ENOMEM, "Cannot allocate memory")] if self.missed else []


def test_what_found_no_memory_is_told_again():
    kernel = Forgetful()
    segments.send(kernel, [b"1", b"2", b"3", b"4", b"5"])
    assert kernel.taken == [b"1", b"2", b"3", b"4", b"5"] and kernel.turns == 3
