"""A picture now and then: the sink is opened for a moment, and carries a key frame."""

from sfu.model import SinkId

EACH_S = 8.0
SHOWN_S = 1.2
"""Long enough for a key frame to be asked for, to come and to be paced out."""


class Stills:
    """When each sink that has a still is open."""

    def __init__(self) -> None:
        """Open none."""
        self._since: dict[SinkId, float] = {}

    def shown(self, sink: SinkId, now: float) -> bool:
        """Tell whether a sink carries its picture now."""
        since = self._since.get(sink)
        if since is None or now - since >= EACH_S:
            self._since[sink] = since = now
        return now - since < SHOWN_S

    def forget(self, sink: SinkId) -> None:
        """Drop a sink that has a moving picture, or is gone."""
        self._since.pop(sink, None)
