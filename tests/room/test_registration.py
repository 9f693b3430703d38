from sfu.model import Address, Protocol
from sfu.room.registration import MOST_ALIASES, MOST_CONTACTS, Contact, Registrations


def contact(uri: str = "sip:morez@192.0.2.21", expires_at: float = 100.0) -> Contact:
    return Contact(uri, Address("192.0.2.21", 5060), Protocol.SIP, expires_at)


def test_a_registered_unit_is_found_by_its_name_in_any_case():
    known = Registrations()
    known.put("Morez", contact())
    assert known.find("morez", 0) == (contact(),)


def test_a_binding_ends_when_it_expires_even_before_the_tick():
    known = Registrations()
    known.put("morez", contact(expires_at=100))
    assert known.deadline == 100
    assert known.find("morez", 100) == ()
    known.tick(100)
    assert len(known) == 0
    assert known.deadline is None


def test_a_renewal_replaces_and_the_newest_contact_comes_first():
    known = Registrations()
    known.put("morez", contact("sip:a", 50))
    known.put("morez", contact("sip:b", 60))
    known.put("morez", contact("sip:a", 70))
    assert [(c.uri, c.expires_at) for c in known.find("morez", 0)] == [("sip:a", 70), ("sip:b", 60)]


def test_one_contact_or_all_are_removed():
    known = Registrations()
    for uri in ("sip:a", "sip:b", "sip:c"):
        known.put("morez", contact(uri))
    known.remove("MOREZ", "sip:b")
    assert [c.uri for c in known.find("morez", 0)] == ["sip:c", "sip:a"]
    known.remove("morez")
    assert len(known) == 0
    known.remove("nobody", "sip:x")


def test_a_unit_pushes_out_its_own_oldest_and_never_anothers():
    known = Registrations()
    known.put("oyonnax", contact("sip:o"))
    for count in range(MOST_CONTACTS + 3):
        known.put("morez", contact(f"sip:{count}"))
    assert len(known.find("morez", 0)) == MOST_CONTACTS
    assert known.find("morez", 0)[-1].uri == "sip:3"
    assert known.find("oyonnax", 0)


def test_a_full_house_takes_no_new_name_but_renews_the_old():
    known = Registrations()
    for count in range(MOST_ALIASES):
        assert known.put(f"unit{count}", contact())
    assert not known.put("one more", contact())
    assert not known.has_place(["unit7", "one more"])
    assert known.has_place(["Unit7", "unit8"])
    assert known.put("unit7", contact(expires_at=200))


def test_who_registered_from_a_host_is_known_by_it_for_so_long():
    known = Registrations()
    known.put("morez", contact(expires_at=100))
    assert known.holds("192.0.2.21", 99)
    assert not known.holds("192.0.2.22", 99)
    assert not known.holds("192.0.2.21", 100)
