"""Who may hold how many connections, and who yields when all of them are taken."""

from sfu.shell.crowd import Crowd, Held


class Room:
    """A door with place for four."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.crowd = Crowd(4, lambda: self.held.values())

    def come(self, name: str, host: str, at: float = 0.0, each: int = 3) -> bool:
        if not self.crowd.reserve(host, each):
            return False

        def abort() -> None:
            del self.held[name]
            self.crowd.release(host)

        self.held[name] = Held(host, at, abort)
        return True


def test_an_address_holds_so_many_and_an_ipv6_network_is_one():
    room = Room()
    assert [room.come(str(n), f"2001:db8::{n}") for n in range(4)] == [True] * 3 + [False]
    assert room.come("other", "2001:db8:1::1")


def test_who_holds_most_loses_its_idlest_where_the_door_is_full():
    room = Room()
    for name, at in (("first", 5.0), ("idle", 1.0), ("third", 9.0)):
        assert room.come(name, "203.0.113.9", at)
    assert room.come("guest", "203.0.113.1", 0.5)
    assert room.come("newcomer", "203.0.113.2")
    assert sorted(room.held) == ["first", "guest", "newcomer", "third"]
    assert len(room.crowd) == 4


def test_who_holds_most_itself_takes_nobodys_place_and_no_one_who_is_needed_yields():
    room = Room()
    for number in range(4):
        assert room.come(str(number), f"203.0.113.{number}")
    assert not room.come("again", "203.0.113.0")
    room.held.clear()  # all have a call now
    assert not room.come("newcomer", "203.0.113.9")
