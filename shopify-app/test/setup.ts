import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";

import { API_KEY, SECRET } from "./fixtures/tokens";

beforeEach(() => {
  vi.stubEnv("SHOPIFY_API_KEY", API_KEY);
  vi.stubEnv("SHOPIFY_API_SECRET", SECRET);
  vi.stubEnv("BACKEND_URL", "http://django.test");
});

afterEach(cleanup);
