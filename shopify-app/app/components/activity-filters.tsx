import { useState } from "react";
import { useLocation, useNavigation, useSearchParams } from "react-router";

import { ACTORS, type Chosen, chosenIn, downloadActivity, KINDS, PERIODS } from "../lib/activity";
import { showToast } from "../lib/bridge";

/** What the address will say: a second choice must not undo a first that is still being loaded. */
function useNewestQuery(): URLSearchParams {
  const { search } = useLocation();
  const { location } = useNavigation();
  return new URLSearchParams(location?.search ?? search);
}

interface FilterProps {
  label: string;
  name: keyof Chosen;
  options: readonly (readonly [value: string, words: string])[];
}

/** One filter. The address keeps it, so that a page can be gone back to and sent on; a new choice begins at the newest. */
function Filter({ label, name, options }: FilterProps) {
  const query = useNewestQuery();
  const [, setQuery] = useSearchParams();
  const choose = (value: string) => {
    const chosen = new URLSearchParams(query);
    chosen.delete("before");
    if (value) chosen.set(name, value);
    else chosen.delete(name);
    setQuery(chosen, { preventScrollReset: true });
  };
  return (
    <s-select label={label} value={chosenIn(query)[name]} onChange={(event) => choose(event.currentTarget.value)}>
      {options.map(([value, words]) => (
        <s-option key={value} value={value}>
          {words}
        </s-option>
      ))}
    </s-select>
  );
}

// Numbers as keys come first in an object, whatever the order in which they are written.
const PERIOD_OPTIONS = [["", PERIODS[""]], ...Object.entries(PERIODS).filter(([days]) => days)] as const;

export function ActivityFilters() {
  return (
    <div className="filters" role="group" aria-label="Which entries to show">
      <Filter label="About" name="kind" options={[["", "Everything"], ...Object.entries(KINDS)]} />
      <Filter label="By" name="actor" options={[["", "Anybody"], ...Object.entries(ACTORS)]} />
      <Filter label="When" name="days" options={PERIOD_OPTIONS} />
    </div>
  );
}

/** The button that makes a file of what is chosen. */
export function DownloadActivity({ timezone }: { timezone: string }) {
  const [query] = useSearchParams();
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      await downloadActivity(chosenIn(query), timezone, new Date());
    } catch {
      showToast("The file could not be downloaded. Please try again.");
    } finally {
      setBusy(false);
    }
  };
  return (
    <s-button slot="secondary-actions" loading={isBusy} accessibilityLabel="Download CSV of these entries, for a spreadsheet" onClick={() => void download()}>
      Download CSV
    </s-button>
  );
}
