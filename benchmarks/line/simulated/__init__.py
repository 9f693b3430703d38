"""A browser without a browser: what a machine of two cores takes instead of a third Chromium.

    python -m benchmarks.line.simulated SITE FOLDER

::

    film     a camera's picture as VP8 of three sizes, a voice as Opus: coded once, kept
    camera   layers that obey `send`: each picture is filled up to the rate asked for
    ears     what arrives: pictures whole, sounds in time, all packets for transport-cc
    client   WebSocket, offer, ICE, DTLS (aiortc's), RTP both ways

It decodes nothing and its encoder never overshoots; all else is on the line as a browser's is.
"""
