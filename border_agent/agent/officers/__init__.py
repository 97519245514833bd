"""Officers at the console: who may sign in, offline, and who is signed in.

officers    the one door that pages use           acts         what people do, as journal entries
directory   who belongs to this post              credentials  password, code, key: one answer at a time
activation  the first sign-in                     locks        wrong answers in a row
sessions    tokens that end by themselves         supervision  extend, suspend, lift
passwords   which are good                        keys         security keys (WebAuthn)
"""

from __future__ import annotations

from border_agent.agent.officers.acts import Acts
from border_agent.agent.officers.officers import Officers
from border_agent.agent.officers.values import Session

__all__ = ["Acts", "Officers", "Session"]
