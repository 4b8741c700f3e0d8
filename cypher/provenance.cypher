// Provenance of a run
// Answers: what made a run, and which figures say how far it can be trusted?
// $run (string, required, example "demo/pas.exact"): the run.
// Empty: there is no such run
// column property: name of a parameter or figure
// column value: its value
MATCH (r:Run {id: $run})
UNWIND keys(r) AS property
RETURN property, r[property] AS value
ORDER BY property
