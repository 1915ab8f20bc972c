"""The lock that keeps what concerns a whole shop apart from what concerns some of it."""

from django.db import connection


def lock(shop_id: int, *, is_exclusive: bool) -> None:
    """
    Keep a rebuild and single orders of one shop apart, for this transaction.

    An order that arrived between a rebuild's two statements would break its
    INSERT on the unique line. Single orders don't wait for each other.
    """
    function = "pg_advisory_xact_lock" if is_exclusive else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext('features'), %s::int)", [shop_id])
