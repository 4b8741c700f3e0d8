// Delete a run that has no coalitions any more
// $run (string, required, example "demo/pas.exact"): the run
// column deleted: 1
MATCH (r:Run {id: $run})
DETACH DELETE r
RETURN count(*) AS deleted
