"""Drop the pointers of single surfaces: see 0010."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rollouts", "0010_one_pointer")]

    operations = [migrations.DeleteModel(name="SurfacePointer")]
