"""The kiosk's touchscreen: a pure flow, a thin client of the agent's local API, and one small screen a step."""
