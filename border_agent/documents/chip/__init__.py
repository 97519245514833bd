"""The terminal's side of an eMRTD: ICAO Doc 9303-11 (access, secure messaging, authentication) over ISO/IEC 7816-4.

A chip is hostile until it has proved otherwise: each answer is bounded, each public key checked, and only `ChipError`
is raised for what a chip says. What a card reader says (`CardGone`, `CardSilent`) passes through unchanged.
"""
