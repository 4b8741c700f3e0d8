// Fingerprints of the preferences that complete runs brought
// $analysis (string, required, example "demo"): the analysis
// $valuation (string, required, example "pas"): pas or oca
// column fingerprint: of the PREFERS edges of that analysis and valuation
// column run: a run that brought or found them
MATCH (r:Run {analysis: $analysis, valuation: $valuation, status: 'complete'})
RETURN r.preferences AS fingerprint, r.id AS run
ORDER BY run
