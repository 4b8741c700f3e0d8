// Delete a run that has no coalitions any more, and its parts
// $run (string, required, example "demo/pas.exact"): the run, which is being deleted
// $analysis (string, required, example "demo"): its analysis
// $parts (list, required, example ["demo/pas.exact/L07/members"]): its own parts
// column deleted: 1
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock: the run is not loaded anew while this deletes.
SET r.analysis = $analysis
WITH r
WHERE r.status = 'deleting'
OPTIONAL MATCH (p:Part)
WHERE p.id IN $parts
DETACH DELETE p
WITH DISTINCT r
DETACH DELETE r
RETURN count(*) AS deleted
