"""The sky of the reroute scenarios from 68 s on, for 24 s, with hellos ten times as often as is usual: all
that happens to the probed path happens within, and what it costs shows in a fifth of the time. Kashi hands
over as soon as another satellite is nearer, so that it happens soon.
"""

SILENT_S, CARRIER_S, HANDOVER_S, END_S = 1, 10, 15, 24  # when what happens to the probed path
SILENT_FOR_S, DOWN_FOR_S, HELLO_S, DEAD_S = 7, 3, 1, 4
CHANGES = {
    "start": "2026-05-09T02:41:08Z",
    "duration_s": END_S,
    "access[0].hysteresis_km": 5,
    "faults": [
        {"kind": "silent", "link": ["relay-1-1", "relay-2-1"], "at_s": SILENT_S, "for_s": SILENT_FOR_S},
        {
            "kind": "carrier",
            "link": ["relay-4-1", "relay-4-2"],
            "at_s": CARRIER_S,
            "for_s": DOWN_FOR_S,
            "reacquire_s": 0,
        },
    ],
    "routing.hello_s": HELLO_S,
    "routing.dead_s": DEAD_S,
}
