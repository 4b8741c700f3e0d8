// Delete some coalitions of a run, with every edge they have
// $run (string, required, example "demo/pas.exact"): the run, which is being deleted
// $analysis (string, required, example "demo"): its analysis
// $coalitions (list, required, example ["demo/pas.exact/L07/C0000"]): the coalitions
// column deleted: number of coalitions deleted
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock: the run is not loaded anew while this deletes.
SET r.analysis = $analysis
WITH r
WHERE r.status = 'deleting'
UNWIND $coalitions AS id
MATCH (c:Coalition {id: id})
DETACH DELETE c
RETURN count(*) AS deleted
