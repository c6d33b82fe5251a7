"""The flows of bundles of a run: agents in all nodes, told of contacts and of what is to be created."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, partial
from typing import Any

from skybed.topologies.bundles.sabr import Contact
from skybed.topologies.model.bundles import DAY_S, BundleFlow
from skybed.topologies.model.tables import BUFFERS, BUNDLES, CONTACT_USE, HOPS
from skybed.traffic import tables
from skybed.traffic.bundles import codec
from skybed.traffic.bundles.agent import HOP_LIMIT, Agent
from skybed.traffic.bundles.codec import Bundle, Identity
from skybed.traffic.bundles.fleet import Fleet, Service
from skybed.traffic.bundles.held import Hop, Parcel, Record, joined
from skybed.traffic.nodes import Clock
from skybed.traffic.shared import Shared
from skybed.traffic.storage import Item

FLAGS = {
    "none": 0,
    "delivery": codec.TIMED | codec.REPORTS[codec.DELIVERED],
    "all": codec.TIMED | sum(codec.REPORTS.values()),
}  # by what a flow wants to be told


FATES = ("lost", "expired", "dropped")  # of several, the one that is told


class Agency:
    """Of all flows of bundles: makes the agents, and has them begin, once."""

    def __init__(self, shared: Shared) -> None:
        assert shared.plan and shared.outlook, "contacts are known"
        flows = [flow for flow in shared.flows if isinstance(flow, BundleFlow)]
        self.fleet = Fleet(shared, flows, shared.plan, shared.outlook)
        self.agents = {
            place: Agent(self.fleet, place, shared.nodes[name]) for place, name in enumerate(self.fleet.names)
        }
        self.fleet.agents = self.agents
        self.crossings = [Crossed(self, place) for place in range(len(flows))]

    def begin(self, clock: Clock) -> None:
        fleet = self.fleet
        if fleet.started:
            return
        fleet.start(clock)
        for contact in fleet.actual:
            agent = self.agents[contact.node]
            fleet.at(contact.start_s, partial(agent.begins, contact))
            fleet.at(contact.end_s, partial(agent.ends, contact))
        actual = set(fleet.actual)
        for agent in self.agents.values():
            agent.expect(actual)
        for outage in fleet.dead:
            fleet.at(outage.start_s, partial(self.agents[outage.node].dies, outage.end_s))
        fleet.at(fleet.shared.until_s, self.stop)

    def stop(self) -> None:
        self.fleet.stopped = True
        for agent in self.agents.values():
            agent.stop()

    def create(self, place: int, number: int, created_s: float) -> None:
        """A bundle of a flow, now. created_s: when it is due, which is not earlier than its time stamp."""
        fleet, flow = self.fleet, self.fleet.flows[place]
        source, target = fleet.places[flow.source], fleet.places[flow.target]
        record = Record(str(flow.name), number, flow.source, flow.target, flow.size_bytes, created_s)
        bundle = Bundle(
            source=(source + 1, place + 1),
            target=(target + 1, place + 1),
            report_to=(source + 1, 0),
            created_ms=fleet.dtn_ms(created_s),
            sequence=number,
            lifetime_ms=round(flow.lifetime_s * 1000),
            payload=fleet.payload(record),
            flags=FLAGS[flow.report],
            hops=(HOP_LIMIT, 0),
        )
        fleet.records[bundle.identity] = record
        fleet.created[record.flow] += 1
        self.agents[source].create(bundle)

    def post(
        self, service: Service, source: int, target: int, number: int, item: Item, parcel: Parcel
    ) -> None:
        """What a node holds already, now. number: no two of a service have the same."""
        fleet, t_s = self.fleet, self.fleet.now_s()
        record = Record(
            service.name, number, fleet.names[source], fleet.names[target], item.size, t_s, parcel=parcel
        )
        place = fleet.service(service)
        bundle = Bundle(
            source=(source + 1, place),
            target=(target + 1, place),
            report_to=(source + 1, 0),
            created_ms=fleet.dtn_ms(t_s),
            sequence=number,
            lifetime_ms=round((fleet.shared.until_s + DAY_S) * 1000),
            payload=fleet.payload(record),
            hops=(HOP_LIMIT, 0),
        )
        fleet.records[bundle.identity] = record
        self.agents[source].adopt(bundle, item)

    def has_all(self, service: Service, number: int) -> bool:
        """Whether all of what was posted is still in some nodes."""
        place, whole, there = self.fleet.service(service), 0, list[tuple[int, int]]()
        for agent in self.agents.values():
            for held in agent.held:
                bundle = held.bundle
                if bundle.source[1] == place and bundle.sequence == number:
                    there.append((bundle.offset, bundle.offset + len(bundle.payload)))
                    whole = bundle.whole_bytes
            for (source, _, sequence), (assembly, _) in agent.assemblies.items():
                if source[1] == place and sequence == number:
                    there += assembly.spans
                    whole = assembly.whole_bytes
        return joined(there) == [(0, whole)]

    @cached_property
    def held(self) -> set[Identity]:
        """At the end: the identities of what some node still holds, or a part of it."""
        return {
            identity
            for agent in self.agents.values()
            for identity in (*(held.bundle.identity for held in agent.held), *agent.assemblies)
        }

    @cached_property
    def records(self) -> dict[str, list[tuple[Identity, Record]]]:
        """At the end: of each flow, by its name."""
        found: dict[str, list[tuple[Identity, Record]]] = defaultdict(list)
        for identity, record in self.fleet.records.items():
            found[record.flow].append((identity, record))
        return found

    @cached_property
    def hops(self) -> dict[str, list[Hop]]:
        """The same."""
        found: dict[str, list[Hop]] = defaultdict(list)
        for hop in self.fleet.hops:
            found[hop.flow].append(hop)
        return found


class Crossed:
    """One flow. place: among those of bundles."""

    dropped = None

    def __init__(self, agency: Agency, place: int) -> None:
        self._agency, self._place = agency, place

    def begin(self, clock: Clock, flow: BundleFlow) -> None:
        self._agency.begin(clock)
        fleet = self._agency.fleet
        for number, t_s in enumerate(flow.times_s(fleet.shared.until_s).tolist()):
            fleet.at(t_s, partial(self._agency.create, self._place, number, t_s))

    def figures(self, _t_s: float) -> dict[str, Any]:
        """created, delivered: how many, so far."""
        fleet = self._agency.fleet
        name = str(fleet.flows[self._place].name)
        return {"created": fleet.created[name], "delivered": fleet.delivered[name]}

    def columns(self, clock: Clock) -> dict[str, Any]:
        flow, held = self._agency.fleet.flows[self._place], self._agency.held
        rows = [
            (*_facts(record), _outcome(record, identity in held, flow))
            for identity, record in self._agency.records[str(flow.name)]
        ]
        return tables.columns(BUNDLES, rows)

    def more(self, clock: Clock) -> dict[str, dict[str, Any]]:
        """hops: of this flow; buffers: of all nodes, told once."""
        fleet = self._agency.fleet
        name = str(fleet.flows[self._place].name)
        hops = self._agency.hops[name]
        agents = self._agency.agents.values() if self._place == 0 else ()
        buffers = [(agent.node.name, *row) for agent in agents for row in agent.store.rows]
        used = [
            (flow, *(fleet.names[place] for place in contact[:2]), *_capacity(contact), size)
            for (flow, contact), size in fleet.used.items()
            if flow == name
        ]
        return {
            HOPS.name: tables.columns(HOPS, hops),
            CONTACT_USE.name: tables.columns(CONTACT_USE, used),
            BUFFERS.name: tables.columns(BUFFERS, buffers),
        }


def _capacity(contact: Contact) -> tuple[float, float, float]:
    """When it begins and ends, and the bytes that it could carry."""
    return contact.start_s, contact.end_s, (contact.end_s - contact.start_s) * contact.bytes_s


def _facts(record: Record) -> tuple[Any, ...]:
    return (
        record.flow, record.number, record.source, record.target, record.size, record.created_s,
        record.delivered_s, record.reported_s, record.hops, record.fragments, record.duplicates,
    )  # fmt: skip


def _outcome(record: Record, is_held: bool, flow: BundleFlow) -> str:
    """What was created and is nowhere any more has a fate; only TCPCL tells of what does not come."""
    if record.delivered_s is not None:
        return "delivered"
    if is_held:
        return "held"
    untold = set() if flow.layer == "tcp" else {"lost"}
    return next(fate for fate in FATES if fate in record.fates | untold)
