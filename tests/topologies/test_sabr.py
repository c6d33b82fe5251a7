"""Contact graph routing: published plans, what is booked, and every way tried on plans drawn at random."""

from hypothesis import given, settings
from hypothesis import strategies as st

from skybed.topologies.bundles.sabr import KEPT_S, Contact, Ledger, Plan, Route, Router, best, routes

A, B, C, D, E = range(5)


def plan_of(*contacts):
    return Plan([Contact(*contact) for contact in contacts])


def of_verified_sabr(*rows):
    return plan_of(*((node, peer, start, end, float("inf"), 1) for node, peer, start, end in rows))


# Of the machine-checked formalisation verified-sabr, which agrees with ION 4.1.4.
FIVE = of_verified_sabr(
    (A, B, 0, 60), (B, C, 0, 60), (A, C, 0, 60), (C, D, 0, 30), (A, E, 10, 20), (D, E, 0, 10), (D, E, 30, 40),
    (D, E, 50, 60),
)  # fmt: skip
THREE = plan_of((A, B, 0, 10, 1e9, 1), (B, C, 5, 20, 1e9, 2), (A, C, 30, 40, 1e9, 1))


def nodes(plan, route):
    return [plan.contacts[route.contacts[0]].node, *(plan.contacts[n].peer for n in route.contacts)]


def test_the_five_nodes_of_verified_sabr():
    assert [route.arrival_s for route in routes(FIVE, A, E, 0)] == [3, 11, 31, 51]
    first = best(FIVE, A, E, 0)
    assert nodes(FIVE, first) == [A, C, D, E] and first.until_s == 10 and first.entry == C


def test_the_three_nodes_of_verified_sabr():
    early, late = best(THREE, A, C, 0), best(THREE, A, C, 25)
    assert (nodes(THREE, early), early.arrival_s) == ([A, B, C], 7)
    assert (nodes(THREE, late), late.arrival_s) == ([A, C], 31)
    assert best(THREE, A, C, 40) is None


def test_who_arrives_as_a_contact_ends_has_missed_it():
    """HDTN 71: contacts of 100 to 200 s, 3 light seconds each."""
    plan = plan_of((1, 2, 100, 200, 1e9, 3), (2, 3, 100, 200, 1e9, 3), (1, 2, 300, 400, 1e9, 3))
    assert best(plan, 1, 3, 197) is None
    assert best(plan, 1, 3, 196).arrival_s == 202


def test_a_contact_that_comes_and_goes_comes_back_every_time():
    """HDTN 65: 30 s on, 30 s off."""
    plan = plan_of(*((A, B, start, start + 30, 1e9, 1) for start in range(0, 600, 60)))
    for start in range(0, 600, 60):
        assert best(plan, A, B, start + 29.9).arrival_s == start + 30.9
        assert best(plan, A, B, start - 30).arrival_s == max(start, 0) + 1


def test_routes_that_arrive_together_are_chosen_by_hops_then_end_then_entry():
    hops = plan_of((A, B, 0, 9), (B, C, 0, 9), (C, D, 5, 9), (B, D, 5, 9))
    assert nodes(hops, best(hops, A, D, 0)) == [A, B, D]
    ends = plan_of((A, B, 0, 7), (B, D, 5, 9), (A, C, 0, 8), (C, D, 5, 9))
    assert nodes(ends, best(ends, A, D, 0)) == [A, C, D]
    entry = plan_of((A, C, 0, 9), (C, D, 5, 9), (A, B, 0, 9), (B, D, 5, 9))
    assert nodes(entry, best(entry, A, D, 0)) == [A, B, D]


def test_the_volume_of_a_contact_is_its_rate_for_its_time():
    plan = plan_of((A, B, 0, 10, 100, 1), (A, B, 20, 30, 100, 1))
    assert best(plan, A, B, 0, 1000).arrival_s == 11
    assert best(plan, A, B, 0, 1001) is None
    assert best(plan, A, B, 1, 950).arrival_s == 30.5


def test_what_is_booked_is_waited_for_by_who_has_no_more_priority():
    plan, ledger = plan_of((A, B, 0, 10, 100, 1), (A, B, 20, 30, 100, 1)), Ledger()

    def arrives(size, priority):
        return best(plan, A, B, 0, size, priority, ledger).arrival_s

    ledger.book(plan, best(plan, A, B, 0, 400, 5), 0, 400, 5)
    assert arrives(100, 5) == 6 and arrives(100, 0) == 6
    assert arrives(100, 6) == 2
    assert arrives(700, 5) == 28 and arrives(700, 6) == 8
    ledger.book(plan, best(plan, A, B, 0, 500, 6, ledger), 0, 500, 6)
    assert arrives(100, 5) == 11 and arrives(200, 5) == 23
    ledger.clear()
    assert arrives(1000, 0) == 11


def test_contacts_can_be_left_out():
    assert best(FIVE, A, E, 0, excluded={5}).arrival_s == 11
    assert best(FIVE, A, E, 0, excluded=range(8)) is None


@st.composite
def plans(draw):
    contacts = []
    for node in range(5):
        for peer in range(5):
            if node != peer:
                edges = draw(st.lists(st.integers(0, 12), max_size=4, unique=True).map(sorted))
                for start, end in zip(edges[::2], edges[1::2], strict=False):
                    rate, light = draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([0, 1, 2]))
                    contacts.append(Contact(node, peer, start, end, rate, light))
    return contacts


def every_route(contacts, source, target, t_s, size):
    """All ways there are over such contacts, each node once."""

    def onward(node, at_s, numbers, been):
        if node == target:
            until_s = min(contacts[n].end_s for n in numbers)
            yield Route(tuple(numbers), at_s, until_s, contacts[numbers[0]].peer)
            return
        for number, contact in enumerate(contacts):
            begins_s = max(at_s, contact.start_s)
            sent_s = begins_s + size / contact.bytes_s
            if contact.node != node or contact.peer in been or begins_s >= contact.end_s:
                continue
            if sent_s <= contact.end_s:
                been_there = {*been, contact.peer}
                yield from onward(contact.peer, sent_s + contact.light_s, [*numbers, number], been_there)

    yield from onward(source, t_s, [], {source})


@settings(max_examples=300, deadline=None)
@given(plans(), st.integers(0, 8), st.integers(0, 4))
def test_no_way_is_better_than_the_best(contacts, t_s, size):
    tried = min((r.choice for r in every_route(contacts, 0, 4, t_s, size)), default=None)
    found = best(Plan(contacts), 0, 4, t_s, size)
    assert (found and found.choice) == tried


@settings(max_examples=300, deadline=None)
@given(
    plans(),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.booleans()), max_size=12),
)
def test_a_route_that_is_kept_is_a_second_later_than_the_best_at_most(contacts, bundles):
    """Each: by how much later than the one before, its target, its size, whether it does not go after all."""
    plan, t_s = Plan(contacts), 0.0
    router = Router(plan, 0)
    for later_s, target, size, cancelled in bundles:
        t_s += later_s / 2
        least = best(plan, 0, target + 1, t_s, size, 0, router.ledger)
        route = router.route(target + 1, t_s, size, 0, ())
        assert (route is None) == (least is None)
        if route is None:
            continue
        assert least.arrival_s <= route.arrival_s <= least.arrival_s + KEPT_S
        router.book(route, t_s, size, 0)
        if cancelled:
            router.cancel(route, size, 0)


def test_a_contact_that_is_given_up_is_not_taken_until_it_is_there_after_all():
    plan = plan_of((A, B, 0, 50, 1e9, 1), (A, C, 20, 50, 1e9, 1), (C, B, 20, 50, 1e9, 1))
    router = Router(plan, A)
    assert router.route(B, 0, 100, 0, ()).entry == B
    router.give_up(plan.at(A, B, 0))
    assert router.route(B, 0, 100, 0, ()).entry == C
    assert not router.trust(C) and router.trust(B)
    assert router.route(B, 0, 100, 0, ()).entry == B
    assert router.route(B, 0, 100, 0, (B,)).entry == C  # not back to where it came from
