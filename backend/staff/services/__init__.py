"""What staff do: to their accounts and second factors, to jobs that were set aside, and to rollouts."""

from backend.staff.services.accounts import (
    change_account,
    change_password,
    end_sessions,
    give_role,
    keep_roles,
    make_account,
    note_lock,
    note_sign_in,
    role_of,
    unlock,
)
from backend.staff.services.jobs import ask_again
from backend.staff.services.looks import record_looks
from backend.staff.services.rollouts import stop_rollout
from backend.staff.services.second_factor import (
    check_code,
    enrol,
    make_recovery_codes,
    move_authenticator,
    new_secret,
    reset_second_factor,
)
from backend.staff.services.sessions import clear_expired_sessions

__all__ = [
    "ask_again",
    "change_account",
    "change_password",
    "check_code",
    "clear_expired_sessions",
    "end_sessions",
    "enrol",
    "give_role",
    "keep_roles",
    "make_account",
    "make_recovery_codes",
    "move_authenticator",
    "new_secret",
    "note_lock",
    "note_sign_in",
    "record_looks",
    "reset_second_factor",
    "role_of",
    "stop_rollout",
    "unlock",
]
