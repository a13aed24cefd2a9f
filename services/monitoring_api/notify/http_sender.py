"""Outgoing HTTP that can't be turned against the inside of a network.

A host is resolved once, every address is judged, and the connection goes to a judged address: a second DNS answer
can't redirect it. Redirects and proxies of the environment are not followed. The transport is used without httpx's
client because that logs whole URLs, and a webhook's URL is a secret.
"""

import asyncio
import email.utils
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import httpx
from pydantic import SecretStr

from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.resolver import Address, Allowed, Resolve, refusal

MAXIMUM_ANSWER_BYTES = 65_536
SHOWN_ANSWER_CHARACTERS = 200
_SCHEMES = {"http": 80, "https": 443}
_HIGHEST_PORT = 65_535
_TOO_MANY = 429
_TIMEOUT = 408
_REMEDY_SILENT = "check that it runs, and that no firewall stands between"
_REMEDY_CERTIFICATE = "its certificate must be for that host, from an authority trusted here (SSL_CERT_FILE)"
_REMEDIES = {
    400: "the receiver does not understand the message: check that the channel's type is right for that URL",
    401: "check the token or key, and that its variable or file is read by this process",
    403: "check the token or key, and that it may write there",
    404: "check the URL: the receiver does not know it, or it was revoked",
    405: "check the URL: the receiver takes no POST there",
    410: "the URL was revoked: make a new one",
    429: "the receiver asks for fewer messages; they are sent later",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered, its body cut off."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class HttpSender:
    """POSTs to one receiver.

    Args:
        resolve: Host names to addresses.
        timeout_seconds: For the whole exchange, name resolution included.
        allow_private: Whether private and loopback addresses may be called.
        allowed: Internal targets that may be called also without that.
    """

    resolve: Resolve
    timeout_seconds: float
    allow_private: bool
    allowed: Allowed = field(default_factory=Allowed)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def post(self, url: SecretStr, body: bytes, headers: Mapping[str, str], *, now: float) -> Answer:
        """POST a body and return the answer when it is a success.

        Raises:
            DeliveryFailedError: In every other case; the text names the host, never the rest of the URL.
        """

        async def exchange(target: httpx.URL, addresses: list[Address]) -> Answer:
            return await self._first_reachable(target, addresses, body, headers)

        target = parse_target(url)
        return _judge(await self._within(target, exchange), _shown(target), now)

    async def reach(self, url: SecretStr) -> str:
        """Connect without asking anything, with TLS where the URL says so, and say to whom.

        Raises:
            DeliveryFailedError: When nobody answers there, or the certificate is another's.
        """

        async def connect(target: httpx.URL, addresses: list[Address]) -> None:
            for address in addresses[:-1]:
                try:
                    return await self._connect(target, address)
                except OSError:
                    continue
            return await self._connect(target, addresses[-1])

        target = parse_target(url)
        await self._within(target, connect)
        return f"{_shown(target)} answers{' over TLS' if target.scheme == 'https' else ''}"

    async def _connect(self, target: httpx.URL, address: Address) -> None:
        secure = target.scheme == "https"
        _, writer = await asyncio.open_connection(
            str(address),
            _port(target),
            ssl=self._tls if secure else None,
            server_hostname=target.raw_host.decode("ascii") if secure else None,
        )
        writer.close()

    async def _within(self, target: httpx.URL, exchange: Callable[[httpx.URL, list[Address]], Awaitable[T]]) -> T:
        """Do something with a judged target before the time is over, its errors in words."""
        shown = _shown(target)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await exchange(target, await self._judged(target, shown))
        except TimeoutError:
            raise DeliveryFailedError(
                f"{shown} did not answer within {self.timeout_seconds:g} seconds", remedy=_REMEDY_SILENT
            ) from None
        except (httpx.HTTPError, OSError, ssl.SSLError) as error:
            cause = _cause(error)
            remedy = _REMEDY_CERTIFICATE if "certificate" in cause.lower() else _REMEDY_SILENT
            raise DeliveryFailedError(f"{shown}: {cause}", remedy=remedy) from None

    async def _judged(self, target: httpx.URL, shown: str) -> list[Address]:
        try:
            addresses = await self.resolve(target.host, _port(target))
        except (OSError, UnicodeError) as error:
            raise DeliveryFailedError(
                f"{shown}: the host name can't be resolved ({error})", remedy="check the host's spelling and DNS"
            ) from None
        for address in addresses:
            private = self.allow_private or self.allowed.admit(target.host, address)
            if reason := refusal(address, allow_private=private):
                raise DeliveryFailedError(f"{shown} is not called: {reason}", permanent=True)
        if not addresses:
            raise DeliveryFailedError(f"{shown}: the host name has no address")
        return list(addresses)

    async def _first_reachable(
        self, target: httpx.URL, addresses: list[Address], body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        for address in addresses[:-1]:
            try:
                return await self._exchange(target, address, body, headers)
            except httpx.ConnectError:
                continue
        return await self._exchange(target, addresses[-1], body, headers)

    async def _exchange(self, target: httpx.URL, address: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
        timeout = httpx.Timeout(self.timeout_seconds).as_dict()
        request = httpx.Request(
            "POST",
            target.copy_with(host=str(address)),
            headers={**headers, "Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            content=body,
            # The certificate must be the host's, whatever address was dialled.
            extensions={"timeout": timeout, "sni_hostname": target.raw_host.decode("ascii")},
        )
        verify = self._tls if target.scheme == "https" else False
        async with httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            received = b""
            async for chunk in response.aiter_raw():
                received += chunk
                if len(received) >= MAXIMUM_ANSWER_BYTES:
                    break
            await response.aclose()
        text = received[:MAXIMUM_ANSWER_BYTES].decode("utf-8", "replace")
        return Answer(response.status_code, response.headers, text)


def parse_target(url: SecretStr) -> httpx.URL:
    """A URL that may be called, by its form.

    Raises:
        DeliveryFailedError: When it is none.
    """
    try:
        target = httpx.URL(url.get_secret_value().strip())
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise DeliveryFailedError("the URL is not valid", permanent=True) from None
    if target.scheme not in _SCHEMES:
        raise DeliveryFailedError("the URL must begin with https:// or http://", permanent=True)
    if not target.host:
        raise DeliveryFailedError("the URL names no host", permanent=True)
    if target.port is not None and not 0 < target.port <= _HIGHEST_PORT:
        raise DeliveryFailedError("the URL's port is not a port", permanent=True)
    if target.userinfo:
        raise DeliveryFailedError("the URL holds a user name or password: use token_env instead", permanent=True)
    return target


def _port(target: httpx.URL) -> int:
    return target.port or _SCHEMES[target.scheme]


def _shown(target: httpx.URL) -> str:
    """The host and port: the rest of a URL may be secret."""
    return f"{target.host}:{_port(target)}"


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as a date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError):
        return None


def _judge(answer: Answer, shown: str, now: float) -> Answer:
    if httpx.codes.is_success(answer.status):
        return answer
    said = " ".join(answer.text.split())[:SHOWN_ANSWER_CHARACTERS]
    message = f"{shown} answered {answer.status}" + (f": {said}" if said else "")
    if httpx.codes.is_redirect(answer.status):
        raise DeliveryFailedError(
            f"{shown} answered {answer.status}; redirects are not followed",
            permanent=True,
            remedy="name the URL that it leads to",
        )
    retryable = answer.status in {_TOO_MANY, _TIMEOUT} or httpx.codes.is_server_error(answer.status)
    raise DeliveryFailedError(
        message,
        retry_after_seconds=parse_retry_after(answer.headers.get("retry-after"), now),
        permanent=not retryable,
        remedy=_REMEDIES.get(answer.status, ""),
    )


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
