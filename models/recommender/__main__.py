"""``python -m models.recommender``: see ``models.recommender.cli.main``."""

import sys

from models.recommender.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
