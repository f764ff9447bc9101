"""Counts and times of the endpoint, in Prometheus' text format."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class _Lost(Collector):
    """A Prometheus counter that reads its value from the log writer at each scrape."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterable[Metric]:
        """The rows that were answered and never logged."""
        yield CounterMetricFamily("cxr_log_rows_lost", "Rows that the scoring log never got", value=self._count())


class Metrics:
    """The endpoint's counters and histograms, in a registry of their own."""

    def __init__(self, waiting: Callable[[], int], unwritten: Callable[[], int], lost: Callable[[], int]) -> None:
        """`waiting`: images with the processes; `unwritten`: rows not yet in the log; `lost`: that never will be."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "cxr_requests", "Requests by path and status", ["path", "status"], registry=self.registry
        )
        self.images = Counter(
            "cxr_images", "Images by outcome: scored, or the reason why not", ["outcome"], registry=self.registry
        )
        self.seconds = Histogram(
            "cxr_request_seconds",
            "Time from a request's head to its answer, POST /score",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.model = Gauge(
            "cxr_model_info", "1 for the model that answered last", ["model", "version"], registry=self.registry
        )
        Gauge("cxr_images_waiting", "Images waiting or at work", registry=self.registry).set_function(waiting)
        Gauge("cxr_log_rows_waiting", "Rows not yet in the scoring log", registry=self.registry).set_function(unwritten)
        self.registry.register(_Lost(lost))

    def answered(self, model: str, version: str) -> None:
        """Set the gauge of the model in use to the one that answered last."""
        self.model.clear()
        self.model.labels(model, version).set(1)

    def text(self) -> bytes:
        """All of it, as it is scraped."""
        return generate_latest(self.registry)
