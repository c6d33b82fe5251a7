"""Events of links written by hand, as a plan would have them."""

import numpy as np

from skybed.topologies.contacts.properties import EVENT, Direction, Property, in_order

WHAT = {kind: what for what in Property for kind in what.kinds}


def events(rows):
    """EVENTs of (t_s, kind, link[, value[, direction[, slope]]]); of what comes `up` it is the delay."""
    made = []
    for t_s, kind, link, *more in rows:
        value, direction, slope = (*more, *(None, Direction.BOTH, 0.0)[len(more) :])
        what = WHAT[kind]
        made.append((t_s, link, direction, what, value if what.unit else kind == what.kinds[-1], slope))
        if kind == "up" and value is not None:
            made.append((t_s, link, direction, Property.DELAY, value, slope))
    return in_order(np.array(made, EVENT))
