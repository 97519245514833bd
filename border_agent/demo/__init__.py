"""`borne demo`: a flight arrives at a border post made of real parts.

A real Mosquitto with TLS, a real centre and a real agent, each a process of its own; virtual devices only on the
wire, so that the true drivers run. Fourteen fictional travellers pass, the line goes down and comes back, the
agent is killed; then everything decided is compared with everything received.

    world      the folder, the keys, the processes
    script     who comes, what happens when
    counter    one traveller, through the local API, as an officer's client would
    proof      what was decided against what arrived
    report     the table, in French or English, or one JSON object
"""
