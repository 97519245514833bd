"""Who may say so?

The trust feed lists visa signers: whose they are, what they may sign, from when to when, and whether they
were revoked. `SignerList.judge` holds a seal against that list. A good signature alone says little: the
signer must be known, must speak for the issuer the seal names, must have signed while its key was in use,
and must not have been revoked in a way that undoes what it signed.

"Nobody we know" is not "forged": a list that is late or incomplete sends a traveller to an officer, never
to a cell. What a passport's chip says is held against the states' own authorities in `passive`.
"""

from __future__ import annotations

from border_agent.trust.judgement import Reason, SealJudgement, SignatureVerdict
from border_agent.trust.signers import SignerList

__all__ = ["Reason", "SealJudgement", "SignatureVerdict", "SignerList"]
