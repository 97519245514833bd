"""The local API: what the officers' console and the kiosk's window speak with the agent.

HTTP with server-sent events over a Unix socket (Starlette on uvicorn), so that the officers' console mounts on
the same application. The kernel says who calls (`peer`): an officer sees reasons and decides; a kiosk's window
starts, skips and cancels, and receives only codes that a traveller may read (`views`). Until officers sign in by
themselves, the officer's name is the caller's word and is recorded as such.

    GET  /v1/capabilities                what this agent can do
    GET  /v1/state                       line, entries not yet acknowledged, lists, clock, devices, memory, window
    GET  /v1/inspections                 inspections in progress or waiting for an officer; ?slip= the one of a slip
    POST /v1/inspections                 start one: {direction, purpose, group, accompanied}
    GET  /v1/inspections/{id}            its snapshot
    GET  /v1/inspections/{id}/events     a stream that begins with a snapshot
    POST /v1/inspections/{id}/skip       {step}
    POST /v1/inspections/{id}/chip       read the document's chip, or read it again; for officers
    POST /v1/inspections/{id}/answers    {key, value}: a traveller's answer to a question of the policy
    GET  /v1/inspections/{id}/preview    raw frames of the face camera, while its step is the face (`frames`)
    POST /v1/inspections/{id}/cancel
    POST /v1/inspections/{id}/decision   {decision, officer, reason}: answered after the durable commit
    GET  /v1/journal/verify              the whole chain computed again
    POST /v1/inspections/{id}/slip       ?width=&height=, rows of dots: printed and cut, three times at most
    GET  /v1/kiosk                       what a kiosk's window needs to know of the device
    POST /v1/kiosk/alive                 {screen, frames, memory_bytes}: the window's sign of life; answers the same
    POST /v1/calls                       {inspection}: a traveller calls an officer; the open call, where there is one
    POST /v1/calls/{id}/withdraw         and needs nobody any more
    GET  /v1/calls                       open calls, for officers
    GET  /v1/calls/events                the same as a stream
    POST /v1/calls/{id}/answer           {officer}: somebody is on the way
    POST /v1/calls/{id}/end              {officer}
    POST /v1/staff/sign-in               {number, code}: staff at the kiosk; a token for the header X-Borne-Staff
    POST /v1/staff/sign-out
    GET  /v1/maintenance                 how device and machine are; a token, or an officer's right
    POST /v1/maintenance/test            {device}: a device really tried out
    POST /v1/maintenance/reboot          the configured command

Errors are `{"error": code, "where": …, "detail": …, "words": {"fr": …, "en": …}}` with an HTTP status. A kiosk gets
no place or detail but those of its own request: they may name another traveller's inspection.
"""
