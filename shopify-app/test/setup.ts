import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";

import { API_KEY, SECRET } from "./fixtures/tokens";

// The default is a second, which the first page of a file can take on a slow machine.
configure({ asyncUtilTimeout: 20_000 });

beforeEach(() => {
  vi.stubEnv("SHOPIFY_API_KEY", API_KEY);
  vi.stubEnv("SHOPIFY_API_SECRET", SECRET);
  vi.stubEnv("BACKEND_URL", "http://django.test");
});

afterEach(cleanup);
