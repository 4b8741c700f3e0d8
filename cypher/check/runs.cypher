// Every run, with what says which runs share neurons and preferences
// column run: the run
// column status: loading, complete or deleting
// column analysis: its analysis
// column model: its model
// column valuation: its valuation
// column layers: its layers
MATCH (r:Run)
// Others may have nodes of that label in their Neo4j.
WHERE r.id IS NOT NULL AND r.analysis IS NOT NULL AND r.layers IS NOT NULL
OPTIONAL MATCH (r)-[:ANALYSES]->(m:Model)
RETURN r.id AS run, r.status AS status, r.analysis AS analysis, m.id AS model, r.valuation AS valuation,
       r.layers AS layers
ORDER BY run
