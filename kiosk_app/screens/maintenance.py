"""For officers and technicians: what is there, what works, what was said last; tests, training, reboot."""

from __future__ import annotations

from typing import Any

from kivy.properties import BooleanProperty, StringProperty

from kiosk_app.flow.state import Screen, State
from kiosk_app.ui.current import app, look
from kiosk_app.ui.frame import KioskScreen
from kiosk_app.ui.press import Press

LONGEST = 110
"""Characters of a line of the log that are shown."""
COLON = "\u00a0: "
DEVICES = ("document_reader", "chip_reader", "code_scanner", "document_camera", "face_camera", "printer")


class MaintenanceScreen(KioskScreen):
    """Facts in words; what the agent tells beyond these is for `borne doctor` and the journal."""

    who = StringProperty("")
    facts = StringProperty("")
    log = StringProperty("")
    can_reboot = BooleanProperty(False)
    can_train = BooleanProperty(False)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._shown: Any = None
        self._controls: list[Press] = []

    def refresh(self, state: State) -> None:
        staff, status = state.staff, state.status
        if staff is None or status is None:
            return
        role = f"role.{staff.role}"
        self.who = f"{staff.name} · {app().say(role)}" if app().has(role) else staff.name
        self.can_reboot, self.can_train = staff.can_reboot, staff.can_train
        self.facts = "\n".join(self._fact(name, value) for name, value in staff.facts if app().has(f"fact.{name}"))
        most = 4 if look().landscape else 5 if look().comfort.reach else 7 if look().comfort.large else 12
        self.log = "\n".join(line[:LONGEST] for line in staff.log[-most:])
        devices = (status.devices, staff.tests)
        if devices != self._shown:
            self._shown = devices
            self._devices(state)

    def _fact(self, name: str, value: str) -> str:
        key = f"value.{value}"
        return f"{app().say(f'fact.{name}')}{COLON}{app().say(key) if app().has(key) else value}"

    def _devices(self, state: State) -> None:
        assert state.status is not None and state.staff is not None
        tests = dict(state.staff.tests)
        for control in self._controls:
            self.ids.devices.remove_widget(control)
        self._controls = []
        for role in DEVICES:
            found = state.status.state_of(role)
            if not found:
                continue
            outcome = tests.get(role, "")
            word = app().say(f"state.{found}")
            if outcome:
                key = f"test.{outcome}"
                word = app().say(key if app().has(key) else "test.failed")
            good = (outcome or found) in ("ready", "passed")
            control = Press(
                action="test",
                fine=True,
                value=role,
                icon="icon-check" if good else "icon-alert",
                words=f"{app().say(f'device.{role}')}{COLON}{word}",
            )
            self._controls.append(control)
            self.ids.devices.add_widget(control, index=len(self.ids.devices.children))


SCREENS = {Screen.MAINTENANCE: MaintenanceScreen}
