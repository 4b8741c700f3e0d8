// Splitting coalitions that carry a feature
// Group: lineage
// Answers: Which coalitions that split carry a feature of the text?
// $run (string, optional, default null): only this run; null asks all of them.
// $family (string, optional, default null): only features of this family, such as coverage (of the query's terms); null takes all.
// $feature (string, optional, default null): only this feature; null asks all of them.
// $r2 (float, optional, default 0.1): only alignments of at least this squared correlation.
// Empty: no coalition that splits aligns with such a feature in the runs loaded, or alignments were not evaluated
// column run: the run
// column layer: the coalition's layer
// column coalition: the coalition that splits
// column size: number of its members
// column feature: the feature
// column family: what it is made from
// column r2: its squared correlation with the feature
// column pair: its pairwise synergy, where that was evaluated
// column drop: what the metric loses when it is ablated, where that was evaluated
// column parts: coalitions it splits into
// column carrying: how many of these align with the feature too
// column targets (not in tables): full ids of these parts
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(s:Coalition)-[a:ALIGNS_WITH]->(f:Feature)
WHERE a.r2 >= $r2 AND ($feature IS NULL OR f.name = $feature) AND ($family IS NULL OR f.family = $family)
MATCH (s)-[:SPLITS_INTO]->(t:Coalition)
OPTIONAL MATCH (t)-[b:ALIGNS_WITH]->(f)
WHERE b.r2 >= $r2
WITH r, s, a, f, t, b
ORDER BY t.id
WITH r, s, a, f, count(t) AS parts, count(b) AS carrying, collect(t.id) AS targets
RETURN r.id AS run, s.layer AS layer, s.id AS coalition, s.size AS size, f.name AS feature, f.family AS family,
       a.r2 AS r2, s.pair AS pair, s.drop AS drop, parts, carrying, targets
ORDER BY run, layer, coalition, r2 DESC, feature
