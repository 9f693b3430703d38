"""What was refused is counted each time, and told of now and then."""

from sfu.signalling.sip.blame import MAX_TOLD, TOLD_AT_ONCE, TOLD_EVERY_S, Abuse, Blame, Reason

HOST = "203.0.113.9"


def test_who_goes_on_is_told_of_once_in_ten_seconds_with_a_count():
    blame = Blame()
    for tenth in range(101):
        blame.refuse(HOST, Reason.SLOW, tenth / 10)
    assert list(blame.poll()) == [Abuse(HOST, Reason.SLOW, 1), Abuse(HOST, Reason.SLOW, 100)]
    assert blame.refused[Reason.SLOW] == 101


def test_each_reason_of_an_address_is_told_of_by_itself():
    blame = Blame()
    blame.refuse(HOST, Reason.SLOW, 0.0)
    blame.refuse(HOST, Reason.HANDSHAKES, 0.0)
    assert [one.reason for one in blame.poll()] == [Reason.SLOW, Reason.HANDSHAKES]


def test_what_nobody_is_to_blame_for_names_nobody():
    blame = Blame()
    blame.refuse(HOST, Reason.BACKLOG, 0.0)
    blame.refuse("203.0.113.1", Reason.BACKLOG, TOLD_EVERY_S - 1)
    assert list(blame.poll()) == [Abuse("", Reason.BACKLOG, 1)]


def test_a_flood_of_addresses_fills_neither_log_nor_memory():
    blame = Blame()
    for number in range(MAX_TOLD + 100):
        blame.refuse(f"10.0.{number >> 8}.{number & 255}", Reason.SLOW, 0.0)
    assert len(list(blame.poll())) == TOLD_AT_ONCE
    assert blame.refused[Reason.SLOW] == MAX_TOLD + 100
