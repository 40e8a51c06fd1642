"""What `/metrics` tells: counts and durations, nothing about any picture."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from mien.server.readers import Readers
from mien.server.video_jobs import VideoJobs

__all__ = ["CONTENT_TYPE_PLAIN_0_0_4", "Metrics"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counters of one service.

    Args:
        readers: Whose queue and replaced processes are shown.
        video_jobs: Whose queue is shown.
    """

    def __init__(self, readers: Readers, video_jobs: VideoJobs) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "mien_requests", "Answers by route.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "mien_request_seconds", "From request to the end of its answer.", ["route"], registry=self._registry
        )
        waiting = Gauge("mien_photos_waiting", "Photos in the queue.", registry=self._registry)
        waiting.set_function(lambda: readers.waiting)
        videos = Gauge("mien_videos_waiting", "Videos in the queue.", registry=self._registry)
        videos.set_function(lambda: video_jobs.waiting)
        replaced = Gauge("mien_readers_replaced", "Reading processes that had to be replaced.", registry=self._registry)
        replaced.set_function(lambda: readers.replaced)
        self.live_sockets = Gauge("mien_live_sockets", "Live sockets that are open.", registry=self._registry)
        self.frames = Counter("mien_live_frames", "Frames read on live sockets.", registry=self._registry)

    def observe(self, *, method: str, route: str, status: int, spent_s: float) -> None:
        """Count one answer."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(spent_s)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
