"""Writes the traces of the scenario leo-replay, in LeoReplayer's formats, packed by gzip.

python scenarios/traces/leo.py [FOLDER]

They are synthetic: 120 s with the figures of a recording of Starlink that LeoCC has (SpaceNetLab/LeoCC).
Between these figures lie assumptions: the base delay wanders between its bounds, a spike rises at once and
falls evenly, and the capacity varies by 10 % around the median of its slot.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

DURATION_MS, DELAY_LINE_MS, CAPACITY_MS = 120_000, 10, 100
BASE_MS = (10, 11, 12)
SPIKES_S = (8.75, 23.73, 38.74, 53.73, 68.79, 83.74, 98.73, 113.73)
PEAKS_MS = (35, 32, 43, 39, 54, 68, 35, 47)
WIDTHS_MS = (30, 100, 50, 70, 30, 110, 70, 80)  # over the base and 5 ms
OVER_BASE_MS = 5
SLOTS_MBPS = (60, 58, 38, 45, 50, 48, 44, 50, 72)  # medians: before the first spike, then from each on
OPPORTUNITY_BITS = 12_000  # a packet of 1500 bytes: one in each ms is 12 Mbit/s
SIGMA = 0.1
STAYS = 0.8  # likely, of the base delay for one line more


def delays_ms(chance: np.random.Generator) -> np.ndarray:
    """One way, a value for each line."""
    lines = DURATION_MS // DELAY_LINE_MS
    moves = np.flatnonzero(chance.random(lines) > STAYS)
    base = np.repeat(chance.choice(BASE_MS, len(moves) + 1), np.diff([0, *moves, lines]))
    for begin_s, peak_ms, width_ms in zip(SPIKES_S, PEAKS_MS, WIDTHS_MS, strict=True):
        first, count = round(begin_s * 1000) // DELAY_LINE_MS, width_ms // DELAY_LINE_MS
        falling = BASE_MS[-1] + (peak_ms - BASE_MS[-1]) * (1 - np.arange(count) / count)
        base[first : first + count] = np.maximum(np.round(falling), BASE_MS[-1] + OVER_BASE_MS + 1)
    return base


def opportunities_ms(chance: np.random.Generator) -> np.ndarray:
    """When a packet may leave, ascending. Within CAPACITY_MS they are as even as whole ms allow."""
    edges_ms = [*(round(begin_s * 1000) for begin_s in (0, *SPIKES_S)), DURATION_MS]
    t_ms = np.arange(0, DURATION_MS, CAPACITY_MS)
    slot = np.searchsorted(edges_ms, t_ms, "right") - 1
    varied = np.exp(SIGMA * chance.standard_normal(len(t_ms)))
    for number in range(len(SLOTS_MBPS)):
        varied[slot == number] /= np.median(varied[slot == number])
    by_ms_mbps = np.repeat(varied, CAPACITY_MS) * np.repeat(SLOTS_MBPS, np.diff(edges_ms))
    packets = np.floor(np.cumsum(by_ms_mbps * 1e3 / OPPORTUNITY_BITS)).astype(int)  # by the end of each ms
    return np.repeat(np.arange(DURATION_MS), np.diff(packets, prepend=0))


def traces() -> dict[str, str]:
    """The text of each file, by its name."""
    chance = np.random.default_rng(2025)
    delays, opportunities = delays_ms(chance), opportunities_ms(chance)
    # A trace of a rate lasts as long as its last line says.
    whole = np.append(opportunities[opportunities < DURATION_MS], DURATION_MS)
    texts = {"leo-delay.txt": delays, "leo-bw.txt": whole}
    return {name: "\n".join(map(str, values.tolist())) + "\n" for name, values in texts.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    for name, text in traces().items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
