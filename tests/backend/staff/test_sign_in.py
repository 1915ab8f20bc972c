"""Signing in at the staff dashboard with two factors, and when that ends."""

import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from backend.core import clock
from backend.staff import middleware, models, services
from backend.staff.models import Authenticator, RecoveryCodes, StaffEvent
from backend.staff.values import SYSTEM, Actor, CodeRefused, Role, StaffAct
from tests.backend.history import NOW
from tests.backend.staff.people import PASSWORD, SECRET, an_account, code_at, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the clock that codes and sessions are measured by, django-otp's included."""
    present = [timezone.now()]

    def move(**span: float) -> datetime:
        present[0] += timedelta(**span)
        return present[0]

    monkeypatch.setattr(clock, "now", lambda: present[0])
    monkeypatch.setattr("django_otp.models.timezone.now", lambda: present[0])
    return move


def password(client: Client, name: str = "ada", word: str = PASSWORD, **extra: Any) -> Any:
    return client.post(
        "/staff/login/?next=/staff/audit/decision/", {"username": name, "password": word}, **extra
    )


def test_a_password_alone_shows_nothing(at: Any) -> None:
    an_account()
    client = Client()

    given = password(client)
    shown = client.get("/staff/audit/decision/", follow=True)

    assert given.status_code == 302
    assert shown.redirect_chain[-1][0] == "/staff/verify/?next=%2Fstaff%2Faudit%2Fdecision%2F"


def test_the_apps_code_lets_in_and_leads_to_the_page_that_was_asked_for(at: Any) -> None:
    user, client = an_account(), Client()
    password(client)

    verified = client.post("/staff/verify/?next=/staff/audit/decision/", {"code": code_at(at())})

    assert verified.headers["Location"] == "/staff/audit/decision/"
    assert client.get("/staff/audit/decision/").status_code == 200
    signed = StaffEvent.objects.get(event=StaffAct.SIGNED_IN)
    assert (signed.actor, signed.account_id, signed.address) == (f"staff:{user.pk}", user.pk, "127.0.0.1")


def test_a_sign_in_leads_to_no_other_site(at: Any) -> None:
    an_account()
    client = Client()
    password(client)

    verified = client.post("/staff/verify/?next=https://evil.example/", {"code": code_at(at())})

    assert verified.headers["Location"] == "/staff/"


def test_the_session_gets_a_new_key_at_each_step(at: Any) -> None:
    an_account()
    client = Client()
    password(client)
    first = client.session.session_key

    client.post("/staff/verify/", {"code": code_at(at())})

    assert client.session.session_key != first
    assert not Session.objects.filter(pk=first).exists()


@pytest.mark.parametrize("code", ["000000", "12345", "abcdef", "", "١٢٣٤٥٦"])
def test_a_wrong_code_lets_nobody_in(at: Any, code: str) -> None:
    an_account()
    client = Client()
    password(client)

    answer = client.post("/staff/verify/", {"code": code})

    assert answer.status_code == 200
    assert client.get("/staff/audit/decision/").status_code == 302


def test_a_code_is_good_once(at: Any) -> None:
    user = an_account()
    code = code_at(at())
    services.check_code(user, code)
    at(seconds=2)

    with pytest.raises(CodeRefused):
        services.check_code(user, code)


def test_each_wrong_code_doubles_the_wait_and_even_the_right_one_has_to(at: Any) -> None:
    user = an_account()
    for wait in (0, 1, 2, 4):
        at(seconds=wait + 0.01)
        with pytest.raises(CodeRefused):
            services.check_code(user, "000000")

    at(seconds=7)
    with pytest.raises(CodeRefused):
        services.check_code(user, code_at(at()))
    at(seconds=1.1)

    assert services.check_code(user, code_at(at()))


def test_another_accounts_code_is_nobodys(at: Any) -> None:
    ada, bea = an_account(), an_account("bea")
    Authenticator.objects.filter(user=bea).update(secret="KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")

    with pytest.raises(CodeRefused):
        services.check_code(ada, code_at(at(), "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"))


# Enrolment


def a_newcomer() -> Client:
    services.make_account("eve", role=Role.SUPPORT, password=PASSWORD, by=SYSTEM, now=NOW)
    client = Client()
    password(client, "eve")
    return client


def secret_on(page: Any) -> str:
    found = re.search(r'tb-secret">([A-Z2-7 ]+)<', page.content.decode())
    assert found
    return found[1].replace(" ", "")


def test_a_first_sign_in_sets_up_the_app_and_shows_ten_codes_once(at: Any) -> None:
    client = a_newcomer()
    page = client.get("/staff/audit/decision/", follow=True)
    secret = secret_on(page)

    done = client.post("/staff/enrol/?next=/staff/audit/decision/", {"code": code_at(at(), secret)})
    codes = re.findall(r"<li><code>([a-z2-7-]{19})</code>", done.content.decode())

    assert page.redirect_chain[-1][0].startswith("/staff/enrol/")
    assert "<svg" in page.content.decode()
    assert len(set(codes)) == 10
    assert "no-store" in done.headers["Cache-Control"]
    assert client.get("/staff/audit/decision/").status_code == 200
    assert codes[0] not in client.get("/staff/second-factor/").content.decode()


def test_neither_secrets_nor_codes_can_be_read_in_the_database(at: Any) -> None:
    client = a_newcomer()
    secret = secret_on(client.get("/staff/enrol/"))
    assert secret not in str(client.session.items())
    done = client.post("/staff/enrol/", {"code": code_at(at(), secret)})
    code = re.findall(r"<li><code>([a-z2-7-]{19})</code>", done.content.decode())[0]

    with connection.cursor() as cursor:
        cursor.execute("SELECT a::text || r::text FROM staff_authenticator a, staff_recoverycodes r")
        [(stored,)] = cursor.fetchall()

    assert secret not in stored
    assert code not in stored
    assert code.replace("-", "") not in stored


def test_each_session_is_told_a_secret_of_its_own(at: Any) -> None:
    client = a_newcomer()
    thief = Client()
    password(thief, "eve")

    assert secret_on(client.get("/staff/enrol/")) == secret_on(client.get("/staff/enrol/"))
    assert secret_on(client.get("/staff/enrol/")) != secret_on(thief.get("/staff/enrol/"))


def test_who_knows_the_password_alone_puts_no_app_in_the_place_of_the_owners(at: Any) -> None:
    client = a_newcomer()
    thief = Client()
    password(thief, "eve")
    secret = secret_on(thief.get("/staff/enrol/"))
    client.post("/staff/enrol/", {"code": code_at(at(), secret_on(client.get("/staff/enrol/")))})

    answer = thief.post("/staff/enrol/", {"code": code_at(at(), secret)})

    assert answer.headers["Location"].startswith("/staff/verify/")
    assert Authenticator.objects.get().secret != secret


def test_a_wrong_code_sets_nothing_up(at: Any) -> None:
    client = a_newcomer()
    client.get("/staff/enrol/")

    answer = client.post("/staff/enrol/", {"code": "000000"})

    assert "This code is wrong" in answer.content.decode()
    assert not Authenticator.objects.exists()


# Recovery


def test_a_recovery_code_lets_in_once_however_it_is_typed(at: Any) -> None:
    user = an_account()
    code = services.make_recovery_codes(user.pk, by=SYSTEM, now=NOW)[3]

    assert services.check_code(user, code.upper().replace("-", " "))
    with pytest.raises(CodeRefused):
        services.check_code(user, code)
    assert len(RecoveryCodes.objects.get().digests) == 9


def test_new_recovery_codes_need_a_code_and_end_the_old_ones(at: Any) -> None:
    user = an_account()
    old = services.make_recovery_codes(user.pk, by=SYSTEM, now=NOW)
    client = signed_in(user)

    refused = client.post("/staff/second-factor/", {"codes": "1", "code": "000000"})
    at(seconds=2)
    client.post("/staff/second-factor/", {"codes": "1", "code": code_at(at())})

    assert "This code is wrong" in refused.content.decode()
    with pytest.raises(CodeRefused):
        services.check_code(user, old[0])


def test_moving_to_another_phone_needs_a_code_of_each_and_ends_other_sessions(at: Any) -> None:
    user = an_account()
    client, elsewhere = signed_in(user), signed_in(user)
    paper = services.make_recovery_codes(user.pk, by=SYSTEM, now=NOW)[0]

    client.post("/staff/second-factor/", {"move": "1", "code": paper})
    secret = secret_on(client.get("/staff/second-factor/"))
    refused = client.post("/staff/second-factor/", {"code": "000000"})
    still = Authenticator.objects.get().secret
    done = client.post("/staff/second-factor/", {"code": code_at(at(), secret)})

    assert "This code is wrong" in refused.content.decode()
    assert (still, Authenticator.objects.get().secret) == (SECRET, secret)
    assert "Recovery codes" in done.content.decode()
    assert client.get("/staff/").status_code == 200
    assert elsewhere.get("/staff/").status_code == 302


def test_a_move_can_be_called_off(at: Any) -> None:
    client = signed_in(an_account())
    client.post("/staff/second-factor/", {"move": "1", "code": code_at(at())})

    client.post("/staff/second-factor/", {"cancel": "1"})

    assert "Move to another phone" in client.get("/staff/second-factor/").content.decode()


def test_an_admin_resets_a_lost_phone_which_ends_its_sessions_and_is_recorded(at: Any) -> None:
    ada, bea = an_account("ada", Role.ADMIN), an_account("bea")
    of_bea = signed_in(bea)
    half = Client()
    password(half, "bea")

    signed_in(ada).post(f"/staff/auth/user/{bea.pk}/act/reset-second-factor/")

    assert of_bea.get("/staff/").status_code == 302
    assert half.get("/staff/enrol/").headers["Location"].startswith("/staff/login/")
    reset = StaffEvent.objects.get(event=StaffAct.SECOND_FACTOR_RESET)
    assert (reset.actor, reset.account_id) == (f"staff:{ada.pk}", bea.pk)
    again = Client()
    password(again, "bea")
    assert again.get("/staff/", follow=True).redirect_chain[-1][0].startswith("/staff/enrol/")


# Sessions


def test_a_session_lasts_twelve_hours_however_busy(at: Any) -> None:
    client = signed_in(an_account())

    answers = [client.get("/staff/").status_code for _ in range(36) if at(minutes=20)]

    assert answers == [200] * 35 + [302]


def test_who_gives_no_code_within_ten_minutes_begins_again(at: Any) -> None:
    an_account()
    client = Client()
    password(client)
    at(minutes=11)

    answer = client.post("/staff/verify/", {"code": code_at(at())})

    assert answer.headers["Location"].startswith("/staff/login/")


def test_half_an_hour_without_a_click_ends_a_session_and_so_does_the_browser() -> None:
    client = signed_in(an_account())

    answer = client.get("/staff/")
    ends_in = Session.objects.get().expire_date - timezone.now()

    assert answer.cookies["tailorbird_staff"]["max-age"] == ""
    assert timedelta(minutes=29) < ends_in <= timedelta(minutes=30)
    Session.objects.update(expire_date=timezone.now())
    assert client.get("/staff/").status_code == 302


def test_a_new_password_ends_the_other_sessions(at: Any) -> None:
    user = an_account()
    client, elsewhere = signed_in(user), signed_in(user)
    changed = {
        "old_password": PASSWORD,
        "new_password1": "an even longer word",
        "new_password2": "an even longer word",
    }

    client.post("/staff/password_change/", changed)

    assert client.get("/staff/").status_code == 200
    assert elsewhere.get("/staff/").status_code == 302
    assert Session.objects.count() == 1
    assert StaffEvent.objects.get(event=StaffAct.PASSWORD_CHANGED).account_id == user.pk


def test_sessions_that_are_over_are_cleared_away() -> None:
    over, lasting = signed_in(an_account()), signed_in(an_account("bea"))
    Session.objects.filter(pk=over.session.session_key).update(expire_date=NOW - timedelta(days=1))

    assert services.clear_expired_sessions(now=NOW) == 1
    assert Session.objects.get().pk == lasting.session.session_key


# Throttling


@pytest.mark.parametrize("name", ["ada", "nobody-of-that-name"])
def test_ten_wrong_passwords_lock_a_name_whether_or_not_it_is_somebodys(name: str) -> None:
    an_account()
    answers = [password(Client(REMOTE_ADDR=f"203.0.113.{number}"), name, "wrong") for number in range(10)]

    locked = password(Client(REMOTE_ADDR="203.0.113.99"), name)

    assert [one.status_code for one in answers] == [200] * 9 + [429]
    assert locked.status_code == 429
    assert "ask an admin to unlock" in locked.content.decode()
    assert name not in locked.content.decode()
    assert StaffEvent.objects.filter(event=StaffAct.ACCOUNT_LOCKED).count() == (name == "ada")


def test_ten_wrong_passwords_lock_the_address_that_the_edge_saw() -> None:
    an_account()
    for number in range(10):
        password(
            Client(), f"name-{number}", "wrong", headers={"X-Forwarded-For": f"8.8.8.{number}, 203.0.113.7"}
        )

    told = {"X-Forwarded-For": "8.8.4.4, 203.0.113.7"}
    other = {"X-Forwarded-For": "203.0.113.7, 203.0.113.8"}

    assert password(Client(), headers=told).status_code == 429
    assert password(Client(), headers=other).status_code == 302


def test_trying_on_does_not_prolong_a_lock() -> None:
    from axes.models import AccessAttempt

    an_account()
    for number in range(12):
        password(Client(REMOTE_ADDR=f"203.0.113.{number}"), "ada", "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))

    assert password(Client()).status_code == 302


def test_an_admin_unlocks_an_account_which_is_recorded(at: Any) -> None:
    ada, bea = an_account("ada", Role.ADMIN), an_account("bea")
    for number in range(10):
        password(Client(REMOTE_ADDR=f"203.0.113.{number}"), "bea", "wrong")
    admin = signed_in(ada)
    listed = admin.get("/staff/auth/user/").content.decode()

    admin.post(f"/staff/auth/user/{bea.pk}/act/unlock/")

    assert "locked for a while" in listed
    assert password(Client(), "bea").status_code == 302
    assert StaffEvent.objects.get(event=StaffAct.ACCOUNT_UNLOCKED).actor == f"staff:{ada.pk}"


def test_no_log_line_names_who_tries_or_from_where(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for _ in range(11):
        password(Client(REMOTE_ADDR="203.0.113.7"), "ada-lovelace", "wrong")

    written = " ".join(record.getMessage() for record in caplog.records)
    assert [word for word in ("lovelace", "203.0.113.7", "wrong") if word in written] == []


# The record


def test_the_record_of_accounts_can_not_be_changed() -> None:
    an_account()

    for change in (lambda: StaffEvent.objects.update(actor="x"), lambda: StaffEvent.objects.all().delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_the_storefronts_way_meets_nothing_of_this(client: Client) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware.SessionLimits, "__call__", lambda *_: pytest.fail("staff middleware ran"))
        patch.setattr("django_otp.middleware.OTPMiddleware.__call__", lambda *_: pytest.fail("otp ran"))
        patch.setattr("axes.middleware.AxesMiddleware.__call__", lambda *_: pytest.fail("axes ran"))

        for path in (
            "/webhooks",
            "/proxy/recommendations",
            "/api/shop",
            "/auth/install",
            "/health",
            "/events/x",
        ):
            client.get(path)


def test_an_app_is_asked_for_the_secret_in_the_published_way() -> None:
    # RFC 6238, appendix B: the last six of the eight digits for SHA-1 at these moments.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    for moment, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        assert models.matching_step(secret, code, at=moment) == moment // 30


def test_an_actor_is_named_by_id() -> None:
    assert (Actor(7).name, SYSTEM.name) == ("staff:7", "system")


def test_the_first_account_is_made_by_a_command_and_begins_anew_by_it(at: Any) -> None:
    told = StringIO()
    call_command("make_staff_account", "eve", stdout=told)
    first = re.findall(r"first password: (\S+)", told.getvalue())[0]
    client = Client()
    password(client, "eve", first)
    client.post("/staff/enrol/", {"code": code_at(at(), secret_on(client.get("/staff/enrol/")))})

    with pytest.raises(CommandError, match="already"):
        call_command("make_staff_account", "eve")
    call_command("make_staff_account", "eve", reset=True, role="support", stdout=told)

    eve = User.objects.get(username="eve")
    assert services.role_of(eve) == "support"
    assert not eve.check_password(first)
    assert not Authenticator.objects.exists()
    assert client.get("/staff/").status_code == 302


def test_the_demos_account_signs_in_with_the_code_that_its_command_prints(at: Any) -> None:
    from tools.demo import prepare, second_factor

    for _ in range(2):
        prepare._keep_staff_account("staff", PASSWORD, SECRET)
    client = Client()
    password(client, "staff")
    client.post("/staff/verify/", {"code": second_factor.code(SECRET, at=at().timestamp())})

    assert client.get("/staff/audit/decision/").status_code == 200
    assert services.role_of(User.objects.get(username="staff")) == "admin"
