"""Stabilization windows as monotone queues: of all advice within a window only the highest (or lowest) counts, so what
a later one outdoes is dropped for good. The result equals the HPA's list of every recommendation (contract 2.5), and a
queue is never longer than the distinct advices in it."""

from scaler.core.model import Advice

Queue = tuple[Advice, ...]


def fresh(queue: Queue, window: float, now: float, *, inclusive: bool = False) -> Queue:
    """Without what is too old. Behavior drops a record exactly as old as its window, the algorithm without behavior
    (`inclusive`) keeps it. The end is computed as it is told (`Note.until`), so who comes back then is not early."""
    old = 0
    for advice in queue:
        end = advice.at + window
        if end > now or (inclusive and end == now):
            break
        old += 1
    return queue[old:] if old else queue


def pushed_high(queue: Queue, advice: Advice) -> Queue:
    """With one more, for the highest: what is not above it can no longer win."""
    end = len(queue)
    while end and queue[end - 1].replicas <= advice.replicas:
        end -= 1
    return (*queue[:end], advice)


def pushed_low(queue: Queue, advice: Advice) -> Queue:
    """With one more, for the lowest: what is not below it can no longer win."""
    end = len(queue)
    while end and queue[end - 1].replicas >= advice.replicas:
        end -= 1
    return (*queue[:end], advice)
