"""What all agents of a run share: its clock, its contacts, its flows, and what is written of bundles."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from skybed.topologies.bundles import sabr
from skybed.topologies.bundles.outlook import Outlook
from skybed.topologies.bundles.sabr import Contact
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.plan.score import Playable
from skybed.traffic.bundles import codec
from skybed.traffic.bundles.codec import Bundle, Endpoint, Key
from skybed.traffic.bundles.held import Handed, Hop, Parcel, Record
from skybed.traffic.nodes import NodeHandle
from skybed.traffic.shared import Shared
from skybed.traffic.timers import Timers

DTN_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Service(NamedTuple):
    """Of an endpoint: what its bundles are sent for, and how they go. routing, layer: see BundleFlow."""

    name: str
    priority: int
    routing: str
    layer: str = "tcp"


class Neighbour(Protocol):
    """What an agent asks of the one at the other end of a link."""

    node: NodeHandle

    def listen(self, peer: int, layer: str) -> None: ...
    def handed(self, transfer: int | tuple[int, Key]) -> Handed: ...


class Fleet(Timers):
    """agents: by the number of the node in the plan, their place."""

    def __init__(self, shared: Shared, flows: Sequence[BundleFlow], plan: Playable, outlook: Outlook) -> None:
        super().__init__(shared.loop)
        self.shared, self.flows = shared, flows
        self.services = [Service(str(flow.name), flow.priority, flow.routing, flow.layer) for flow in flows]
        self.scale = plan.scenario.rate_scale
        self.names = [node.name for node in plan.nodes]
        self.places = {name: place for place, name in enumerate(self.names)}
        self.actual, self.dead = outlook.actual, outlook.dead
        self.copies, self._held = [sabr.Plan(copy) for copy in outlook.copies], outlook.held
        self.agents: Mapping[int, Neighbour] = {}
        self.records: dict[tuple[Endpoint, int, int], Record] = {}
        self.hops: list[Hop] = []
        self.created, self.delivered = Counter[str](), Counter[str]()  # so far, by flow
        self.used: dict[tuple[str, Contact], int] = defaultdict(int)  # bytes, by flow and contact
        self.stopped = False
        self._neighbours: dict[int, dict[int, None]] = defaultdict(dict)
        for contact in outlook.actual:
            self._neighbours[contact.node][contact.peer] = None
        self._stood: dict[tuple[int, int], list[Contact]] = defaultdict(list)
        for contact in outlook.actual:
            self._stood[contact.node, contact.peer].append(contact)
        self._begin_ms = round((plan.scenario.begin - DTN_EPOCH).total_seconds() * 1000)
        self._order = itertools.count()

    # -- time -----------------------------------------------------------------------------------------

    def dtn_ms(self, t_s: float) -> int:
        """Run time as DTN time: ms since 2000 (RFC 9171, 4.2.6)."""
        return self._begin_ms + int(t_s * 1000)

    def expires_s(self, bundle: Bundle) -> float:
        return (bundle.created_ms + bundle.lifetime_ms - self._begin_ms) / 1000

    def order(self) -> int:
        """One more each time."""
        return next(self._order)

    # -- contacts -------------------------------------------------------------------------------------

    def neighbours(self, place: int) -> list[int]:
        """With whom a node ever has a contact."""
        return list(self._neighbours[place])

    def stood_s(self, node: str, peer: str, from_s: float, until_s: float) -> float:
        """For how long of a time two nodes had a contact."""
        return sum(
            max(0.0, min(contact.end_s, until_s) - max(contact.start_s, from_s))
            for contact in self._stood[self.places[node], self.places[peer]]
        )

    def copy_of(self, place: int) -> sabr.Plan:
        """The contact plan as a node has it."""
        return self.copies[self._held[place]]

    # -- flows ----------------------------------------------------------------------------------------

    def service(self, wanted: Service) -> int:
        """Its number in endpoints."""
        if wanted not in self.services:
            self.services.append(wanted)
        return self.services.index(wanted) + 1

    def service_of(self, bundle: Bundle) -> Service:
        """Of a report that of the bundle that it is on."""
        node_and_service = self.identity(bundle)[0]
        return self.services[node_and_service[1] - 1]

    def identity(self, bundle: Bundle) -> tuple[Endpoint, int, int]:
        """Of a bundle, or of the one that a report is on."""
        return codec.read_report(bundle.payload).about if bundle.is_record else bundle.identity

    def knows(self, bundle: Bundle) -> bool:
        """Whether it, or what it reports on, is of this run."""
        return self.identity(bundle) in self.records

    def fate(self, bundle: Bundle, fate: str) -> None:
        if not bundle.is_record:
            self.lose(bundle.identity, fate)

    def lose(self, identity: tuple[Endpoint, int, int], fate: str) -> None:
        """A part of a bundle, or a copy."""
        record = self.records[identity]
        record.fates.add(fate)
        if record.parcel:
            record.parcel.fails(fate)

    def parcel_of(self, bundle: Bundle) -> Parcel | None:
        return self.records[self.identity(bundle)].parcel

    def carried(
        self, bundle: Bundle, contact: Contact, times_s: tuple[float, float], size: int, is_whole: bool
    ) -> None:
        """By a contact. times_s: since when it was there, and when it began to be sent."""
        record = self.records[self.identity(bundle)]
        if record.parcel:
            return
        about = record.flow, record.number, bundle.is_record, bundle.offset, len(bundle.payload)
        ends = self.names[contact.node], self.names[contact.peer]
        self.used[record.flow, contact] += size
        self.hops.append(Hop(*about, *ends, *times_s, self.now_s(), size, is_whole))

    def payload(self, record: Record) -> bytes:
        """What its source puts into it: its name again and again, so that a part in another place shows."""
        text = f"{record.flow} {record.number} ".encode()
        return (text * (record.size // len(text) + 1))[: record.size]
