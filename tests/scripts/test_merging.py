"""Tables of several hosts or cores as those of one run, by the first one's clock."""

import pickle
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skybed.analysis import contents
from skybed.analysis.manifest import Manifest
from skybed.emulator.kernel.control import PROTOCOLS
from skybed.emulator.sky import tables as of_sky
from skybed.emulator.sky.player import Played
from skybed.scripts.running import merging, pieces
from skybed.scripts.running.merging import Written
from skybed.scripts.running.messages import Given
from skybed.topologies.errors import InvalidRun
from skybed.topologies.model.flows import EndToEndFlow
from skybed.topologies.model.tables import (
    APPLIED,
    BEGUN,
    CARRIED,
    CONTROL,
    EVENTS,
    FLOWS,
    MEASURES,
    PATHS,
    PROBES,
    ROUTES,
)
from skybed.topologies.plan import cores, score
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario
from skybed.traffic import tables
from support.tiny_sky import MANIFEST

TIMES_S = 0.0, 0.0, 1.0, 2.0, 2.0, 3.0
LINKS = "a--b", "b--c", "a--b", "b--c", "a--d", "b--c"
KNOWN_BY = {"a--b": 1, "b--c": 2, "a--d": 1}  # b--c leads from one host to another


def events():
    filled = {"kind": "delay", "a": "x", "b": "y", "delay_us": 5.0, "slope_us_s": 0.0}
    rows = pd.DataFrame({"event": range(6), "t_s": TIMES_S, "link": LINKS}).assign(**filled)
    return rows.assign(direction="both", property="delay", value=5.0)[list(EVENTS.dtypes)]


def applied(links, late_s, skipped=(), last_s=3.0):
    """What a host that plays these links notes, which counts its events by itself."""
    rows = events()
    rows = rows[rows["link"].isin(links) & (rows["t_s"] <= last_s)]
    left = rows["event"].isin(skipped)
    at_s = (rows["t_s"] + late_s).where(~left)
    rows = rows.assign(applied_s=at_s, late_us=(at_s - rows["t_s"]) * 1e6, skipped=left)
    return rows.assign(event=np.arange(len(rows)))[list(APPLIED.dtypes)]


FIRST, SECOND = ["a--b", "a--d", "b--c"], ["b--c"]


def test_events_have_their_numbers_again_and_what_crosses_is_applied_when_both_hosts_have():
    both = merging.applied(events(), [applied(FIRST, 0.001), applied(SECOND, 0.004)], KNOWN_BY)
    assert both["event"].tolist() == [0, 1, 2, 3, 4, 5]
    assert both["link"].tolist() == [*LINKS]
    assert both["late_us"].round().tolist() == [1000, 4000, 1000, 4000, 1000, 4000]
    assert not both["skipped"].any()


def test_what_one_of_two_hosts_skipped_or_did_not_come_to_is_not_applied():
    parts = [applied(FIRST, 0.001, skipped=[3]), applied(SECOND, 0.001, last_s=2.0)]
    both = merging.applied(events(), parts, KNOWN_BY).set_index("event")
    assert both.index[both["applied_s"].isna()].tolist() == [3, 5]
    assert both.index[both["skipped"]].tolist() == [3]


def test_a_clock_that_goes_away_is_led_back_by_a_line():
    """One that is 40 us ahead after 20 s was 10 us ahead after 5."""
    by_first = merging.by_first(pd.Series([0.0, 5.00001, 20.00004]), 40.0, 20.0)
    assert by_first.tolist() == pytest.approx([0.0, 5.0, 20.0], abs=1e-9)
    assert merging.by_first(pd.Series([-1.0]), 40.0, -1.0).tolist() == [-1.0]  # before run time 0


# -- a whole run -----------------------------------------------------------------------------------------

LENGTH_S = 3700.0  # three windows of a plan


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """A score of twelve satellites and five stations."""
    folder = tmp_path_factory.mktemp("plan")
    scenario = Scenario.load("ring12").with_(duration_s=LENGTH_S, traffic=TRAFFIC)
    Plan.make(scenario).save(folder)
    return score.load(folder, scenario, folder)


TRAFFIC = [
    {"kind": "probe", "name": "b", "from": "comp-0-0", "to": "comp-0-2", "stop_s": 9},
    {"kind": "probe", "name": "a", "from": "comp-0-8", "to": "comp-0-9"},
    {"kind": "trace", "name": "t", "from": "comp-0-8", "to": "comp-0-9"},
    {"kind": "probe", "name": "c", "from": "comp-0-0", "to": "comp-0-2", "after": "b"},
    {"kind": "program", "name": "x", "node": "comp-0-10", "command": "true"},
]


def play(mine, run, until_s=LENGTH_S, late_s=0.0):
    """What a part notes that applies all in time, or so late, up to a run time."""
    with of_sky.log(mine, run) as log:
        for window in mine.windows():
            at_s = [rows["t_s"] + late_s for rows in (window.events, window.changes)]
            skipped = window.events["link"] < 0
            log(Played(window.events, at_s[0], skipped, window.changes, at_s[1], []).until(until_s))
            if window.end_s >= until_s:
                break


def rows_of(table, flow, first, end):
    """Rows of a flow, of a table that all have numbers in, by their place."""
    numbers = {column.name: range(first, end) for column in table.columns if column.type == pa.int64()}
    usual = {pa.string(): "x", pa.bool_(): False, pa.float64(): 0.5, pa.int32(): 1}
    filled = {column.name: [usual.get(column.type)] * (end - first) for column in table.columns}
    return filled | numbers | {"flow": str(flow.name)}


def send(flows, run, own=()):
    """What traffic writes of flows, three row groups of each; own: what programs are called."""
    for table in (PROBES, PATHS):
        mine = [
            flow for flow in flows if (flow.kind == "trace") == (table is PATHS) and flow.kind != "program"
        ]
        parts = (rows_of(table, flow, 5 * n, 5 * n + 5) for flow in mine for n in range(3))
        tables.write(table, parts, run)
    tables.write(FLOWS, [], run)
    if after := [flow for flow in flows if flow.after]:
        tables.write(BEGUN, (rows_of(BEGUN, flow, 0, 1) for flow in after), run)
    for name in own:
        (run / "programs" / name).mkdir(parents=True)
        (run / "programs" / name / "stdout.txt").write_text(name)
        tables.write(MEASURES, [rows_of(MEASURES, flow, 0, 4) for flow in flows if flow.name == name], run)


@pytest.fixture
def written(ring, tmp_path):
    """(place, parts): a run on two cores, and beside it, in `alone`, the same on one."""
    flows = ring.scenario.traffic
    place = cores.place(ring, 2)
    folders = [tmp_path / "run", tmp_path / "run" / "elsewhere" / "core-1"]
    index = {node.name: number for number, node in enumerate(ring.nodes)}
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        own = [flow for flow in flows if place[index[flow.ends[0]]] == number]
        assert own and len(own) < len(flows)
        play(score.part(ring, place == number), folder)
        send(own, folder, [flow.name for flow in own if flow.kind == "program"])
    alone = tmp_path / "alone"
    alone.mkdir()
    play(ring, alone)
    send(flows, alone, ["x"])
    of_sky.write_events(ring, folders[0] / "events.parquet")
    of_sky.write_events(ring, alone / "events.parquet")
    return place, [Written(folder) for folder in folders]


def test_two_cores_give_the_tables_of_one_to_the_bit(ring, written, tmp_path):
    place, parts = written
    merging.merge(parts, ring, place, LENGTH_S)
    hashes = contents.hashes(tmp_path / "run")
    assert hashes == contents.hashes(tmp_path / "alone")
    assert {*hashes} == {
        "events", "applied", "routes", "control", "probes", "paths", "flows", "begun", "measures",
    }  # fmt: skip
    for table, least in {APPLIED: 1000, ROUTES: 1000, PROBES: 45, PATHS: 15, BEGUN: 1, MEASURES: 4}.items():
        assert pq.read_metadata(tmp_path / "run" / f"{table.name}.parquet").num_rows >= least
    assert not [*parts[1].folder.glob("*.parquet")]


def test_row_groups_are_those_of_one_core_too(ring, written, tmp_path):
    """So who looks for a flow, or reads window by window, finds it."""
    place, parts = written
    merging.merge(parts, ring, place, LENGTH_S)
    for table in (APPLIED, PROBES, PATHS):
        metadata = [pq.read_metadata(tmp_path / run / f"{table.name}.parquet") for run in ("run", "alone")]
        groups = [[of.row_group(n).num_rows for n in range(of.num_row_groups)] for of in metadata]
        assert groups[0] == groups[1] and len(groups[0]) >= 3


def test_files_of_programs_and_captures_come_to_stand_in_the_run(ring, written, tmp_path):
    place, parts = written
    there = parts[1].folder
    for folder, name in ((parts[0].folder, "a--b"), (there, "c--d")):
        (folder / "captures").mkdir()
        (folder / "captures" / f"{name}.pcapng").write_text(name)
    (there / "traffic.log").write_text("said")
    merging.merge(parts, ring, place, LENGTH_S)
    run = tmp_path / "run"
    assert {path.read_text() for path in (run / "captures").iterdir()} == {"a--b", "c--d"}
    assert (run / "programs" / "x" / "stdout.txt").read_text() == "x"
    assert [path.name for path in there.iterdir()] == ["traffic.log"]


def test_a_part_that_came_less_far_has_not_applied_what_crosses(ring, written, tmp_path):
    """And of its own links nothing after that."""
    place, parts = written
    reached_s = 1000.0
    play(score.part(ring, place == 1), parts[1].folder, reached_s)
    merging.merge(parts, ring, place, reached_s)
    rows = pq.read_table(tmp_path / "run" / "applied.parquet").to_pandas()
    ends = {link.name: (place[link.a], place[link.b]) for link in ring.links}
    crosses = rows["link"].map(lambda name: len({*ends[name]}) == 2)
    late = rows["t_s"] > reached_s
    assert rows["applied_s"].isna().equals(crosses & late) and (crosses & late).any()
    assert not rows["link"].map(lambda name: ends[name] == (1, 1))[late].any()
    assert rows["event"].is_monotonic_increasing


def test_a_window_without_events_is_one(ring, tmp_path):
    none = Pieces(lambda: (rows[:0] if n == 1 else rows for n, rows in enumerate(ring.events)))
    quiet = replace(ring, events=none)
    here = np.arange(len(ring.nodes)) % 2 == 0
    for folder, mine in (("run", here), ("other", ~here)):
        (tmp_path / folder).mkdir()
        play(score.part(quiet, mine), tmp_path / folder)
    of_sky.write_events(quiet, tmp_path / "run" / "events.parquet")
    parts = [Written(tmp_path / folder) for folder in ("run", "other")]
    merging.merge(parts, quiet, (~here).astype(int), LENGTH_S)
    applied = pq.ParquetFile(tmp_path / "run" / "applied.parquet")
    assert [applied.metadata.row_group(n).num_rows > 0 for n in range(3)] == [True, False, True]
    assert (
        applied.read()
        .drop(["applied_s", "late_us", "skipped"])
        .equals(pq.read_table(tmp_path / "run" / "events.parquet").select(list(EVENTS.dtypes)))
    )


def test_hosts_have_clocks_of_their_own_and_count_longer(ring, tmp_path):
    here = np.arange(len(ring.nodes)) % 2 == 0
    counted = {"node": ["n"] * 3, "peer": ["m"] * 3, "packets": [1] * 3, "bytes": [2] * 3}
    for folder, mine, late_s in (("run", here, 0.0), ("other", ~here, 0.002)):
        (tmp_path / folder).mkdir()
        play(score.part(ring, mine), tmp_path / folder, 100.0, late_s)
        with windowed.growing(tmp_path / folder / "carried.parquet", CARRIED.schema) as append:
            append({"t_s": [98.0, 99.0, 100.0]} | counted | {"node": [folder] * 3})
    of_sky.write_events(ring, tmp_path / "run" / "events.parquet")
    parts = [Written(tmp_path / "run"), Written(tmp_path / "other", drift_us=1e6)]  # a hundredth
    merging.merge(parts, ring, (~here).astype(int), 100.0)
    routes = pq.read_table(tmp_path / "run" / "routes.parquet").to_pandas()
    theirs = routes["node"].isin([node.name for node, at in zip(ring.nodes, here, strict=True) if not at])
    factor = np.where(theirs, 0.99, 1.0)
    expected_s = (routes["t_s"] + np.where(theirs, 0.002, 0.0)) * factor
    assert theirs.any() and not theirs.all() and np.allclose(routes["applied_s"], expected_s, atol=1e-12)
    carried = pq.read_table(tmp_path / "run" / "carried.parquet").to_pandas()
    assert [*zip(carried["t_s"], carried["node"], strict=True)] == [
        (98.0, "other"), (98.0, "run"), (99.0, "other"), (99.0, "run"), (100.0, "run"),
    ]  # fmt: skip


def test_routes_that_daemons_made_and_their_packets_are_in_the_order_of_names(ring):
    routed = replace(ring, scenario=ring.scenario.with_(routing={"protocol": "ospf"}))
    made = [(-1.0, "b", "c", "d", "4"), (2.0, "comp-0-10", "a", None, "4"), (2.0, "comp-0-2", "a", "x", "4")]
    parts = [of_sky.recorded_routes(made[::2]), of_sky.recorded_routes(made[1:2])]
    both = pa.concat_tables([pa.table(part, schema=ROUTES.schema) for part in parts])
    rows = merging.in_order(ROUTES, both, routed)
    assert rows["node"].to_pylist() == ["b", "comp-0-10", "comp-0-2"]
    keys = [(0, "a", "b", number + 1) for number in range(len(PROTOCOLS))]
    alone = pa.table(of_sky.control(keys, [(1, 1)] * len(keys)), schema=CONTROL.schema)
    assert alone["protocol"].to_pylist() != sorted(PROTOCOLS)
    assert merging.in_order(CONTROL, alone.take([*range(len(keys))][::-1]), routed).equals(alone)


# -- tables of traffic -----------------------------------------------------------------------------------


def flow(name):
    return EndToEndFlow.model_construct(kind="probe", name=name, source="a", target="b")


@settings(deadline=None, max_examples=40)
@given(
    at=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    groups=st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=8, max_size=8),
)
def test_rows_of_flows_stand_as_one_core_would_have_written_them(tmp_path_factory, at, groups):
    """Whichever part has a flow, and however many row groups it has. at: the part of each flow."""
    folder, flows = tmp_path_factory.mktemp("parts"), [flow(f"f{9 - n}") for n in range(len(at))]

    def parts_of(numbers):
        for n in numbers:
            ends = np.cumsum([0, *groups[n]]).tolist()
            for first, end in pairwise(ends):
                yield rows_of(PROBES, flows[n], first, end)

    tables.write(PROBES, parts_of(range(len(flows))), folder)
    files = []
    for part in sorted(set(at)):
        (folder / str(part)).mkdir()
        tables.write(PROBES, parts_of(n for n in range(len(flows)) if at[n] == part), folder / str(part))
        files.append(folder / str(part) / "probes.parquet")
    merging.by_flow(PROBES, files, flows, folder / "merged.parquet")
    assert (folder / "merged.parquet").read_bytes() == (folder / "probes.parquet").read_bytes()


def test_flows_that_share_a_row_group_are_told_apart(tmp_path):
    """As those of `begun`."""
    names = {"x": ["f1", "f3"], "y": ["f2", "f4"]}
    for folder, own in names.items():
        (tmp_path / folder).mkdir()
        part = {"flow": own, "after": ["f0"] * 2, "ended_s": [1.0, None], "start_s": [2.0, None]}
        tables.write(BEGUN, [part], tmp_path / folder)
    files = [tmp_path / folder / "begun.parquet" for folder in names]
    merging.by_flow(BEGUN, files, [flow(f"f{n}") for n in range(5)], tmp_path / "begun.parquet")
    assert pq.read_table(tmp_path / "begun.parquet")["flow"].to_pylist() == ["f1", "f2", "f3", "f4"]


MERGED = """
import pickle, sys
import pyarrow as pa
from skybed.scripts.running import merging
from skybed.topologies.model.tables import PROBES
merging.by_flow(PROBES, *pickle.load(sys.stdin.buffer))
print(pa.default_memory_pool().max_memory())
"""


def test_a_long_table_is_never_in_memory(tmp_path, monkeypatch):
    """A hundred row groups take no more than a few do, in a process that has nothing else."""
    monkeypatch.setattr(tables, "GROUP_ROWS", 5000)
    flows, files = [flow(f"f{n}") for n in range(2)], []
    for of in flows:
        (tmp_path / of.name).mkdir()
        tables.write(PROBES, [rows_of(PROBES, of, 0, 250_000)], tmp_path / of.name)
        files.append(tmp_path / of.name / "probes.parquet")
    size = sum(pq.read_table(file).nbytes for file in files)
    told = pickle.dumps((files, flows, tmp_path / "probes.parquet"))
    merged = subprocess.run([sys.executable, "-c", MERGED], input=told, capture_output=True, check=True)
    assert pq.read_metadata(tmp_path / "probes.parquet").num_row_groups == 100
    assert 0 < int(merged.stdout) < size / 4


# -- the manifest ----------------------------------------------------------------------------------------

FACTS = {
    "kernel": "6.12.0", "played_s": 60.0, "finished": True, "fallen": None, "load_s": 0.5, "build_s": 1.0,
    "converge_s": 0.1, "teardown_s": 0.2, "hop_cost_us": 1.5, "clock_stepped_ms": 0.0, "player_cpu_s": 0.25,
    "routing": {"protocol": "oracle"}, "traffic": {"dropped_by_sink": {"u1": 1}},
}  # fmt: skip


def test_facts_of_parts_are_those_of_one_run():
    other = FACTS | {
        "played_s": 59.5, "finished": False, "fallen": "It ended.", "build_s": 2.0, "teardown_s": 0.1,
        "hop_cost_us": 1.75, "player_cpu_s": 0.5, "traffic": {"dropped_by_sink": {"u2": 0}},
        "captures": {"a--b": {"packets": 3, "dropped": 0}},
    }  # fmt: skip
    one = merging.joined([FACTS, other, FACTS], [3, 1, 1])
    assert one == FACTS | {
        "played_s": 59.5, "finished": False, "fallen": "It ended.", "build_s": 2.0, "hop_cost_us": 1.75,
        "player_cpu_s": 1.0, "traffic": {"dropped_by_sink": {"u1": 1, "u2": 0}},
        "captures": {"a--b": {"packets": 3, "dropped": 0}},
    }  # fmt: skip
    assert (
        Manifest.model_validate(MANIFEST | {"duration_s": 60.0, "played_s": 60.0}).with_(one).fallen
        == "It ended."
    )
    assert merging.joined([FACTS, FACTS], [1, 1]) == FACTS | {"player_cpu_s": 0.5}


def test_facts_of_daemons_are_means_of_nodes_and_what_was_missed_sums():
    def facts(mib, private_mib, daemon, cpu_s, missed):
        routing = {"protocol": "OSPF", "daemon": daemon}
        return FACTS | {
            "routing": routing | {"memory_mib": mib, "private_memory_mib": private_mib},
            "recorder": {"cpu_s": cpu_s, "missed_packets": missed, "overruns": 1},
        }

    one = merging.joined(
        [facts(6.0, 2.0, "BIRD 2", 0.125, 3), facts(9.0, 5.0, "BIRD 2, FRR 8", 0.5, 4)], [2, 1]
    )
    assert one["routing"] == {
        "protocol": "OSPF", "daemon": "BIRD 2, FRR 8", "memory_mib": 7.0, "private_memory_mib": 3.0,
    }  # fmt: skip
    assert one["recorder"] == {"cpu_s": 0.625, "missed_packets": 7, "overruns": 2}
    assert (
        Manifest.model_validate(MANIFEST | {"duration_s": 60.0, "played_s": 60.0})
        .with_(one)
        .recorder.overruns
        == 2
    )


# -- from one machine to another -------------------------------------------------------------------------


def test_files_come_through_in_pieces(tmp_path):
    given, taken = tmp_path / "given", tmp_path / "taken"
    (given / "plan").mkdir(parents=True)
    taken.mkdir()
    content = bytes(range(256)) * 5000
    (given / "plan" / "x.bin").write_bytes(content)
    sent = list(pieces.pieces(given, given / "plan" / "x.bin"))
    assert len(sent) == 3 and {piece.path for piece in sent} == {"plan/x.bin"}
    for piece in sent:
        pieces.take(taken, piece)
    assert (taken / "plan" / "x.bin").read_bytes() == content


@pytest.mark.parametrize("path", ["../x", "/etc/x", "plan/../../x"])
def test_no_file_comes_to_stand_outside_of_a_run(tmp_path, path):
    with pytest.raises(InvalidRun, match="does not belong to a run"):
        pieces.take(tmp_path / "run", Given(path, ""))
