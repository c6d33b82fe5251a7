"""When data of any size would be there that goes as bundles, by a plan of contacts."""

from __future__ import annotations

from math import inf

from skybed.topologies.bundles import sabr
from skybed.topologies.bundles.sabr import Contact, Ledger, Plan

HEAD_BYTES = 150  # of a bundle beside its payload, about
OVERHEAD = 1.047  # of TCP and IP, on what a bundle takes of a contact: 66 bytes a packet, 18 a segment
LEAST_BYTES = 2048  # of a payload that is split because no contact has room for all of it


def booked_bytes(payload: int) -> int:
    """What a bundle takes of a contact, about."""
    return round((payload + HEAD_BYTES) * OVERHEAD)


def arrival_s(plan: Plan, source: int, target: int, t_s: float, payload: int) -> float:
    """When the last of so many bytes would be there that are at source from a time on, if nothing else were
    sent: what no contact has room for goes in halves, as agents send it. inf: not all of it.
    """
    ledger, parts, last_s = Ledger(), [payload], t_s
    while parts:
        size = parts.pop()
        route = sabr.best(plan, source, target, t_s, booked_bytes(size), ledger=ledger)
        if route:
            ledger.book(plan, route, t_s, booked_bytes(size), 0)
            last_s = max(last_s, route.arrival_s)
        elif size < LEAST_BYTES:
            return inf
        else:
            parts += [size - size // 2, size // 2]
    return last_s


def least_s(plan: Plan, source: int, target: int, t_s: float, size: int) -> float:
    """Before which the last of so many bytes cannot be there, whatever way each of them takes: it leaves its
    source when all contacts from there can have carried all, and comes as they can to its target.
    """
    first = sabr.best(plan, source, target, t_s)
    if first is None:
        return inf
    contacts = plan.contacts
    leaves_s = _carried_s([contact for contact in contacts if contact.node == source], t_s, size)
    there_s = _carried_s([contact for contact in contacts if contact.peer == target], t_s, size)
    last = sabr.best(plan, source, target, leaves_s) if leaves_s < inf else None
    return max(first.arrival_s, there_s, last.arrival_s) if last else inf


def _carried_s(contacts: list[Contact], t_s: float, size: int) -> float:
    """When contacts, all at once, can have carried so many bytes from a time on; inf: never."""
    rates = [(max(t_s, contact.start_s), contact.bytes_s) for contact in contacts if contact.end_s > t_s]
    rates += [(contact.end_s, -contact.bytes_s) for contact in contacts if contact.end_s > t_s]
    left, bytes_s, now_s = float(size), 0.0, t_s
    for at_s, more in sorted(rates):
        if bytes_s * (at_s - now_s) >= left > 0:
            break
        left -= bytes_s * (at_s - now_s)
        now_s, bytes_s = at_s, bytes_s + more
    else:
        return inf if left > 0 else now_s
    return now_s + left / bytes_s
