from sfu.app.oidc import vouching
from sfu.config import Oidc


def test_where_no_issuer_is_named_nobody_vouches():
    assert vouching(Oidc()) is None
    assert vouching(Oidc(issuer="https://id.example", client_id="sfu")) is not None
