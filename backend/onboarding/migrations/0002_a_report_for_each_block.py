from django.db import migrations, models

import backend.onboarding.values


class Migration(migrations.Migration):

    dependencies = [
        ('onboarding', '0001_initial'),
    ]

    operations = [
        # A report did not say of which block it was. Each is told again when the merchant next opens the app.
        migrations.RunSQL("DELETE FROM onboarding_themereport", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name='themereport', name='onboarding_theme_report_unique'),
        migrations.AddField(
            model_name='themereport',
            name='placement',
            field=models.CharField(default='product', max_length=8),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name='themereport',
            constraint=models.UniqueConstraint(fields=('shop', 'placement'), name='onboarding_theme_report_unique'),
        ),
        migrations.AddConstraint(
            model_name='themereport',
            constraint=models.CheckConstraint(condition=models.Q(('placement__in', [backend.onboarding.values.Placement['PRODUCT'], backend.onboarding.values.Placement['HOME']])), name='onboarding_theme_report_placement'),
        ),
    ]
