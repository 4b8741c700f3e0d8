// Take a run out of every query before its parts go
// $run (string, required, example "demo/pas.exact"): the run
// column model: its model's key
// column analysis: its analysis
// column valuation: its valuation
// column sharing: number of other runs with the same preferences
// column loading: number of other runs of the model that are loading
MATCH (r:Run {id: $run})
SET r.status = 'deleting'
WITH r
OPTIONAL MATCH (r)-[:ANALYSES]->(m:Model)
RETURN m.id AS model, r.analysis AS analysis, r.valuation AS valuation,
       COUNT { MATCH (o:Run {analysis: r.analysis, valuation: r.valuation}) WHERE o.id <> r.id } AS sharing,
       COUNT { MATCH (o:Run {status: 'loading'})-[:ANALYSES]->(m) WHERE o.id <> r.id } AS loading
