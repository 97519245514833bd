"""The agent itself: it wires the rooms together and owns their life cycle.

    runtime    builds everything from the configuration, starts it, stops it
    desk       one inspection at a time, from the first reading to the proposal; many may wait for their officer
    eyes       the camera steps: a code on paper or phone, the printed portrait, the live face
    zone_search  the machine-readable zone by the document camera, a few looks that vote
    chip_reader, chip_work, chip_weighing, chip_step  the chip: its reader, one reading in a thread, what it is worth,
             and its part in an inspection
    references  the stored faces, and the comparisons with all of them
    face_search  many cheap looks at the traveller, few embeddings
    guidance   what a traveller is told to do meanwhile
    preview    the picture travellers see of themselves
    answers    what the lists and this device's own journal know of a document and a visa
    timekeeping, clockwatch  the clock over a restart, and somebody who turns it
    diary      what happens to the device itself, as entries
    facts      an inspection as the journal entry that will stand for it
    replay     a decision made again from what was kept
    hub        changes, to whoever listens
    kiosk      what the traveller's window is told, and whether anybody can be inspected here at all
    window     the window's own signs of life
    calls      a traveller needs somebody
    slips      the printer, one slip at a time
    staff, sessions  who may open the maintenance screen, and who has
    maintenance  what that screen shows and does; devices, machine and logring are what it asks

Threads: each serial device has one that only reads; the desk has one that does everything to the inspection in
progress, so its state needs no lock of its own; a chip is read in one that only reads and puts what it found into
the desk's inbox; the store and the reporting have their own rules (see there).
"""
