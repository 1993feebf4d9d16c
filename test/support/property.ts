/**
 * How many texts a property test tries, and from which seed. A failure prints its seed;
 * `PROPERTY_SEED=<seed>` plays it again, and `PROPERTY_RUNS=<n>` tries more.
 */
export function propertyRuns(usual: number): { numRuns: number; seed?: number } {
  const { PROPERTY_RUNS: runs, PROPERTY_SEED: seed } = process.env;
  return {
    numRuns: runs === undefined ? usual : Number(runs),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  };
}
