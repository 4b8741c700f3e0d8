// Set the parameters
// Answers: with which run, coalition, layer and neuron does a look around in Neo4j Browser begin? With what lies in the graph: the newest analysis, and the coalition there with the most ancestors and descendants.
// Empty: nothing ingested yet: run `hedonic-graph ingest ANALYSIS`
// column run: a run of the newest analysis
// column other: another run to compare it with; itself where there is none
// column coalition: a coalition of it
// column layer: that coalition's layer
// column index: one of its members
MATCH (r:Run {status: 'complete'})
WITH r
ORDER BY r.created DESC, r.solver, coalesce(r.valuation, '') DESC, r.seed
LIMIT 2
WITH collect(r) AS runs
WITH head(runs) AS r, last(runs) AS other
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
WITH r, other, c,
     COUNT { (c)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO*1..3]->(:Coalition) } +
     COUNT { (c)<-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO*1..3]-(:Coalition) } AS relatives
ORDER BY relatives DESC, c.layer, c.rank
LIMIT 1
MATCH (n:Neuron)-[:MEMBER_OF]->(c)
RETURN r.id AS run, other.id AS other, c.id AS coalition, c.layer AS layer, min(n.index) AS index
