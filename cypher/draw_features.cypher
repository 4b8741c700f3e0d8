// Draw what coalitions align with
// Group: drawings for Neo4j Browser
// Answers: Which coalitions of a run align with which features, as paths.
// $run (string, required, example "demo/pas.exact"): the run.
// $r2 (float, optional, default 0.1): the least squared correlation to draw.
// Empty: no coalition follows a feature that closely, or the analysis was not evaluated
// column path: the coalition and the feature
MATCH (r:Run {status: 'complete'})<-[:FOUND_IN]-(c:Coalition)
WHERE r.id = $run
MATCH path = (c)-[a:ALIGNS_WITH]->(:Feature)
WHERE a.r2 >= $r2
RETURN path
ORDER BY a.r2 DESC, c.layer, c.rank
