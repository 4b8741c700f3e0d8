// Draw the events of a run
// Group: drawings for Neo4j Browser
// Answers: What becomes of the coalitions of one layer or all, as paths.
// $run (string, required, example "demo/pas.exact"): the run.
// $layer (integer >= 0, optional, default null): only from this layer into the next one; null draws every layer.
// Empty: no coalition there persists, splits or merges
// column path: a coalition, the event, and the coalition it leads to
MATCH (r:Run {status: 'complete'})<-[:FOUND_IN]-(c:Coalition)
WHERE r.id = $run AND ($layer IS NULL OR c.layer = $layer)
MATCH path = (c)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(t:Coalition)
RETURN path
ORDER BY c.layer, c.rank, t.rank
