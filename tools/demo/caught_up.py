"""
Wait until the sequences that models learn from hold every order that the app knows.

A process of its own, for it needs Django. An order is known the moment it is stored; what it teaches follows
a moment later, by a job an order.
"""

import time
from typing import Final

from backend.config import launch

POLL_SECONDS: Final = 0.5


def main() -> None:
    """Return once no order waits."""
    launch.prepare()
    import django

    django.setup()
    from backend.core.models import PendingJob
    from backend.core.queue import Job

    waiting = PendingJob.objects.filter(job=Job.FEATURES_EXTEND, given_up_at=None)
    while waiting.exists():
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
