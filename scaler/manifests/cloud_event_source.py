"""CloudEventSource's spec as declared classes (KEDA behaviour 2.3): where events of scaled objects are sent, and which.
Sending stands in `sinks`."""

from collections.abc import Iterator
from enum import StrEnum

from yarl import URL

from scaler.declare import Resource, Rule, param
from scaler.manifests.scaled_object import AuthenticationRef


class EventType(StrEnum):
    """What an event is about, as CloudEvents' `type`."""

    SCALED_OBJECT_READY = "keda.scaledobject.ready.v1"
    SCALED_OBJECT_FAILED = "keda.scaledobject.failed.v1"
    SCALED_OBJECT_REMOVED = "keda.scaledobject.removed.v1"
    SCALED_OBJECT_PAUSED = "keda.scaledobject.paused.v1"
    SCALED_OBJECT_UNPAUSED = "keda.scaledobject.unpaused.v1"
    SCALED_JOB_READY = "keda.scaledjob.ready.v1"
    SCALED_JOB_FAILED = "keda.scaledjob.failed.v1"
    SCALED_JOB_REMOVED = "keda.scaledjob.removed.v1"
    SCALED_JOB_PAUSED = "keda.scaledjob.paused.v1"
    SCALED_JOB_UNPAUSED = "keda.scaledjob.unpaused.v1"
    ROLLOUT_CLEANUP_STARTED = "keda.scaledjob.rolloutcleanup.started.v1"
    ROLLOUT_CLEANUP_COMPLETED = "keda.scaledjob.rolloutcleanup.completed.v1"
    ROLLOUT_CLEANUP_FAILED = "keda.scaledjob.rolloutcleanup.failed.v1"
    AUTHENTICATION_CREATED = "keda.authentication.triggerauthentication.created.v1"
    AUTHENTICATION_UPDATED = "keda.authentication.triggerauthentication.updated.v1"
    AUTHENTICATION_REMOVED = "keda.authentication.triggerauthentication.removed.v1"
    CLUSTER_AUTHENTICATION_CREATED = "keda.authentication.clustertriggerauthentication.created.v1"
    CLUSTER_AUTHENTICATION_UPDATED = "keda.authentication.clustertriggerauthentication.updated.v1"
    CLUSTER_AUTHENTICATION_REMOVED = "keda.authentication.clustertriggerauthentication.removed.v1"


class HttpDestination(Resource):
    """Events as HTTP requests."""

    uri: str = param("Where they are posted.")


class AzureEventGridTopic(Resource):
    """Events to a topic of Azure Event Grid."""

    endpoint: str = param("URL of the topic.")


class Destination(Resource):
    """Where events are sent; `http` where both are given."""

    http: HttpDestination | None = param("A server that takes CloudEvents.", default=None)
    azure_event_grid_topic: AzureEventGridTopic | None = param("A topic of Azure Event Grid.", default=None)

    def check(self) -> Iterator[tuple[str, str]]:
        """What is not used does not matter."""
        if self.http is not None:
            if not _is_address(self.http.uri):
                yield "http.uri", "must be an http or https URL"
        elif self.azure_event_grid_topic is not None and not _is_address(self.azure_event_grid_topic.endpoint):
            yield "azureEventGridTopic.endpoint", "must be an http or https URL"


class EventSubscription(Resource):
    """Which events are sent; all of them where nothing is said."""

    rules = (
        Rule(
            "!has(self.includedEventTypes) || size(self.includedEventTypes) == 0 || "
            "!has(self.excludedEventTypes) || size(self.excludedEventTypes) == 0",
            "includedEventTypes and excludedEventTypes must not be given together",
        ),
    )

    included_event_types: tuple[EventType, ...] = param("Only these.", default=())
    excluded_event_types: tuple[EventType, ...] = param("All but these.", default=())

    def check(self) -> Iterator[tuple[str, str]]:
        if self.included_event_types and self.excluded_event_types:
            yield "excludedEventTypes", "must not be given together with includedEventTypes"


class CloudEventSourceSpec(Resource):
    """`spec` of a CloudEventSource or ClusterCloudEventSource."""

    destination: Destination = param("Where events are sent.")
    cluster_name: str = param("The cluster's name in the events' source.", default="")
    authentication_ref: AuthenticationRef | None = param("Credentials for Azure Event Grid.", default=None)
    event_subscription: EventSubscription | None = param("Which events are sent.", default=None)

    def check(self) -> Iterator[tuple[str, str]]:
        for name, problem in self.destination.check():
            yield f"destination.{name}", problem
        for name, problem in self.event_subscription.check() if self.event_subscription else ():
            yield f"eventSubscription.{name}", problem


def _is_address(text: str) -> bool:
    """Whether it is a URL with a host; one in IDNA that cannot be decoded (`xn--a`) fails only when it is asked for."""
    try:
        url = URL(text.strip())
        return url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        return False
