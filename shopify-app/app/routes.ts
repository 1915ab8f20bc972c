import { index, route, type RouteConfig } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("model", "routes/model.tsx", [
    index("routes/model-now.tsx"),
    route("retraining", "routes/model-retraining.tsx"),
    route("advanced", "routes/model-advanced.tsx"),
  ]),
  route("rollouts", "routes/rollouts.tsx"),
  route("rollouts/settings", "routes/rollout-settings.tsx"),
  route("rollouts/:id", "routes/rollout.tsx"),
  route("rollouts/:id/changes", "routes/rollout-changes.tsx"),
  route("settings", "routes/settings.tsx"),
  route("preview", "routes/preview.tsx"),
  route("activity", "routes/activity.tsx"),
  route("*", "routes/missing.tsx"),
] satisfies RouteConfig;
