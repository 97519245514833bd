"""Templates into pages. Every value is escaped, every name must be there, no style or script is inline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from border_agent.agent.officers.values import Theme
from border_agent.config import Config
from border_agent.console.assets import Assets
from border_agent.console.menu import MENU
from border_agent.console.messages import Message, Messages
from border_agent.console.visit import Visit
from border_agent.words import format_date, format_moment, format_number, format_time, has, languages, text

TEMPLATES: Final = Path(__file__).parent / "templates"
SECRET: Final = {"Content-Encoding": "identity"}
"""Keeps a page out of compression: its length tells nothing about what is in it."""


class Rendering:
    """The templates of one console."""

    def __init__(self, config: Config, assets: Assets, messages: Messages, folder: Path = TEMPLATES) -> None:
        self._messages = messages
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals = {
            "static": assets.url,
            "icon": _Icons(assets),
            "device": config.device,
            "languages": languages(),
            "themes": tuple(Theme),
        }

    def page(
        self,
        visit: Visit,
        template: str,
        /,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page or a fragment as an answer. A page also says what has been waiting to be said."""
        waiting: tuple[Message, ...] = ()
        if visit.session is not None and not template.startswith("_"):
            waiting = self._messages.take(visit.session.key)
        return HTMLResponse(self.text(visit, template, messages=waiting, **values), status, dict(headers or {}))

    def text(self, visit: Visit, template: str, /, **values: Any) -> str:
        """A page or a fragment as text."""
        return self._environment.get_template(template).render({**self._around(visit), **values})

    def _around(self, visit: Visit) -> dict[str, Any]:
        language = visit.language

        def t(key: str, /, **params: object) -> str:
            return text(key, language, **params)

        def local(moment: datetime) -> datetime:
            return moment.astimezone()

        return {
            "visit": visit,
            "me": visit.session,
            "language": language,
            "theme": visit.theme,
            "csrf": visit.csrf,
            "menu": [entry for entry in MENU if visit.may(*entry.roles)],
            "path": visit.request.url.path,
            "bar": visit.bar,
            "calls": visit.calls,
            "t": t,
            "has": lambda key: has(key, language),
            "date": lambda day: format_date(local(day) if isinstance(day, datetime) else day, language),
            "time": lambda moment: format_time(local(moment), language),
            "moment": lambda moment: format_moment(local(moment), language),
            "number": lambda value, decimals=None: format_number(value, language, decimals=decimals),
            "iso": lambda moment: moment.isoformat(),
        }


class _Icons:
    def __init__(self, assets: Assets) -> None:
        self._url = assets.url("icons.svg")

    def __call__(self, name: str, css: str = "") -> Markup:
        """A drawing of the sprite file, beside words that say the same."""
        return Markup(
            '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>'
        ).format(css, self._url, name)
