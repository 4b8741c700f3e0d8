// Take a run out of every query before its parts go
// $run (string, required, example "demo/pas.exact"): the run
// column model: its model's key
// column neurons: neurons of the model in a layer
// column analysis: its analysis
// column valuation: its valuation
// column layers: its layers
MATCH (r:Run {id: $run})
SET r.status = 'deleting'
WITH r
OPTIONAL MATCH (r)-[:ANALYSES]->(m:Model)
RETURN m.id AS model, m.d_ff AS neurons, r.analysis AS analysis, r.valuation AS valuation, r.layers AS layers
