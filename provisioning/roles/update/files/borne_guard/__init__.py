"""The guard: it puts signed releases of Borne on a device, switches between them, and takes a bad one back.

It stands outside every release, in /usr/lib/borne, and needs Debian's Python and openssl only: whatever a release
breaks, the guard still runs. Provisioning alone renews it. It never opens, restores or removes the database: a
release runs on what the one after it has written.

    source     a release as a tar or a folder            manifest  what it says it is, and the signature over that
    staging    its wheels copied, its environment built  switching the link `current`, and back
    health     what the agent says of itself             state     what survives a power cut
    settings   /etc/borne/update.json                    words     for whoever stands before the device

What is where:

    /opt/borne/releases/<version>/               one environment each; release.json, written last, says it is whole
    /opt/borne/current -> releases/<version>     replaced by renaming, so there is always one
    /var/lib/borne-update/state.json             idle, staged, switched, confirmed, rolled_back
    /var/lib/borne-update/wheels/<sha256>        wheels, so that only the missing ones travel
    /var/lib/borne-update/history.jsonl          every act, who asked for it and why; only added to
"""
