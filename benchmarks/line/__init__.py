"""Meetings behind 2 Mbit/s lines: ours beside peers, a mesh and Janus, on one scene.

    scripts/bench line                              everybody in turn, one run each
    scripts/bench line --systems ours --runs 3      one system
    scripts/bench line --variant capacity           what a line carries, reckoned and measured
    scripts/bench line --help

::

    scene    what happens when, as data            lab      namespaces and emulated lines
    camera, voice   what is filmed and said        site     a Chromium behind a line
    systems  who is measured                       run      plays a scene, returns a record
    series   a record by stream and line           figures  the figures of a record
    judge    the bounds                            table, plot   what is printed and drawn
    capacity what fits, reckoned and measured      page     puts it into docs/performance.md

It needs root, Debian's chromium and, for their systems, janus, baresip and iperf3.
"""
