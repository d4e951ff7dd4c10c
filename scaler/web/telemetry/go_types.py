"""What KEDA calls a trigger that has no name of its own: its scaler's Go type. Dashboards filter by it."""

IRREGULAR = {
    "activemq": "activeMQ",
    "arangodb": "arangoDB",
    "artemis-queue": "artemis",
    "aws-dynamodb": "awsDynamoDB",
    "aws-dynamodb-streams": "awsDynamoDBStreams",
    "azure-eventhub": "azureEventHub",
    "azure-servicebus": "azureServiceBus",
    "couchdb": "couchDB",
    "cpu": "cpuMemory",
    "gcp-cloudtasks": "gcpCloudTasks",
    "gcp-pubsub": "pubsub",
    "gcp-stackdriver": "stackdriver",
    "gcp-storage": "gcs",
    "influxdb": "influxDB",
    "memory": "cpuMemory",
    "metrics-api": "metricsAPI",
    "mongodb": "mongoDB",
    "mysql": "mySQL",
    "nats-jetstream": "natsJetStream",
    "new-relic": "newrelic",
    "postgresql": "postgreSQL",
    "rabbitmq": "rabbitMQ",
    "redis-cluster": "redis",
    "redis-cluster-streams": "redisStreams",
    "redis-sentinel": "redis",
    "redis-sentinel-streams": "redisStreams",
    "solace-event-queue": "Solace",
}
"""Where it is not the trigger's type in camel case; `Scaler` follows."""


def go_type(type_: str) -> str:
    first, *others = type_.split("-")
    return IRREGULAR.get(type_, first + "".join(word.capitalize() for word in others)) + "Scaler"
