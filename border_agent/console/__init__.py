"""The officers' console: HTML pages that the agent serves itself, by HTTPS, on the post's network.

    console = Console(agent)                    the pages of a running agent
    server = ConsoleServer(console, config)     on the address of [console]

app        what pages stand on              server, patience   TLS; browsers that keep one waiting
armour     hosts, sizes, rates, headers     guard, tokens      sessions, roles, forms, errors in words
rendering  templates into pages             visit, whence      who asks; which page is open
live       what keeps up to date by itself  bar                the device, as every page shows it
menu       which pages whom                 forms, messages    what comes in; what is said once
assets     what browsers load               pages/             one module a page, with `routes(console)`

One cookie, no inline script or style, nothing from another host. Every page works without scripts; with them it keeps
itself up to date, and says so when it cannot.
"""

from border_agent.console.app import Console
from border_agent.console.errors import ConsoleUnusable
from border_agent.console.server import ConsoleServer

__all__ = ["Console", "ConsoleServer", "ConsoleUnusable"]
