"""Tables of several hosts as those of one run, by the first one's clock."""

import numpy as np
import pandas as pd
import pytest

from skybed.scripts.running import merging, pieces
from skybed.scripts.running.messages import Given
from skybed.topologies.errors import InvalidRun
from skybed.topologies.model.tables import APPLIED, EVENTS

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
