"""Fictional travellers for the demo, for training and for tests: documents, codes, faces.

    cast        who arrives, what each carries, what must come out     feeds     what the centre publishes for them
    portraits   portraits and live frames (drawn by head, skin, eyes, hair, body, light; people holds the numbers)
    pages       passport data pages                                    codes     e-visas on paper and on phones
    signing     visa signers of one run, in memory                     album     all pictures in one folder, made once
    chip        the passports' chips: card, authorities, files, faults (its README)

Nothing here is a person: names, numbers and states' designs are invented, the faces are rendered, and the one
photograph is the public-domain test picture that scikit-image ships. **The faces prove wiring, never accuracy**: no
figure measured on them says anything about recognising people. Every page and visa says SPÉCIMEN / SPECIMEN, and
specimen signers are made anew in each run and belong in no production trust list.

Only bytes and frames go from here to the virtual devices, which speak the same wire as real ones.
"""

from __future__ import annotations
