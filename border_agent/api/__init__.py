"""The local API: what the officers' console and the kiosk's window speak with the agent.

HTTP with server-sent events over a Unix socket (Starlette on uvicorn), so that the officers' console mounts on
the same application. The kernel says who calls (`peer`): an officer sees reasons and decides; a kiosk's window
starts, skips and cancels, and receives only codes that a traveller may read (`views`). Until officers sign in by
themselves, the officer's name is the caller's word and is recorded as such.

    GET  /v1/capabilities                what this agent can do
    GET  /v1/state                       line, entries not yet acknowledged, lists, clock, devices, memory
    GET  /v1/inspections                 inspections in progress or waiting for their officer
    POST /v1/inspections                 start one: {direction, purpose, group, accompanied}
    GET  /v1/inspections/{id}            its snapshot
    GET  /v1/inspections/{id}/events     a stream that begins with a snapshot
    POST /v1/inspections/{id}/skip       {step}
    POST /v1/inspections/{id}/cancel
    POST /v1/inspections/{id}/decision   {decision, officer, reason}: answered after the durable commit
    GET  /v1/journal/verify              the whole chain computed again

Errors are `{"error": code, "where": …, "detail": …, "words": {"fr": …, "en": …}}` with an HTTP status. A kiosk gets
no place or detail but those of its own request: they may name another traveller's inspection.
"""
