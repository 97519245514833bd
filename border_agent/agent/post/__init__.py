"""The post as one place: kiosks and counters over the post's own broker, with signed statements.

A kiosk hands over what it has finished, a counter takes it over and decides, and whoever was away is told again. One
thread serves the line; a kiosk has a second one for its desk and its store.

    line          what the agent and its pages ask        values, errors   what they get
    connection    one broker at a time, one thread        parts            what that thread serves
    believing     who said it, and is it new?             register         the post's devices, by the installed list
    kiosk_side    finished inspections, handed over       handover         one of them as it goes on the wire
    counter_side  what waits, who calls                   shelf            both, bounded
    hands         who has whom in hand                    claims           the same as a pure state machine
    decisions     what was decided lately                 state            how each device is
    problems      what is wrong, and how often            witnesses        each other's journals, as each says
"""

from __future__ import annotations
