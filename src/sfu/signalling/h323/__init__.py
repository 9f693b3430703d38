"""H.323: TPKT and Q.931 around H.225.0, H.245, RAS; the ASN.1 behind `per`."""
