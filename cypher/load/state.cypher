// What the graph has of a run
// $run (string, required, example "demo/pas.exact"): the run
// column status: loading, complete or deleting; no row where there is no such run
// column fingerprint: of its content
// column keep: strongest edges kept of each source and target
// column model: its model
// column properties: everything the graph says of it
MATCH (r:Run {id: $run})
OPTIONAL MATCH (r)-[:ANALYSES]->(m:Model)
RETURN r.status AS status, r.fingerprint AS fingerprint, r.keep AS keep, m.id AS model, properties(r) AS properties
