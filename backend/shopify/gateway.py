"""The one door to a shop's Admin API."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Protocol

import httpx
import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from backend.core import http
from backend.core.errors import Corrupt, Refused, Unavailable

from . import budget, oauth, operations

log = structlog.get_logger(__name__)

# Patience of one call for its shop's bucket. A job that needs more is better put back into its queue.
LONGEST_WAIT_SECONDS: Final = 30.0
# Until an operation was seen once; the documented price of a mutation.
FIRST_COST: Final = 10.0
# Of the dear ones the price is known before: 25 products at 27 points, and 250 variants at 2.
FIRST_COSTS: Final[Mapping[str, float]] = {"products_by_ids": 675.0, "product_variants": 501.0}
ATTEMPTS: Final = 3


class TokenProvider(Protocol):
    """Where the client gets its token. Application-only tokens could take its place."""

    def current(self) -> str:
        """Return a token that should work."""

    def replace(self, refused: str) -> str:
        """Return another token than the one Shopify just refused."""


class AdminApiUnavailable(Unavailable):
    """The Admin API is down, slow, or its bucket is empty."""

    code = "shopify_unavailable"


class _Broken(AdminApiUnavailable):
    """One attempt failed in a way that the next may not."""


class ShopClosed(Refused):
    """The shop is frozen, locked or gone, or the app is no longer in it."""

    code = "shop_closed"
    status = 403


class AccessDenied(Refused):
    """The token lacks a scope, or an approval for protected customer data."""

    code = "access_denied"
    status = 403


class OperationRefused(Corrupt):
    """Shopify does not understand our operation: our mistake."""

    code = "operation_refused"


class UserErrors(Refused):
    """Shopify understood a mutation and declined it."""

    code = "shopify_declined"
    status = 422


class AdminClient:
    """
    Asks one shop's Admin API, within its budget.

    Safe to share between threads; holds no connection of its own.
    """

    def __init__(
        self, shop_domain: str, tokens: TokenProvider, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.shop_domain = shop_domain
        self._tokens = tokens
        self._sleep = sleep
        self._costs: dict[str, float] = {}

    def execute(
        self,
        operation_name: str,
        variables: dict[str, Any] | None = None,
        *,
        is_repeatable: bool = True,
    ) -> dict[str, Any]:
        """
        Run one operation of ``operations/`` and return its ``data``.

        Waits for the bucket, retries what is worth retrying and refreshes a
        refused token once. ``userErrors`` are the caller's to read; see
        :func:`refuse_user_errors`.

        :param is_repeatable: False for what must not be done twice: when no answer comes, Shopify
            may have heard it all the same, and the caller has to look before it asks again
        :raises AdminApiUnavailable: if Shopify is down or the wait would be too long
        :raises ShopClosed: if the shop is frozen, locked or gone
        :raises AccessDenied: if a scope or approval is missing
        :raises OperationRefused: if the operation itself is wrong
        """
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            self._wait_for_budget(operation_name, deadline)
            answer = self._post(operation_name, variables or {}, attempts=ATTEMPTS if is_repeatable else 1)
            self._observe(operation_name, answer)
            errors = answer.get("errors")
            if not errors:
                data: dict[str, Any] = answer["data"]
                return data
            if not _is_throttled(errors):
                raise _from_errors(errors, operation_name, self.shop_domain)
            self._wait(_throttled_seconds(answer), deadline)

    # Budget

    def _wait_for_budget(self, operation_name: str, deadline: float) -> None:
        cost = self._costs.get(operation_name) or FIRST_COSTS.get(operation_name, FIRST_COST)
        while (seconds := budget.reserve(self.shop_domain, cost)) > 0:
            self._wait(seconds, deadline)

    def _wait(self, seconds: float, deadline: float) -> None:
        if time.monotonic() + seconds > deadline:
            raise AdminApiUnavailable(
                f"The API budget of {self.shop_domain} is used up.", retry_after_seconds=seconds
            )
        self._sleep(seconds)

    def _observe(self, operation_name: str, answer: dict[str, Any]) -> None:
        status = budget.read_status(answer.get("extensions"))
        if status is None:
            return
        cost, bucket = status
        self._costs[operation_name] = cost or FIRST_COST
        budget.observe(self.shop_domain, bucket)

    # Transport

    def _post(self, operation_name: str, variables: dict[str, Any], *, attempts: int) -> dict[str, Any]:
        retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=wait_exponential_jitter(multiplier=0.5, max=4),
            retry=retry_if_exception_type(_Broken),
            sleep=self._sleep,
            reraise=True,
        )
        answer: dict[str, Any] = retrying(self._post_with_token, operation_name, variables)
        return answer

    def _post_with_token(self, operation_name: str, variables: dict[str, Any]) -> dict[str, Any]:
        token = self._tokens.current()
        response = self._send(operation_name, variables, token)
        if response.status_code == 401:
            response = self._send(operation_name, variables, self._tokens.replace(token))
        _refuse_status(response, self.shop_domain, version=operations.version(operation_name))
        return _read(response, self.shop_domain)

    def _send(self, operation_name: str, variables: dict[str, Any], token: str) -> httpx.Response:
        version = operations.version(operation_name)
        url = f"{oauth.shop_url(self.shop_domain)}/admin/api/{version}/graphql.json"
        body = {"query": operations.text(operation_name), "variables": variables}
        try:
            return http.client().post(url, json=body, headers={"X-Shopify-Access-Token": token})
        except httpx.HTTPError as error:
            raise _Broken(f"The Admin API of {self.shop_domain} did not answer {operation_name}.") from error


def refuse_user_errors(result: dict[str, Any], *, what: str) -> None:
    """
    Raise if a mutation's result carries ``userErrors``.

    :raises UserErrors: with Shopify's first sentence
    """
    problems = result.get("userErrors") or []
    if problems:
        code = problems[0].get("code")
        raise UserErrors(f"Shopify declined {what}: {problems[0].get('message')} ({code}).")


@contextmanager
def open_result(url: str) -> Iterator[Iterator[bytes]]:
    """
    Stream the lines of a bulk operation's result, undecoded: one that is not UTF-8 must not end the rest.

    The address is signed and needs no token; it is a secret and is never logged.

    :raises AdminApiUnavailable: if the file cannot be read to its end
    """
    try:
        with http.client().stream("GET", url, follow_redirects=True) as response:
            if response.status_code != 200:
                raise AdminApiUnavailable(f"A bulk result answered {response.status_code}.")
            yield _lines(response)
    except httpx.HTTPError as error:
        raise AdminApiUnavailable("A bulk result broke off while it was read.") from error


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """
    Split at line feeds only.

    ``iter_lines`` also splits at characters that JSON may hold unescaped,
    such as U+2028, and would cut a product's title in two.
    """
    rest = b""
    for chunk in response.iter_bytes(1 << 18):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def _refuse_status(response: httpx.Response, shop_domain: str, *, version: str) -> None:
    status = response.status_code
    if status == 200:
        served = response.headers.get("X-Shopify-API-Version")
        if served not in {None, version}:
            _warn_version(served, version)
        return
    if status == 429 or status >= 500:
        raise _Broken(
            f"The Admin API of {shop_domain} answered {status}.",
            retry_after_seconds=_retry_after(response),
        )
    if status in {401, 402, 404, 423}:
        raise ShopClosed(f"The Admin API of {shop_domain} answered {status}: frozen, locked or uninstalled.")
    if status == 403:
        raise AccessDenied(f"The Admin API of {shop_domain} denied access.")
    raise OperationRefused(f"The Admin API of {shop_domain} answered {status}.")


def _read(response: httpx.Response, shop_domain: str) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise _Broken(f"The Admin API of {shop_domain} did not answer in JSON.") from error
    if not isinstance(answer, dict) or not ("data" in answer or "errors" in answer):
        raise _Broken(f"The Admin API of {shop_domain} gave neither data nor errors.")
    return answer


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"\d{1,4}(\.\d+)?", text) else None


@cache
def _warn_version(served: str, asked: str) -> None:
    # Once a process is enough: the answer is the same for every call.
    log.error("api_version_differs", asked=asked, served=served)


def _codes(errors: Any) -> set[str]:
    if not isinstance(errors, list):
        return set()
    return {
        str((error.get("extensions") or {}).get("code", "")) for error in errors if isinstance(error, dict)
    }


def _is_throttled(errors: Any) -> bool:
    return "THROTTLED" in _codes(errors)


def _throttled_seconds(answer: dict[str, Any]) -> float:
    status = budget.read_status(answer.get("extensions"))
    if status is None:
        return 1.0
    cost, bucket = status
    return max(0.1, (cost - bucket.available) / max(bucket.restore_rate, 1.0))


def _from_errors(errors: Any, operation_name: str, shop_domain: str) -> Refused | Unavailable | Corrupt:
    codes = _codes(errors)
    message = str(errors[0].get("message", "")) if isinstance(errors, list) and errors else str(errors)
    if "ACCESS_DENIED" in codes:
        return AccessDenied(f"{shop_domain} denied {operation_name}: {message[:300]}")
    if "SHOP_INACTIVE" in codes:
        return ShopClosed(f"{shop_domain} is not active.")
    if "INTERNAL_SERVER_ERROR" in codes:
        return AdminApiUnavailable(f"{shop_domain} failed at {operation_name}: {message[:300]}")
    return OperationRefused(f"{shop_domain} refused {operation_name}: {message[:300]}")
