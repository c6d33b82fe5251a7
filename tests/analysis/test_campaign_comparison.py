"""Two campaigns whose differences are known, as they are told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from skybed.analysis.campaign import difference
from skybed.analysis.campaign import table as table_of
from skybed.topologies.errors import RunError
from support import tiny_campaign

GRID = "grid: {'access[0].policy': [nearest, keep], links.x-quick.loss_pct: [0, 1, 5]}\n"
METRICS = "metrics: [rtt_p50_ms, loss_pct, outages]\n"


@pytest.fixture
def campaign(tmp_path):
    """campaign(name, rtt_ms, repeats) has runs of flow `down`, whose RTT is what rtt_ms(case) says."""

    def make(name, rtt_ms, repeats=5, text=GRID, others=lambda case: {}):
        def outcome(case):
            value = rtt_ms(case)
            if value is None:
                return "invalid", {}
            return "pass", {"down": {"rtt_p50_ms": value, "loss_pct": 0.5} | others(case)}

        text = f"{text}repeats: {repeats}\n{METRICS}"
        return table_of.read(tiny_campaign.make(tmp_path / name, text, outcome))

    return make


def keeps(case):
    return case.parameters["access[0].policy"] == "keep"


def told(a, b):
    table = difference.compare(a, b)
    return table, table.set_index(["access[0].policy", "links.x-quick.loss_pct", "flow", "figure"])


def test_a_campaign_is_identical_with_itself(campaign):
    made = campaign("a", lambda case: 10 + case.repeat)
    table = difference.compare(made, made)
    assert set(table["outcome"]) == {"identical"} and (table["difference"] == 0).all() and len(table) == 12
    assert difference.overall(table)["says"].tolist() == [
        "down RTT p50: identical in all 6 combinations.", "down loss: identical in all 6 combinations.",
    ]  # fmt: skip


def test_a_change_of_one_parameter_s_value_is_told_with_its_size(campaign):
    """Repeats of 10 to 14 ms; with `keep` all are 20 ms slower: no two values overlap."""
    a = campaign("a", lambda case: 10 + case.repeat)
    b = campaign("b", lambda case: 10 + case.repeat + (20 if keeps(case) else 0))
    table, rows = told(a, b)
    changed = rows.loc["keep", 1, "down", "rtt_p50_ms"]
    assert changed[["n_a", "n_b", "a", "b", "difference", "cliffs_delta"]].tolist() == [5, 5, 12, 32, 20, 1]
    assert 16 <= changed["low"] < 20 < changed["high"] <= 24
    assert changed["p"] == approx(2 / 252) and changed["outcome"] == "beyond noise"  # three tests, all alike
    assert changed["says"].startswith(
        "access[0].policy keep, links.x-quick.loss_pct 1: down RTT p50: 12 to 32 ms, +20 ms (95 %: +1"
    )
    assert changed["says"].endswith("): beyond the noise (p 0.0079), Cliff's delta +1.00 (large).")
    assert rows.loc["nearest", 1, "down", "rtt_p50_ms"]["outcome"] == "identical"
    overall = difference.overall(table).iloc[0]
    assert overall["says"] == (
        "down RTT p50: beyond the noise in 3, identical in 3 of 6 combinations; over all +10 ms in the "
        "median, too few runs to tell it from noise."
    )


def test_noise_is_called_noise(campaign):
    rng = np.random.default_rng(3)
    a, b = (campaign(name, lambda case: 10 + rng.normal(), repeats=8) for name in "ab")
    table = difference.compare(a, b)
    tested = table[table["figure"] == "rtt_p50_ms"]
    assert set(tested["outcome"]) == {"within noise"} and (tested["p"] > 0.05).all()
    assert difference.overall(table)["outcome"].tolist() == ["within noise", "identical"]


def test_a_change_that_is_the_same_everywhere_needs_no_repeats(campaign):
    """Six combinations with a run each, all slower: by themselves nothing, together 2 / 2**6."""
    a = campaign("a", lambda case: 10 + case.parameters["links.x-quick.loss_pct"], repeats=1)
    b = campaign(
        "b", lambda case: 12 + 1.5 * case.parameters["links.x-quick.loss_pct"] + keeps(case), repeats=1
    )
    table = difference.compare(a, b)
    rows = table[table["figure"] == "rtt_p50_ms"]
    assert set(rows["outcome"]) == {"too few runs"} and rows["low"].isna().all()
    overall = difference.overall(table).iloc[0]
    assert overall["outcome"] == "beyond noise" and overall["p"] == approx(2 / 2**6)
    assert overall["says"] == (
        "down RTT p50: too few runs to tell it from noise in 6 of 6 combinations; over all +3.25 ms in the "
        "median, beyond the noise (p 0.031)."
    )


@pytest.mark.parametrize("repeats, outcome", [(3, "too few runs"), (4, "beyond noise")])
def test_from_four_repeats_a_change_can_be_told(campaign, repeats, outcome):
    assert difference.ENOUGH == 4
    a, b = (campaign(str(x), lambda case, x=x: x + case.repeat, repeats, text="") for x in (10, 20))
    table = difference.compare(a, b)
    assert table["outcome"].tolist() == [outcome, "identical"]
    assert difference.overall(table)["says"].tolist() == table["says"].tolist()


def test_of_many_figures_a_single_one_is_beyond_the_noise_only_if_it_is_so_by_far(campaign):
    """Five repeats that do not overlap have p = 0.0079. Of one test that is enough, of eighteen it is not."""
    rng = np.random.default_rng(2)
    text = GRID.replace("[0, 1, 5]", "[0, 1, 2, 3, 4, 5, 6, 7, 8]")

    def noisy(case):
        return rng.normal(10, 1)

    def one_slower(case):
        return rng.normal(10, 1) + 20 * (keeps(case) and case.parameters["links.x-quick.loss_pct"] == 5)

    a, b = campaign("a", noisy, text=text), campaign("b", one_slower, text=text)
    _, rows = told(a, b)
    row = rows.loc["keep", 5, "down", "rtt_p50_ms"]
    assert row["cliffs_delta"] == 1 and row["p"] > 0.05 and row["outcome"] == "within noise"


def test_what_only_one_campaign_has_is_missing(campaign):
    a = campaign("a", lambda case: None if keeps(case) else 10.0)
    b = campaign("b", lambda case: 10.0, others=lambda case: {"outages": 2})
    table, rows = told(a, b)
    row = rows.loc["keep", 0, "down", "rtt_p50_ms"]
    assert row[["n_a", "n_b", "b", "outcome"]].tolist() == [0, 5, 10, "missing"] and np.isnan(
        row["difference"]
    )
    assert row["says"].endswith("down RTT p50: A has none.")
    assert difference.overall(table)["outcome"].tolist() == ["identical"] * 2 + ["missing"]


def test_a_combination_that_only_the_second_has_is_missing_in_the_first(campaign):
    a = campaign("a", lambda case: 10.0, text=GRID.replace("[0, 1, 5]", "[0, 1]"))
    b = campaign("b", lambda case: 10.0)
    _, rows = told(a, b)
    assert rows.loc["keep", 5, "down", "rtt_p50_ms"]["outcome"] == "missing" and len(rows) == 12


def test_campaigns_over_different_parameters_are_not_compared(campaign):
    a, b = campaign("a", lambda case: 10.0), campaign("b", lambda case: 10.0, text="")
    with pytest.raises(RunError, match=r"only one of them varies access\[0\]\.policy"):
        difference.compare(a, b)


values = st.lists(st.sampled_from([1.0, 2.0, 2.5, 7.0]), min_size=0, max_size=6)


@given(values, values)
@settings(max_examples=60, deadline=None)
def test_swapping_two_campaigns_turns_the_signs_and_no_more(a, b):
    one, other = (difference.compared(np.array(x), np.array(y), "rtt_p50_ms") for x, y in ((a, b), (b, a)))
    names = difference.COLUMNS
    first, second = dict(zip(names, one, strict=True)), dict(zip(names, other, strict=True))
    assert first["outcome"] == second["outcome"]
    for name in ("difference", "cliffs_delta"):
        assert first[name] == approx(-second[name], nan_ok=True)
    assert first["p"] == approx(second["p"], nan_ok=True)
    assert (first["outcome"] == "identical") == (bool(a) and sorted(a) == sorted(b))
