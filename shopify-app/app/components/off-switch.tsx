import type { RolloutSettings } from "../api/types";
import { useIntent } from "../lib/actions";
import { draftOf, settingsOf } from "../lib/plan";
import { STALE_PAGES } from "../lib/rollouts";
import { ActionProblem } from "./problem";

const DIALOG_ID = "rollouts-off";

/** One switch for all rollouts of the shop. Off: the one that is under way goes back. */
export function OffSwitch({ settings }: { settings: RolloutSettings }) {
  const saving = useIntent("rollout-settings", "/rollouts/settings");
  const turn = (isOff: boolean) => saving.run({ settings: JSON.stringify(settingsOf(draftOf(settings), isOff)) });
  return (
    <s-section heading="All rollouts">
      <s-stack gap="base">
        <ActionProblem heading="This could not be changed" problem={saving.problem} />
        {settings.is_off ? (
          <>
            <s-paragraph>Rollouts are turned off: none opens or goes further, and the version in use stays.</s-paragraph>
            <div>
              <s-button loading={saving.isBusy} onClick={() => turn(false)}>
                Turn rollouts on
              </s-button>
            </div>
          </>
        ) : (
          <>
            <s-paragraph>Turn rollouts off to keep the version in use, whatever is trained.</s-paragraph>
            <div>
              <s-button tone="critical" commandFor={DIALOG_ID} command="--show" loading={saving.isBusy}>
                Turn all rollouts off
              </s-button>
            </div>
          </>
        )}
      </s-stack>
      <s-modal id={DIALOG_ID} heading="Turn all rollouts off?">
        <s-paragraph>The rollout that is under way goes back at once, and none opens until you turn them on again. {STALE_PAGES}</s-paragraph>
        <s-button slot="secondary-actions" commandFor={DIALOG_ID} command="--hide">
          Cancel
        </s-button>
        <s-button slot="primary-action" variant="primary" tone="critical" commandFor={DIALOG_ID} command="--hide" onClick={() => turn(true)}>
          Turn off
        </s-button>
      </s-modal>
    </s-section>
  );
}
