"""Checks that certificates are trusted, and hold for a while."""

import socket
import ssl
import time
from urllib.parse import urlsplit

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import Reach

_SOON_DAYS = 21
_DAY_SECONDS = 86_400
_TIMEOUT_SECONDS = 5.0


def check_certificates(reach: Reach, now: float | None = None) -> Check:
    """Every https URL shows a certificate that is trusted and does not end soon."""
    urls = {name: url for name, url in reach.urls.items() if url.startswith("https:")}
    if not urls:
        return Check("certificates", Verdict.SKIPPED, "no part is reached by https")
    left: dict[str, float] = {}
    for name, url in urls.items():
        try:
            left[name] = (_end(url, reach.trusted()) - (time.time() if now is None else now)) / _DAY_SECONDS
        except (OSError, ValueError) as error:
            return Check(
                "certificates",
                Verdict.FAILED,
                f"{name}, {url}: {getattr(error, 'verify_message', '') or error}",
                "Renew its certificate (SIGHTGLASS_<PROCESS>_TLS_CERT_FILE, then restart it), or name the "
                "authority that "
                "signed it with SIGHTGLASS_TLS_CA_FILE.",
            )
    name, days = min(left.items(), key=lambda each: each[1])
    found = f"{len(left)} trusted; the first to end is {name}'s, in {days:.0f} days"
    if days < _SOON_DAYS:
        return Check("certificates", Verdict.WARNING, found, "Renew it, then restart that process.")
    return Check("certificates", Verdict.OK, found)


def _end(url: str, trusted: ssl.SSLContext) -> float:
    """When the certificate of a server ends (epoch seconds)."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    with (
        socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS) as plain,
        trusted.wrap_socket(plain, server_hostname=host) as connection,
    ):
        shown = connection.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))
