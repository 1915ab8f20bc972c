import { index, route, type RouteConfig } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("model", "routes/model.tsx"),
  route("*", "routes/missing.tsx"),
] satisfies RouteConfig;
