// What the graph has of a run
// $run (string, required, example "demo/pas.exact"): the run
// column status: loading, complete or deleting; no row where there is no such run
// column fingerprint: of its content
// column keep: strongest edges kept of each source and target
MATCH (r:Run {id: $run})
RETURN r.status AS status, r.fingerprint AS fingerprint, r.keep AS keep
