"""/metrics: what the board says when it is asked, under KEDA's names, types and labels (KEDA behaviour 5.3), and what
KEDA has no name for under `event_scaler_…`. Nothing is counted here: a count is kept by the thing that is counted.

`page` is the page, `collector` puts the rooms together: `triggers` and `objects` read the board, `traffic` what was
asked over HTTP, `counts` what others have counted, `build` says what runs. The same collector is what OpenTelemetry
pushes (`scaler.telemetry`)."""

from scaler.web.telemetry.collector import BoardCollector, Told
from scaler.web.telemetry.page import routes

__all__ = ["BoardCollector", "Told", "routes"]
