"""What does this booklet say?

Bytes from a document reader become frozen, typed values, or a typed error. Nothing here trusts what it reads:
who may say so is `border_agent.trust`'s question, and whether it suffices is `border_agent.inspection`'s.

`mrz` reads and writes the machine readable zone of all five sizes. Check digits cover neither the name nor
the issuing state nor the document code, so every field comes with its own verdict and no text is ever
repaired: a repaired number is a guess. `chip` speaks with the passport's chip (Doc 9303-11), `lds` reads the
files that come of it (9303-10), `tlv` is their common frame.
"""
