"""All that one reference engine holds, by id."""

from dataclasses import dataclass, field

from sfu.media.engine.line import LineState
from sfu.media.engine.sink import SinkState
from sfu.media.engine.source import SourceState
from sfu.media.engine.transport import TransportState
from sfu.model import LineId, SinkId, SourceId, TransportId


@dataclass(slots=True)
class Tables:
    """Lines, transports, sources and sinks."""

    lines: dict[LineId, LineState] = field(default_factory=dict)
    transports: dict[TransportId, TransportState] = field(default_factory=dict)
    sources: dict[SourceId, SourceState] = field(default_factory=dict)
    sinks: dict[SinkId, SinkState] = field(default_factory=dict)
