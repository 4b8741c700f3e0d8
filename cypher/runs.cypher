// Runs
// Group: runs
// Answers: Which runs are in the graph, and are they whole?
// Empty: nothing ingested yet: run `hedonic-graph ingest ANALYSIS`
// column run: the run
// column status: complete; loading and deleting ones are left out of every other query but provenance
// column model: the model
// column task: task of the adapter, if known
// column valuation: pas or oca; none where partitions were imported
// column solver: exact, pac, ..., or imported
// column seed: the solver's seed, if it has one
// column layers: layers analysed
// column coalitions: number of coalitions
// column interactions: number of interaction edges kept
// column events: number of persist, split and merge edges
// column created: when it was computed
MATCH (r:Run)
// Others may have nodes of that label in their Neo4j.
WHERE r.id IS NOT NULL AND r.analysis IS NOT NULL AND r.layers IS NOT NULL
OPTIONAL MATCH (r)-[:ANALYSES]->(m:Model)
RETURN r.id AS run, r.status AS status, m.id AS model, r.task AS task, r.valuation AS valuation, r.solver AS solver,
       r.seed AS seed, r.layers AS layers, r.coalitions AS coalitions, r.interactions AS interactions,
       r.events AS events, r.created AS created
ORDER BY run
