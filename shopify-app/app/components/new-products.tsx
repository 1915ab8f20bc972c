import { useState } from "react";

import { useIntent } from "../lib/actions";
import { ActionProblem } from "./problem";

/** Whether a visitor's list keeps a place for a product that never sold. */
export function NewProducts({ isOn }: { isOn: boolean }) {
  const saving = useIntent("new-products", "/settings");
  const [wanted, setWanted] = useState(isOn);
  const change = (isWanted: boolean) => {
    setWanted(isWanted);
    saving.run({ shows_new_products: String(isWanted) });
  };
  return (
    <s-section heading="New products">
      <s-stack gap="base">
        <ActionProblem heading="This could not be saved" problem={saving.problem} />
        <s-checkbox
          label="Show new products"
          details="The last of a visitor's personal suggestions is the new product that suits them best, so that it can win its first sales. That costs one place of ten. Product pages and lists shorter than four stay as they are."
          checked={saving.isBusy ? wanted : isOn}
          disabled={saving.isBusy}
          onChange={(event) => change(event.currentTarget.checked)}
        />
      </s-stack>
    </s-section>
  );
}
