// Emergent coalitions
// Group: lineage
// Answers: Which coalitions come from none of the layer before?
// $run (string, optional, default null): only this run; null asks all of them.
// $layer (integer >= 0, optional, default null): only this layer; null asks all of them.
// $limit (integer >= 1, optional, default 50): at most so many, the largest first.
// Empty: no coalition of the runs loaded emerges
// column run: the run
// column layer: its layer
// column coalition: the coalition
// column size: number of its members
// column fate: what becomes of it
// column confidence: mean frequency of its pairs over resamples, where the solver has one
// column feature: feature that it aligns with best, where that was evaluated
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
WHERE c.origin = 'emerge' AND ($layer IS NULL OR c.layer = $layer)
RETURN r.id AS run, c.layer AS layer, c.id AS coalition, c.size AS size, c.fate AS fate,
       c.confidence AS confidence, c.feature AS feature
ORDER BY size DESC, run, layer, coalition
LIMIT $limit
