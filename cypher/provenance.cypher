// Provenance of a run
// Group: runs
// Answers: What made a run, and which figures say how far to trust it?
// $run (string, required, example "demo/pas.exact"): the run.
// Empty: there is no such run
// column property: name of a parameter or figure; those of the model begin with "model."
// column value: its value; config is the whole configuration as JSON
MATCH (r:Run {id: $run})
OPTIONAL MATCH (r)-[:ANALYSES]->(m:Model)
UNWIND [key IN keys(r) | {property: key, value: r[key]}] + [key IN coalesce(keys(m), []) | {property: 'model.' + key, value: m[key]}] AS one
RETURN one.property AS property, one.value AS value
ORDER BY property
