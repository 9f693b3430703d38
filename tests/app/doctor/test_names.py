"""Names, by script."""

from sfu.app.doctor.finding import Level
from sfu.app.doctor.names import check_names
from sfu.config import Oidc, Settings, Tls
from sfu.config.elsewhere import Trunk
from sfu.config.running import Webhook

PUBLIC = "93.184.216.34"
BOOK = {
    "visio.example.org": [PUBLIC],
    "elsewhere.example.org": ["203.0.113.77"],
    "sip.example.org": ["203.0.113.7"],
    "id.example.org": ["203.0.113.8"],
}


def look_up(name):
    if name not in BOOK:
        raise OSError(-2, "Name or service not known")
    return BOOK[name]


def test_our_names_lead_here_and_those_we_need_are_known(tmp_path):
    settings = Settings(
        tls=Tls(names=("visio.example.org", "elsewhere.example.org", "gone.example.org", PUBLIC)),
        trunk=(Trunk(name="pbx", registrar="sip.example.org:5070", user="v"),),
        oidc=Oidc(issuer="https://id.example.org/realms/x"),
        webhook=(Webhook(name="w", url="https://lost.example.org/x", secret="x" * 16),),
    )
    said = [
        (one.said.en.partition(" ")[0], one.level)
        for one in check_names(settings, tmp_path / "none", [PUBLIC], look_up)
    ]
    assert said == [
        ("visio.example.org", Level.OK),
        ("elsewhere.example.org", Level.WRONG),
        ("gone.example.org", Level.WRONG),
        ("sip.example.org", Level.OK),
        ("id.example.org", Level.OK),
        ("lost.example.org", Level.WRONG),
    ]
