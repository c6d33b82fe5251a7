"""The table of contacts as CSV."""

from __future__ import annotations

from skybed.topologies.plan.export.contacts import contact_table
from skybed.topologies.plan.plan import Plan


def text(plan: Plan) -> str:
    return contact_table(plan).to_csv(index=False, lineterminator="\n")
