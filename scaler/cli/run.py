"""`scaler run`: the daemon. Only flags are read here; what they start is `scaler.daemon`'s business."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    standalone: Annotated[
        Path | None,
        typer.Option("--standalone", metavar="DIR", help="Scale local processes, from a folder of manifests."),
    ] = None,
    listen: Annotated[str | None, typer.Option(help="Address of /healthz, /readyz and /metrics.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.")] = None,
    metric_max_age: Annotated[str | None, typer.Option(help="How old a reading may be for a metric request.")] = None,
    reload: Annotated[str | None, typer.Option(help="How often the folder is looked at.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    from scaler import daemon, logs, settings
    from scaler.errors import ManifestError

    flags = {
        "listen": listen,
        "logLevel": log_level,
        "logFormat": log_format,
        "metricMaxAge": metric_max_age,
        "reload": reload,
    }
    given = settings.read(flags, config)
    if standalone is None:
        raise ManifestError({"--standalone": "is required: this version runs on a folder of manifests only"})
    if not standalone.is_dir():
        raise ManifestError({"--standalone": f"{standalone} is not a folder"})
    logs.configure(given.log_level, given.log_format)
    daemon.run_standalone(standalone, given)
