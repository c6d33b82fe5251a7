"""An agent of the Bundle Protocol in a node: holds bundles, chooses where they go, brings them there."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import weakref
from collections.abc import Callable, Collection
from functools import partial
from math import inf

from skybed.topologies.bundles.foretold import LEAST_BYTES, booked_bytes
from skybed.topologies.bundles.sabr import Contact, Route, Router
from skybed.traffic.bundles import adjacent, codec, datagrams, mtcp, session, tcpcl
from skybed.traffic.bundles.codec import Bundle, Identity, Key
from skybed.traffic.bundles.fleet import Fleet
from skybed.traffic.bundles.held import Assembly, Handed, Held
from skybed.traffic.nodes import NodeHandle
from skybed.traffic.storage import Item
from skybed.traffic.waiting import Moment

SETTLED_S = 0.001  # after a contact begins, for both ends of the link to be there
RETRY_S = 0.5  # after a session that came to nothing
REFUSED_S = 10.0  # until a peer that had no room is asked again
NOTICED_S = 1.0  # after a planned contact was to begin, until its absence is believed
HOP_LIMIT = 64  # that a bundle may go
ARRIVING = 10  # the priority of what has not arrived whole: it does not give way
Way = tuple[int, str]  # to a peer, by a convergence layer
OUTGOING: dict[str, type[adjacent.Outgoing]] = {
    kind.layer: kind for kind in (session.Outgoing, mtcp.Outgoing, datagrams.Outgoing)
}  # by convergence layer
LISTENING: dict[str, tuple[int, type[adjacent.Incoming]]] = {
    "tcp": (tcpcl.PORT, session.Incoming), "mtcp": (mtcp.PORT, mtcp.Incoming),
}  # fmt: skip
Entry = tuple[tuple[int, int], int, int, Held]  # of a queue: rank, turn of what is held, order of entries


class Agent:
    """number: of the node in the plan, and in its endpoints one more, as node 0 is nobody."""

    def __init__(self, fleet: Fleet, number: int, node: NodeHandle) -> None:
        self.fleet, self.place, self.number, self.node = fleet, number, number + 1, node
        self.loop = fleet.shared.loop
        self.store = fleet.shared.store(number, fleet.now_s)
        self.held: dict[Held, None] = {}
        self._queues: dict[Way, list[Entry]] = {}  # heaps
        self._stuck: dict[Held, None] = {}  # without a route
        self._router = Router(fleet.copy_of(number), number)
        self._settling: set[int] = set()  # peers that will be looked at in a moment
        self._current: dict[int, Contact] = {}  # that stand, by peer
        self._out: dict[Way, adjacent.Outgoing] = {}
        self._in: dict[int, set[adjacent.Incoming]] = {}
        self._listeners: dict[Way, socket.socket | datagrams.Incoming] = {}
        self.assemblies: dict[Identity, tuple[Assembly, list[Item]]] = {}
        self._seen: set[Key] = set()  # what is not wanted again
        self._coming: dict[Key, Item] = {}
        self._handed: dict[int | tuple[int, Key], Handed] = {}  # see `handed`
        self._count = itertools.count()
        self._dead_until_s = -inf

    def now_s(self) -> float:
        return self.fleet.now_s()

    def after(self, wait_s: float, call: Callable[[], None]) -> None:
        self.fleet.at(self.now_s() + wait_s, call)

    # -- contacts -------------------------------------------------------------------------------------

    def expect(self, actual: Collection[Contact]) -> None:
        """Notice of the contacts that it believes in, and that are not to be, when they do not begin."""
        for number in self._router.plan.of(self.place):
            contact = self._router.plan.contacts[number]
            if contact not in actual:
                noticed_s = min(contact.start_s + NOTICED_S, contact.end_s)
                self.fleet.at(noticed_s, partial(self._give_up, contact.peer))

    def begins(self, contact: Contact) -> None:
        """It stands from now on."""
        self._current[contact.peer] = contact
        if self._router.trust(contact.peer):
            self._believe()
        self.look(contact.peer)

    def ends(self, contact: Contact) -> None:
        """It stands no longer, as planned or not."""
        peer = contact.peer
        if self._current.get(peer) is not contact:
            return
        del self._current[peer]
        self._cut(peer)
        self._give_up(peer)

    def dies(self, until_s: float) -> None:
        """It is out of service, and what it held is lost."""
        self._dead_until_s = until_s
        self.stop()
        for held in list(self.held):
            self._drop(held, "lost")
        begun, self.assemblies = self.assemblies, {}
        for identity, (_, items) in begun.items():
            for item in items:
                self.store.leave(item)
            self.fleet.lose(identity, "lost")

    def _cut(self, peer: int) -> None:
        """Whatever there is over the link to a peer, which may be another link when it comes back."""
        for layer in OUTGOING:
            if listener := self._listeners.pop((peer, layer), None):
                listener.close()
            if outgoing := self._out.get((peer, layer)):
                outgoing.close()
        for incoming in list(self._in.get(peer, ())):
            incoming.cut()

    def _give_up(self, peer: int) -> None:
        """Route anew what was to take contacts to a peer that are over, or should stand and do not."""
        if peer in self._current:
            return
        now_s, plan = self.now_s(), self._router.plan
        number = plan.at(self.place, peer, now_s)
        if number is not None:
            self._router.give_up(number)
            self._believe()
        else:
            self._reroute([held for held in self._queued(peer) if self._missed(held, now_s)])

    def _missed(self, held: Held, now_s: float) -> bool:
        """Whether the contact that it was to take is over."""
        return (
            held.booked is not None and self._router.plan.contacts[held.booked[0].contacts[0]].end_s <= now_s
        )

    def _believe(self) -> None:
        """Route anew all that contacts are to take, as they are others than were believed in."""
        self._reroute([held for held in self.held if held.booked and not held.transfers])
        self._reroute(list(self._stuck))

    def stop(self) -> None:
        for peer in {peer for peer, _ in (*self._out, *self._listeners)} | self._in.keys():
            self._cut(peer)

    def look(self, peer: int) -> None:
        """Send what there is for a peer, if there is a contact with it."""
        for layer in OUTGOING:
            self._look(peer, layer)

    def _look(self, peer: int, layer: str) -> None:
        if self.fleet.stopped or peer not in self._current:
            return
        if outgoing := self._out.get((peer, layer)):
            outgoing.wake()
        elif not self._is_wanted(peer, layer):
            return
        elif (wait_s := self._current[peer].start_s + SETTLED_S - self.now_s()) > 0:
            if peer not in self._settling:
                self._settling.add(peer)
                self.after(wait_s, partial(self._settled, peer))
        else:
            other = self.fleet.agents[peer]
            other.listen(self.place, layer)
            self._out[peer, layer] = outgoing = OUTGOING[layer](self, peer, other.node, self._current[peer])
            outgoing.connect()

    def _settled(self, peer: int) -> None:
        self._settling.discard(peer)
        self.look(peer)

    def listen(self, peer: int, layer: str) -> None:
        """For what comes from a neighbour, over the link to it."""
        if (peer, layer) in self._listeners:
            return
        if layer == "udp":
            with contextlib.suppress(OSError):  # the link has not been made yet
                self._listeners[peer, layer] = datagrams.Incoming(self, peer, self.fleet.agents[peer].node)
            return
        port, kind = LISTENING[layer]
        listener = self.node.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            adjacent.bind_to(listener, self.fleet.agents[peer].node.name)
            listener.bind((self.node.ip, port))
        except OSError:  # the link has not been made yet
            listener.close()
            return
        listener.setblocking(False)
        listener.listen(8)
        self._listeners[peer, layer] = listener
        self.loop.watch(listener.fileno(), partial(self._accept, peer, listener, kind))

    def _accept(self, peer: int, listener: socket.socket, kind: type[adjacent.Incoming]) -> None:
        with contextlib.suppress(OSError):
            sock, _ = listener.accept()
            self._in.setdefault(peer, set()).add(kind(self, peer, sock))

    # -- what a node holds ----------------------------------------------------------------------------

    def create(self, bundle: Bundle) -> None:
        """A bundle of its own."""
        item = Item(len(bundle.payload), self.fleet.service_of(bundle).priority)
        if self.now_s() < self._dead_until_s:
            self.fleet.fate(bundle, "lost")
            return
        if not self.store.takes(item.size, item.priority):
            self.fleet.fate(bundle, "dropped")
            return
        self.store.take(item)
        if self._spreads(bundle):
            self._seen.add(bundle.key)
        self._hold(bundle, item, set())

    def adopt(self, bundle: Bundle, item: Item) -> None:
        """The same of what the node holds already."""
        self._hold(bundle, item, set())

    def _hold(self, bundle: Bundle, item: Item, given: set[int]) -> None:
        if bundle.target[0] == self.number:
            self._deliver(bundle, item)
            return
        held = Held(bundle, item, self.fleet.order(), self.now_s(), self.fleet.expires_s(bundle), given)
        self.held[held] = None
        there = weakref.ref(held)  # whoever waits for its end is not to keep it
        item.gone.then(partial(self._gone, there, item.gone))
        if held.expires_s <= self.fleet.shared.until_s:
            self.fleet.at(held.expires_s, partial(self._end, there, "expired"))
        self._dispatch(held)

    def _gone(self, there: weakref.ref[Held], gone: Moment) -> None:
        self._end(there, gone.word)

    def _end(self, there: weakref.ref[Held], fate: str) -> None:
        if held := there():
            self._drop(held, fate)

    def _drop(self, held: Held, fate: str = "") -> None:
        """Hold it no longer. fate: why, where it has not been handed on."""
        if held.is_gone:
            return
        held.is_gone = True
        del self.held[held]
        self._stuck.pop(held, None)
        self.store.leave(held.item)
        if fate:
            self._cancel(held)
            self.fleet.fate(held.bundle, fate)
        if fate in codec.REASONS:
            self._report(held.bundle, codec.DELETED, codec.REASONS[fate])

    # -- where it goes --------------------------------------------------------------------------------

    def _reroute(self, several: list[Held]) -> None:
        for held in several:
            held.turn += 1
            self._stuck.pop(held, None)
            self._cancel(held)
        for held in several:
            self._dispatch(held)

    def _cancel(self, held: Held) -> None:
        """It will not take the route that it was to."""
        if held.booked:
            self._router.cancel(*held.booked, held.item.priority)
            held.booked = None

    def _dispatch(self, held: Held) -> None:
        if held.is_gone:
            return
        match self.fleet.service_of(held.bundle).routing:
            case "direct":
                peers = [held.bundle.target[0] - 1]
            case "epidemic":
                peers = [peer for peer in self.fleet.neighbours(self.place) if peer not in held.given]
            case _:
                peers = self._by_contacts(held)
        for peer in peers:
            self._queue(held, peer)

    def _queue(self, held: Held, peer: int) -> None:
        way = peer, self.fleet.service_of(held.bundle).layer
        heapq.heappush(self._queues.setdefault(way, []), (held.rank, held.turn, self.fleet.order(), held))
        self._look(*way)

    def _queued(self, peer: int) -> list[Held]:
        """What is to go to a peer, in no order; what no longer is, is forgotten."""
        queued = list[Held]()
        for layer in OUTGOING:
            queue = self._queues.get((peer, layer), [])
            queue[:] = [entry for entry in queue if _counts(entry)]
            heapq.heapify(queue)
            queued += [held for *_, held in queue]
        return queued

    def _is_wanted(self, peer: int, layer: str) -> bool:
        """Whether anything is to go to a peer; it is the first of its queue then."""
        queue = self._queues.get((peer, layer), [])
        while queue and not _counts(queue[0]):
            heapq.heappop(queue)
        return bool(queue)

    def _by_contacts(self, held: Held) -> list[int]:
        """Where the contact plan leads. What no contact has room for is split."""
        payload, priority = len(held.bundle.payload), held.item.priority

        def way(size: int) -> Route | None:
            return self._router.route(held.bundle.target[0] - 1, self.now_s(), size, priority, held.given)

        size = booked_bytes(payload)
        route = way(size)
        if route and route.arrival_s <= held.expires_s:
            self._router.book(route, self.now_s(), size, priority)
            held.booked = route, size
            return [route.entry]
        whole = held.bundle.flags & codec.UNFRAGMENTED or payload < LEAST_BYTES
        if route is None and not whole and not held.transfers and way(booked_bytes(LEAST_BYTES // 2)):
            half = payload // 2
            parts = [held.bundle.cut(0, half), held.bundle.cut(half, payload)]
            items = [Item(len(part.payload), held.item.priority) for part in parts]
            self.store.replace([held.item], items)
            self._drop(held)
            for part, item in zip(parts, items, strict=True):
                self._hold(part, item, held.given)
            return []
        self._stuck[held] = None
        return []

    # -- sessions: to send ----------------------------------------------------------------------------

    def next(self, peer: int, layer: str) -> tuple[Held, Bundle] | None:
        """What goes to a peer now, and as what it does."""
        if not self._is_wanted(peer, layer):
            return None
        *_, held = heapq.heappop(self._queues[peer, layer])
        held.transfers += 1
        age_ms = max(0, self.fleet.dtn_ms(self.now_s()) - held.bundle.created_ms)
        return held, held.bundle._replace(previous=self.number, age_ms=age_ms)

    def hand(self, peer: int, held: Held, key: Key | None = None) -> int:
        """A transfer begins. Returns its number; if a key is given it goes by the peer and that."""
        number = next(self._count)
        handed = held.since_s, self.now_s(), self._current[peer], weakref.ref(held)
        self._handed[number if key is None else (peer, key)] = handed
        held.handed = number
        if parcel := self.fleet.parcel_of(held.bundle):
            parcel.leaves((self.place, number), peer)
        return number

    def handed(self, transfer: int | tuple[int, Key]) -> Handed:
        """Of one that has come, and is asked for once."""
        return self._handed.pop(transfer)

    def sent(self, peer: int, held: Held) -> None:
        """The peer has all of it."""
        self._over(held)
        held.given.add(peer)
        if not held.is_gone:
            self._report(held.bundle, codec.FORWARDED)
        if not self._spreads(held.bundle):
            self._drop(held)

    def refused(self, peer: int, held: Held, reason: int) -> None:
        self._over(held)
        if reason == tcpcl.COMPLETED:
            held.given.add(peer)
            if not self._spreads(held.bundle):
                self._drop(held)
        else:
            self.after(REFUSED_S, partial(self._again, held, peer))

    def broken(self, peer: int, held: Held, there: int) -> None:
        """The session ended before the peer had all: so many bytes of its payload it keeps, as a fragment."""
        self._over(held)
        payload = len(held.bundle.payload)
        if there > 0 and not held.is_gone and self.may_be_cut(held.bundle):
            if there >= payload:
                self._drop(held)
                return
            held.bundle = held.bundle.cut(there, payload)
            self.store.resize(held.item, payload - there)
        self._again(held, peer)

    def _over(self, held: Held) -> None:
        held.transfers -= 1
        if parcel := self.fleet.parcel_of(held.bundle):
            parcel.ends((self.place, held.handed))

    def _again(self, held: Held, peer: int) -> None:
        if held.is_gone or self.fleet.stopped:
            return
        if self._spreads(held.bundle):
            self._queue(held, peer)
        else:
            self._reroute([held])

    def ended(self, outgoing: adjacent.Outgoing, peer: int, was_ready: bool) -> None:
        if self._out.get((peer, outgoing.layer)) is outgoing:
            del self._out[peer, outgoing.layer]
            self.after(SETTLED_S if was_ready else RETRY_S, partial(self.look, peer))

    def _spreads(self, bundle: Bundle) -> bool:
        """Whether who has handed it on keeps it."""
        return self.fleet.service_of(bundle).routing == "epidemic"

    def may_be_cut(self, bundle: Bundle) -> bool:
        return not bundle.flags & codec.UNFRAGMENTED and not self._spreads(bundle)

    # -- sessions: to receive -------------------------------------------------------------------------

    def accepts(self, bundle: Bundle, size: int) -> int | None:
        """Whether it is taken: None, or a reason to refuse it. What no flow has created is not."""
        if not self.fleet.knows(bundle):
            return tcpcl.NOT_ACCEPTABLE
        key = bundle.key
        if key in self._seen or key in self._coming:
            return tcpcl.COMPLETED
        item = Item(len(bundle.payload), ARRIVING)
        if not self.store.takes(item.size, self.fleet.service_of(bundle).priority):
            return tcpcl.NO_RESOURCES
        self.store.take(item)
        self._coming[key] = item
        return None

    def came(self, peer: int, bundle: Bundle, size: int) -> None:
        """Whole, and whoever sent it hears nothing of it."""
        reason = self.accepts(bundle, size)
        if reason is None:
            self.arrived(peer, (self.place, bundle.key), bundle, bundle, size)
        elif reason == tcpcl.NO_RESOURCES:
            self.fleet.fate(bundle, "dropped")

    def abandoned(self, bundle: Bundle) -> None:
        """Nothing of what was accepted has come."""
        self.store.leave(self._coming.pop(bundle.key))

    def arrived(
        self, peer: int, transfer: int | tuple[int, Key], accepted: Bundle, bundle: Bundle, size: int
    ) -> None:
        """Of a transfer that was accepted, a bundle, or what came of it; size: of all that did."""
        item = self._coming.pop(accepted.key)
        is_whole = len(bundle.payload) == len(accepted.payload)
        if not is_whole and not self.may_be_cut(bundle):
            self.store.leave(item)
            return
        self.store.resize(item, len(bundle.payload))
        queued_s, began_s, contact, there = self.fleet.agents[peer].handed(transfer)
        self.fleet.carried(bundle, contact, (queued_s, began_s), size, is_whole)
        if parcel := self.fleet.parcel_of(bundle):
            assert isinstance(transfer, int), "parcels go over TCP"
            parcel.comes((peer, transfer), len(bundle.payload))
        if self._spreads(bundle) or bundle.target[0] == self.number:
            self._seen.add(bundle.key)
        limit, count = bundle.hops or (HOP_LIMIT, 0)
        if count >= limit or self.fleet.expires_s(bundle) <= self.now_s():
            self.store.leave(item)
            self.fleet.fate(bundle, "dropped" if count >= limit else "expired")
            return
        sender = there()
        if sender and sender.bundle.payload == bundle.payload:  # all nodes are here: one copy will do
            bundle = bundle._replace(payload=sender.bundle.payload)
        bundle = bundle._replace(hops=(limit, count + 1))
        self._report(bundle, codec.RECEIVED)
        item.priority = self.fleet.service_of(bundle).priority
        self._hold(bundle, item, {peer})

    def left(self, incoming: adjacent.Incoming) -> None:
        self._in.get(incoming.peer, set()).discard(incoming)

    # -- at the destination ---------------------------------------------------------------------------

    def _deliver(self, bundle: Bundle, item: Item) -> None:
        record = self.fleet.records[self.fleet.identity(bundle)]
        if bundle.is_record:
            self.store.leave(item)
            told = codec.read_report(bundle.payload)
            if told.what == codec.DELIVERED and record.reported_s is None:
                record.reported_s = self.now_s()
            return
        if record.delivered_s is not None:
            record.duplicates += 1
            self.store.leave(item)
            return
        if bundle.identity not in self.assemblies:
            self.assemblies[bundle.identity] = Assembly(bundle.whole_bytes), []
            self.fleet.at(self.fleet.expires_s(bundle), partial(self._forget, bundle))
        assembly, items = self.assemblies[bundle.identity]
        if not assembly.add(bundle):
            record.duplicates += 1
            self.store.leave(item)
            return
        item.priority = ARRIVING
        items.append(item)
        record.fragments = assembly.fragments
        if assembly.payload is not None:
            del self.assemblies[bundle.identity]
            self.store.replace(items, [record.parcel.item] if record.parcel else [])
            if assembly.payload != self.fleet.payload(record):
                raise codec.Unreadable(f"bundle {record.number} of {record.flow} has another payload")
            record.delivered_s, record.hops = self.now_s(), assembly.hops
            self.fleet.delivered[record.flow] += 1
            self._report(bundle._replace(total=None, offset=0), codec.DELIVERED)
            if record.parcel:
                record.parcel.delivered()

    def _forget(self, bundle: Bundle) -> None:
        """Hold its fragments no longer: what is missing did not come in time."""
        if bundle.identity in self.assemblies:
            _, items = self.assemblies.pop(bundle.identity)
            for item in items:
                self.store.leave(item)
            self.fleet.fate(bundle, "expired")

    def _report(self, bundle: Bundle, what: int, reason: int = 0) -> None:
        """Tell who wants to know (RFC 9171, 5.1)."""
        if bundle.is_record or not bundle.flags & codec.REPORTS[what] or self.fleet.stopped:
            return
        now_ms = self.fleet.dtn_ms(self.now_s())
        self.create(
            bundle._replace(
                source=(self.number, 0),
                target=bundle.report_to,
                created_ms=now_ms,
                sequence=self.fleet.order(),
                flags=codec.RECORD | codec.UNFRAGMENTED,
                payload=codec.report(bundle, what, now_ms, reason),
                offset=0,
                total=None,
                hops=(HOP_LIMIT, 0),
            )
        )


def _counts(entry: Entry) -> bool:
    """Whether an entry of a queue is still to go there."""
    _, turn, _, held = entry
    return turn == held.turn and not held.is_gone
