"""Certificates of an authority of a test's own."""

from pathlib import Path

import trustme


class Certificates:
    """An authority, a certificate of its for 127.0.0.1, and another authority that signed nothing.

    Attributes:
        ca: the authority's certificate, a PEM file; likewise the following.
        cert: the server's certificate chain.
        key: its private key, of mode 0600.
        other_ca: the stranger's.
    """

    def __init__(self, folder: Path, **options) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost", **options)
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        authority.cert_pem.write_to_path(self.ca)
        stranger.cert_pem.write_to_path(self.other_ca)
        for position, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(self.cert, append=position > 0)
        issued.private_key_pem.write_to_path(self.key)
        self.key.chmod(0o600)

    def served_by(self, *processes: str) -> dict[str, str]:
        """The variables by which these processes (`ML_API`...) serve HTTPS."""
        return {
            f"SIGHTGLASS_{process}_TLS_{kind}_FILE": str(path)
            for process in processes
            for kind, path in (("CERT", self.cert), ("KEY", self.key))
        }
