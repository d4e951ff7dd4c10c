"""`scaler scalers`: every trigger type that is to be had here, where it comes from, and what keeps one from working."""

import json
from dataclasses import asdict

from scaler import catalog
from scaler.cli import Output, OutputOption


def scalers(output: OutputOption = Output.TEXT) -> None:
    """List the trigger types: what is built in, and what plug-ins bring."""
    listings = catalog.types(imported=True)
    if output is Output.JSON:
        print(json.dumps([asdict(one) for one in listings], indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.text import Text

    width = max((len(one.type) for one in listings), default=0)
    origins = max((len(one.origin) for one in listings), default=0)
    console = Console(soft_wrap=True)
    for one in listings:
        line = Text.assemble((f"{one.type:<{width}}", "bold"), f"  {one.origin:<{origins}}  ", (one.problem, "red"))
        line.rstrip()
        console.print(line)
