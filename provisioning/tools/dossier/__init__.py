"""The validation dossier: what an IT division asks for before it lets a system in. French and English.

Everything in it is read from what runs: locks, roles, templates, contract, code, results of checks that were made.
What was not made says so. Run it by `make dossier`, or `.venv/bin/python provisioning/tools/dossier [--root DIR]`.

    places       where things are                       components  packages, versions, licences
    sbom         CycloneDX 1.6                          network     ports and hosts, from the firewall's template
    hosts        addresses written in the code          flows       what travels, from the contract, and its drawing
    results      hardening and tests                    cryptography_used  held to the code by a test
    controls.yml ISO 27001 Annex A                      build       pages and PDF
"""
