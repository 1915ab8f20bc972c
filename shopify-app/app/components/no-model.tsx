import type { ModelState } from "../api/types";
import { isRunning } from "../lib/training";

/** Before the first version answers. */
export function NoModel({ model }: { model: ModelState }) {
  const isBusy = isRunning(model.training);
  return (
    <s-section heading="No model yet">
      <s-paragraph>
        {isBusy
          ? "Your first model is being trained. Until it is ready your storefront shows popular and new products."
          : "Your first model is trained by itself once your orders are imported. Until then your storefront shows popular and new products."}
      </s-paragraph>
      {!isBusy && <s-link href="/">See how the set-up is going</s-link>}
    </s-section>
  );
}
