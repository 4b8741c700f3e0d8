// Let no loader write any more to the parts of a run that is being deleted
// $run (string, required, example "demo/pas.exact"): the run, which is being deleted
// $analysis (string, required, example "demo"): its analysis
// $parts (list, required, example ["demo/pas.exact/L07/members"]): its own parts
// column stopped: number of parts there were
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock: the run is not loaded anew while this deletes.
SET r.analysis = $analysis
WITH r
WHERE r.status = 'deleting'
UNWIND $parts AS id
MATCH (p:Part {id: id})
SET p.status = 'deleting'
RETURN count(p) AS stopped
