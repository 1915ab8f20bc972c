/** What @shopify/polaris-types leaves out. */
import type { ReactNode } from "react";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "s-app-nav": { children?: ReactNode };
      "ui-save-bar": { id: string; children?: ReactNode };
    }
  }
}
