"""Our own passport chip in software: the card's side of ICAO 9303-10 and 9303-11, for demo, training and tests.

    sample       one ordinary passport, for whoever needs a chip       booklets    the chips of the cast
    profile      what a chip can do                                    booklet     a whole chip as data, in one file
    personalise  keys made, files written and signed; clones           faults      what can be switched on
    chip         `VirtualChip`, which answers APDUs                    card_*      its parts, protocol by protocol
    groups, faces, security_files, sod                                 its files
    pki, certificates, signed_data, signing_keys                       who signs them
    twin, handle                                                       a booklet on a reader of vpcd

Nothing of the terminal's protocol code is used here, see the README.
"""

from __future__ import annotations
