"""
Run the project's checks or tests one after another and close with what passed.

    python -m tools.suites check|test|fix [name…]
"""
