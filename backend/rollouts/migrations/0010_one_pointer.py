"""
Give each shop the one pointer in place of one for each surface, with the moves that the ledger of acts tells of.

Every surface of a shop was always moved in one transaction, so one of them speaks for all. A version that was
live before the ledger told of it has no move of which the moment is known: it gets one at its registration,
and its words say so.
"""

from itertools import pairwise

from django.db import migrations

UNKNOWN = "Was live once; when is not known."


def point(apps, schema_editor):
    surfaces = apps.get_model("rollouts", "SurfacePointer")
    for shop_id in surfaces._base_manager.values_list("shop_id", flat=True).distinct().order_by("shop_id"):
        newest = surfaces._base_manager.filter(shop_id=shop_id).order_by("-moved_at", "-revision").first()
        _point_shop(apps, newest)


def _point_shop(apps, surface):
    versions = apps.get_model("registry", "ModelVersion")._base_manager.filter(shop_id=surface.shop_id)
    told = _told(apps, surface, {str(row.uuid): row.id for row in versions})
    seen = {move["champion_id"] for move in told} | {surface.champion_id}
    unknown = [
        {"champion_id": row.id, "at": row.created_at, "actor": "system", "words": UNKNOWN}
        for row in versions.filter(state="RETIRED").exclude(id__in=seen).order_by("number")
    ]
    moves = unknown + told
    if not moves or moves[-1]["champion_id"] != surface.champion_id:
        moves.append(
            {"champion_id": surface.champion_id, "at": surface.moved_at, "actor": "system", "words": UNKNOWN}
        )
    formers = [None, *(before["champion_id"] for before, _ in pairwise(moves))]
    move_model = apps.get_model("rollouts", "PointerMove")
    move_model._base_manager.bulk_create(
        move_model(shop_id=surface.shop_id, revision=revision, former_id=former, **move)
        for revision, (move, former) in enumerate(zip(moves, formers, strict=True), start=1)
    )
    apps.get_model("rollouts", "Pointer")._base_manager.create(
        shop_id=surface.shop_id,
        champion_id=surface.champion_id,
        former_id=formers[-1],
        revision=len(moves),
        moved_at=surface.moved_at,
    )


def _told(apps, surface, rows):
    """Return what the ledger of acts tells of one surface, the oldest move first."""
    acts = apps.get_model("audit", "LedgerEvent")._base_manager.filter(
        shop_id=surface.shop_id, event="SURFACE_POINTED", subject=f"surface {surface.surface}"
    )
    found = [
        (rows.get((act.new or act.details).get("version")), act) for act in acts.order_by("at", "arrival")
    ]
    return [
        {"champion_id": row, "at": act.at, "actor": act.actor, "words": act.reason}
        for row, act in found
        if row is not None
    ]


def unpoint(apps, schema_editor):
    surfaces = apps.get_model("rollouts", "SurfacePointer")
    # They stand until the next migration, and are what they were before this one.
    surfaces._base_manager.all().delete()
    for pointer in apps.get_model("rollouts", "Pointer")._base_manager.all():
        for surface in ("product_page", "home_page"):
            surfaces._base_manager.create(
                shop_id=pointer.shop_id,
                surface=surface,
                champion_id=pointer.champion_id,
                revision=pointer.revision,
                moved_at=pointer.moved_at,
            )


class Migration(migrations.Migration):
    dependencies = [
        ("rollouts", "0009_moves_append_only"),
        ("audit", "0010_seals_of_any_row"),
        ("registry", "0006_words_of_any_length"),
    ]

    operations = [migrations.RunPython(point, unpoint)]
