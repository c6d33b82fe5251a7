"""Whatever a scenario says, it is planned, or one sentence a problem tells what is wrong, soon.

A thousand seeded cases in every run of the tests. `make fuzz` tries others: FUZZ tells how many.
"""

import os

from hypothesis import HealthCheck, Phase, given, seed, settings

from skybed.topologies.errors import LONGEST, SkybedError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from support.bounded import bounded
from support.mutations import HERE, scenarios

EXAMPLES = int(os.environ.get("FUZZ", "0"))
CPU_S = 10.0  # of one case
MOST_LINES, MOST_NODES, MOST_S = 6, 40, 10.0  # of an error; of what is planned


def tried(text):
    with bounded(CPU_S):
        try:
            scenario = file.parse(text, "s.yaml", HERE)
            walkers = [layer.walker for layer in scenario.layers.values() if layer.walker]
            nodes = sum(walker.planes * walker.per_plane for walker in walkers)
            if nodes <= MOST_NODES and scenario.duration_s <= MOST_S and not scenario.code:
                Plan.make(scenario).events.whole()
        except SkybedError as error:
            said = str(error)
            assert error.exit_code == 2, said
            assert said.replace("\n", "").isprintable()
            assert len(said.splitlines()) <= MOST_LINES
            assert all(len(line) <= LONGEST + 10 for line in said.splitlines())


seeded = (lambda test: test) if EXAMPLES else seed(1)


@seeded
@settings(
    max_examples=EXAMPLES or 1000, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)  # fmt: skip
@given(scenarios())
def test_a_scenario_is_planned_or_refused(text):
    tried(text)
