"""A contract for import-linter: an app is reached through its services, queries and values."""

from collections.abc import Collection
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

# What an app keeps to itself; a package of the same name counts as the module.
PRIVATE = frozenset({"models", "rules", "gateway", "serializers", "views", "urls", "admin"})


class PrivateModules(Contract):
    """
    No app imports what another keeps to itself.

    import-linter's own "protected" contract would need one entry for each
    app and module, and a new app would be forgotten.
    """

    type_name = "private"

    # Fields here, plain values on an instance: import-linter puts what pyproject.toml says in their place.
    root: Any = fields.StringField()
    open_apps: Any = fields.SetField(subfield=fields.StringField(), required=False)
    ignore_imports: Any = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare each import between two apps with the list."""
        ignored = {(str(one.importer), str(one.imported)) for one in self.ignore_imports or ()}
        broken = sorted(
            (importer, imported)
            for importer in graph.modules
            for imported in graph.find_modules_directly_imported_by(importer)
            if is_private(importer, imported, root=self.root, open_apps=self.open_apps or ())
            and (importer, imported) not in ignored
        )
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each forbidden import."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}, which its app keeps to itself.")


def is_private(importer: str, imported: str, *, root: str, open_apps: Collection[str] = ()) -> bool:
    """Return whether an import reaches into another app; ``open_apps`` are libraries without tables."""
    owner = imported.split(".")
    if len(owner) < 3 or owner[0] != root or owner[1] in open_apps or owner[2] not in PRIVATE:
        return False
    return importer.split(".")[:2] != owner[:2]
