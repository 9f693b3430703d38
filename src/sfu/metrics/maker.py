"""Who made a device, from what it says of itself: few words, so that the series stay few."""

MAKERS = (
    "polycom", "poly", "tandberg", "cisco", "lifesize", "huawei", "yealink", "aver", "sony",
    "grandstream", "linphone", "baresip", "asterisk", "freeswitch", "firefox", "chrom", "safari",
)  # fmt: skip
"""As they stand in User-Agents, the more telling first: a browser names others behind itself."""
NAMES = {"poly": "polycom", "chrom": "chromium"}
OTHER = "other"


def maker_of(model: str) -> str:
    """Return the maker's name, `other` for any we do not know."""
    words = model.lower()
    found = next((name for name in MAKERS if name in words), OTHER)
    return NAMES.get(found, found)


EVERY_MAKER = (*dict.fromkeys(NAMES.get(name, name) for name in MAKERS), OTHER)
