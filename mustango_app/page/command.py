"""The command `mustango serve`: its flags, and what is checked before a model is loaded. No gradio until it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mustango_app.engine import Mustango


def add_serve(commands: Any, add: Callable[..., argparse.ArgumentParser], load: Callable[..., Mustango]) -> Any:
    """Add the command; return its parser, to which the model's flags are to be added.

    Args:
        commands: the parser's subcommands.
        add: adds one: (commands, name, run, help) -> parser.
        load: the model that the parsed arguments ask for.
    """

    def run(arguments: argparse.Namespace) -> None:
        from mustango_app.page.loading import Loading
        from mustango_app.page.server import Serving, serve

        serving = Serving(arguments.host, arguments.port, arguments.rate, arguments.auth, arguments.mcp)
        serving.check()
        serve(Loading(lambda: load(arguments), arguments.model), serving)

    parser = add(commands, "serve", run, "open the page, and its HTTP API")
    parser.add_argument("--host", help="address to listen at (GRADIO_SERVER_NAME, else this machine only)")
    parser.add_argument("--port", type=_integer, help="port (GRADIO_SERVER_PORT, else 7860 or the next free one)")
    parser.add_argument(
        "--rate", type=_integer, metavar="N", help="requests a minute and client, 0 for any number (60, here any)"
    )
    parser.add_argument("--auth", metavar="FILE", help="who may enter: lines name:password (MUSTANGO_AUTH, else all)")
    parser.add_argument("--mcp", action="store_true", default=None, help="be a tool of language models, too")
    return parser


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an integer, got {text!r}") from None
