"""One thin task for each job: ids in, read the clock, one service call."""

import importlib
import pkgutil

# Importing a module registers its tasks; a new module is found by being here.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
