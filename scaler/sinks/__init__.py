"""Sinks: where events about objects are sent as CloudEvents (CloudEventSource, KEDA behaviour 2.3). They hear of each
event when it happens and never make anybody wait: that one is slow or dead is its own source's trouble. Which sources
there are, and what becomes of their conditions, is an adapter's business."""
