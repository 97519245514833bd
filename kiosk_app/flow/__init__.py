"""What the kiosk shows and asks for: a pure state machine. A state, an event and the time give a state and commands.

state      everything the window knows; `Traveller` is all that belongs to one person, and is dropped whole
events     what can happen: a touch, an answer of the agent, the passing of time
commands   what is to be done about it: ask the agent, print, sound a tone
machine    `advance(state, event, now)`: one function, no input, no output, no Kivy
travelling, ending, staffing, waiting   its parts: the steps, results and slips, the staff, time-outs
progress   where the traveller stands, for the bar above every step
"""

from __future__ import annotations

from kiosk_app.flow.machine import Change, advance
from kiosk_app.flow.state import Comfort, Screen, State, Status, Traveller, nothing_kept

__all__ = ["Change", "Comfort", "Screen", "State", "Status", "Traveller", "advance", "nothing_kept"]
