"""Addresses of this app."""

from django.urls import path

from backend.onboarding.views import activity, exploration, holdout, model, preview, results, rollouts, setup

urlpatterns = [
    path("api/activity", activity.ActivityView.as_view()),
    path("api/activity/file", activity.ActivityFileView.as_view()),
    path("api/preview", preview.PreviewView.as_view()),
    path("api/products", preview.ProductsView.as_view()),
    path("api/results", results.ResultsView.as_view()),
    path("api/holdout", holdout.HoldoutView.as_view()),
    path("api/exploration", exploration.ExplorationView.as_view()),
    path("api/rollouts", rollouts.RolloutsView.as_view()),
    path("api/rollouts/go-back", rollouts.GoBackView.as_view()),
    path("api/rollouts/settings", rollouts.RolloutSettingsView.as_view()),
    path("api/rollouts/<uuid:id>", rollouts.RolloutView.as_view()),
    path("api/rollouts/<uuid:id>/changes", rollouts.RolloutChangesView.as_view()),
    path("api/rollouts/<uuid:id>/look", rollouts.RolloutLookView.as_view()),
    path("api/rollouts/<uuid:id>/look-back", rollouts.RolloutLookBackView.as_view()),
    path("api/rollouts/<uuid:id>/moves", rollouts.RolloutMovesView.as_view()),
    path("api/setup", setup.SetupView.as_view()),
    path("api/setup/theme-block", setup.ThemeBlockView.as_view()),
    path("api/model", model.ModelView.as_view()),
    path("api/model/live", model.ModelLiveView.as_view()),
    path("api/model/settings", model.ModelSettingsView.as_view()),
    path("api/model/versions/<uuid:id>/release", model.VersionReleaseView.as_view()),
]
