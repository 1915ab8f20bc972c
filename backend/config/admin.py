"""Django's admin, with the staff dashboard's own site in place of the default one."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Register every app's pages at the staff dashboard."""

    default_site = "backend.staff.site.StaffSite"
