"""Limits of fidelity, by path, that a machine keeps which is busy all the time. Those of scenarios are for
idle ones, and no test may need one.
"""

FIDELITY = {
    "fidelity.rtt_error_p50_us": 2000,
    "fidelity.rtt_error_p99_us": 20_000,
    "fidelity.late_ms": 50,
    "fidelity.missing_pct": 5,
}
