"""The arithmetic under passports and seals: curves, groups, ciphers, checksums and key derivation.

`cryptography` does whatever it can. What it cannot do stands here: Brainpool curves of 192, 224 and 320 bits,
point addition and other base points (PACE), Diffie-Hellman in the groups of RFC 5114, the retail MAC of Doc 9303-11.

Own arithmetic does not run in constant time. Every secret it touches on a terminal is made for one reading and
thrown away after it; the keys of specimens are no secrets. Long-lived keys belong to `cryptography`.
"""
