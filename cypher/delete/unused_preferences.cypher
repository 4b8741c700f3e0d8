// Say that the preferences of a layer are being deleted, where no run uses them
// $part (string, required, example "demo/pas/L07/preferences"): the part
// $analysis (string, required, example "demo"): their analysis
// $valuation (string, required, example "pas"): their valuation
// $layer (integer, required, example 7): their layer
// column claimed: 1, or 0 where a run uses them
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock: a run that begins now either is seen here or sees this.
SET p.kind = 'preferences'
WITH p
WHERE COUNT {
  MATCH (r:Run {analysis: $analysis, valuation: $valuation}) WHERE r.status <> 'deleting' AND $layer IN r.layers
} = 0
SET p.step = CASE p.status WHEN 'deleting' THEN p.step ELSE 0 END, p.status = 'deleting'
RETURN count(p) AS claimed
