/** One thing that was looked at. */
export interface Finding {
  pass: boolean;
  /** A sentence about it: what was found, and what mends it. */
  text: string;
}

/** What is found of faults: each in a sentence, or a sentence for there being none. */
export const finding = (faults: readonly string[], good: string): Finding =>
  faults.length === 0 ? { pass: true, text: good } : { pass: false, text: some(faults) };

/** The first few of many. */
function some(faults: readonly string[]): string {
  const most = 5;
  const more = faults.length > most ? `; and ${faults.length - most} more` : "";
  return faults.slice(0, most).join("; ") + more;
}
