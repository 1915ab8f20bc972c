"""The second step of a sign-in, and what people do to their own second factor."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import django_otp
import segno
from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from backend.core import clock, crypto
from backend.core.edge import client_address
from backend.core.errors import Failure
from backend.staff import queries, services
from backend.staff.forms import CodeForm
from backend.staff.looked import note_looks
from backend.staff.values import Actor, Found, Look

# The secret of an app that is being set up, in the session of who does it: a row of the account's would show
# it to whoever else knows the password.
ENROLLING: Final = "secret_of_first_app"
MOVING: Final = "secret_of_next_app"


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks, and from where."""
    return Actor(account_id(request), client_address(request))


def account_id(request: HttpRequest) -> int:
    """Return the account that asks, on a page that only accounts are shown."""
    return int(request.user.pk or 0)


@method_decorator([never_cache, csrf_protect, sensitive_post_parameters()], name="dispatch")
class CodePage(RedirectURLMixin, FormView):  # type: ignore[type-arg]
    """A page that asks for a code; what it does with the right one its children say."""

    form_class = CodeForm
    title: str
    template_name: str

    def get_default_redirect_url(self) -> str:
        """Return where a sign-in leads that did not begin at some page."""
        return reverse("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the site's pages share, and this one's title."""
        shared = admin.site.each_context(self.request)
        return super().get_context_data(**shared, title=self.title, next=self.get_redirect_url(), **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Act on the code; one that is refused is told beside the field."""
        try:
            return self.act(form.cleaned_data["code"])
        except Failure as error:
            form.add_error("code", error.message)
            return self.form_invalid(form)

    def act(self, code: str) -> HttpResponse:
        """Do what the page is for."""
        raise NotImplementedError

    def show_codes(self, codes: list[str]) -> HttpResponse:
        """Show recovery codes, this once."""
        context = {
            **admin.site.each_context(self.request),
            "title": "Your recovery codes",
            "codes": codes,
            "next": self.get_success_url(),
        }
        return self.response_class(self.request, ["staff/recovery_codes.html"], context)


class FirstFactorGiven(CodePage):
    """A page for who has given a password and no code yet."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Turn away whoever has nothing to do here."""
        user: Any = request.user
        if not (user.is_active and user.is_staff):
            return redirect("admin:login")
        if user.is_verified():
            return redirect(self.get_success_url())
        other = self.elsewhere(queries.is_enrolled(user.pk))
        if other:
            return redirect(f"{reverse(other)}?{urlencode({'next': self.get_redirect_url()})}")
        return super().dispatch(request, *args, **kwargs)

    def elsewhere(self, is_enrolled: bool) -> str | None:
        """Return the page to ask instead, if any."""
        raise NotImplementedError


class Verify(FirstFactorGiven):
    """The second step of a sign-in."""

    template_name = "staff/verify.html"
    title = "Second step"

    def elsewhere(self, is_enrolled: bool) -> str | None:
        return None if is_enrolled else "admin:enrol"

    def act(self, code: str) -> HttpResponse:
        """Let the person in."""
        let_in(self.request, services.check_code(self.request.user, code))
        return HttpResponseRedirect(self.get_success_url())


class Enrol(FirstFactorGiven):
    """The second step of a first sign-in: an app is told its secret, and shows that it knows it."""

    template_name = "staff/enrol.html"
    title = "Set up your second factor"

    def elsewhere(self, is_enrolled: bool) -> str | None:
        return "admin:verify" if is_enrolled else None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**_told_to_the_app(self.request, ENROLLING), **kwargs)

    def act(self, code: str) -> HttpResponse:
        """Tie the app to the account, let the person in and show the recovery codes."""
        request, user_id = self.request, account_id(self.request)
        secret = _pending_secret(request, ENROLLING)
        codes = services.enrol(user_id, secret, code, by=actor_of(request), now=clock.now())
        del request.session[ENROLLING]
        let_in(request, queries.get_authenticator(user_id))
        return self.show_codes(codes)


class OwnSecondFactor(CodePage):
    """What people do to their own second factor, each with a code of the app or the paper that they have."""

    template_name = "staff/second_factor.html"
    title = "Your second factor"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        told = _told_to_the_app(self.request, MOVING) if self.is_moving else {}
        return super().get_context_data(
            factor=queries.find_second_factor(account_id(self.request)),
            is_moving=self.is_moving,
            **told,
            **kwargs,
        )

    @property
    def is_moving(self) -> bool:
        """Whether a code of the old app has opened the door to a new one."""
        return MOVING in self.request.session

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Go back from a move, which needs no code, or act on one."""
        if "cancel" in request.POST:
            request.session.pop(MOVING, None)
            return redirect("admin:second_factor")
        return super().post(request, *args, **kwargs)

    def act(self, code: str) -> HttpResponse:
        """Make new recovery codes, or begin or end the move to another app."""
        request, user = self.request, self.request.user
        if self.is_moving:
            return self._move(code)
        services.check_code(user, code)
        if "move" in request.POST:
            _pending_secret(request, MOVING)
            return redirect("admin:second_factor")
        return self.show_codes(
            services.make_recovery_codes(account_id(request), by=actor_of(request), now=clock.now())
        )

    def _move(self, code: str) -> HttpResponse:
        request, user_id = self.request, account_id(self.request)
        codes = services.move_authenticator(
            user_id, _pending_secret(request, MOVING), code,
            session=request.session.session_key or "", by=actor_of(request), now=clock.now(),
        )  # fmt: skip
        del request.session[MOVING]
        _remember(request, queries.get_authenticator(user_id))
        return self.show_codes(codes)


def let_in(request: HttpRequest, device: Any) -> None:
    """End the sign-in: the session has both factors now."""
    _remember(request, device)
    services.note_sign_in(account_id(request), device=device.name, by=actor_of(request), now=clock.now())
    left = queries.codes_left(account_id(request))
    if left < queries.FEW_CODES:
        few = "few" if left else "no"
        messages.warning(request, f"You have {few} recovery codes left: make new ones under “Second factor”.")


def _remember(request: HttpRequest, device: Any) -> None:
    # A key that was known before both factors were given is worth nothing after.
    request.session.cycle_key()
    django_otp.login(request, device)


def _pending_secret(request: HttpRequest, of: str) -> str:
    """Return the secret of the app that is being set up in this session, encrypted at rest."""
    if of not in request.session:
        request.session[of] = crypto.encrypt(services.new_secret().encode()).decode()
    return crypto.decrypt(request.session[of].encode()).decode()


def _told_to_the_app(request: HttpRequest, of: str) -> dict[str, Any]:
    secret = _pending_secret(request, of)
    name = quote(f"Tailorbird:{request.user.get_username()}")
    address = f"otpauth://totp/{name}?{urlencode({'secret': secret, 'issuer': 'Tailorbird'})}"
    drawn = segno.make(address, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", title="QR code"
    )
    return {
        # Drawn here: no other service sees the secret.
        "qr_code": mark_safe(drawn),  # noqa: S308 -- made of black squares by us
        "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
    }


def change_own_password(
    site: AdminSite, request: HttpRequest, extra_context: dict[str, Any] | None
) -> HttpResponseBase:
    """Change one's own password, which ends one's other sessions."""
    response = AdminSite.password_change(site, request, extra_context)
    if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
        services.change_password(
            account_id(request), session=request.session.session_key, by=actor_of(request), now=clock.now()
        )
    return response


@never_cache
def search(request: HttpRequest) -> HttpResponse:
    """Lead to the one thing that is called so, or list all that are."""
    term = request.GET.get("q", "").strip()
    hits = [one for one in queries.search(term) if request.user.has_perm(_to_view(one.found))]
    if len(hits) == 1:
        # Its page records the look.
        return redirect(f"admin:{hits[0].found}_change", hits[0].key)
    note_looks(request, [Look(shop, "search results") for shop in sorted({one.shop_id for one in hits})])
    context = {
        **admin.site.each_context(request),
        "title": f"Found for “{term}”" if hits else "Search",
        "term": term,
        "hits": [(one, reverse(f"admin:{one.found}_change", args=[one.key])) for one in hits],
    }
    return TemplateResponse(request, "staff/search.html", context)


def _to_view(found: Found) -> str:
    app, _, model = found.partition("_")
    return f"{app}.view_{model}"
